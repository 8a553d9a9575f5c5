package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/console"
	"github.com/twinleaf-scan/twinleaf/console/api"
	"github.com/twinleaf-scan/twinleaf/console/client"
	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/journal"
)

// typed runs the command line in this process.
func typed(t *testing.T, stdin string, args ...string) (exit int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	exit = run(streams{strings.NewReader(stdin), &out, &errs}, args)
	return exit, out.String(), errs.String()
}

func TestExitCodesFollowTheContract(t *testing.T) {
	refused := core.Refuse(core.CodeEncrypted, "give the password", "it is encrypted")
	cases := []struct {
		err  error
		want int
	}{
		{nil, 0},
		{errors.New("broken"), 1},
		{&core.Failure{Code: core.CodeTimeout}, 1},
		{fmt.Errorf("wrapped: %w", usage("", "what")), 2},
		{fmt.Errorf("scan.pdf: %w", refused), 3},
		{api.NewProblem(413, core.CodeOverLimit, "", "too big"), 3},
		{api.NewProblem(404, core.CodeUnknown, "", "no job"), 1},
		{&partlyError{"page 3"}, 4},
		{fmt.Errorf("list: %w (…)", client.ErrUnreachable), 5},
		{&worstError{3}, 3},
		{context.Canceled, 1},
	}
	for _, c := range cases {
		if got := code(c.err); got != c.want {
			t.Errorf("%v: got exit %d, want %d", c.err, got, c.want)
		}
	}
}

func TestWorstExitCodeWins(t *testing.T) {
	for _, c := range [][3]int{{0, 4, 4}, {4, 3, 3}, {3, 4, 3}, {3, 1, 1}, {1, 0, 1}} {
		if got := worse(c[0], c[1]); got != c[2] {
			t.Errorf("worse(%d, %d): got %d, want %d", c[0], c[1], got, c[2])
		}
	}
}

func TestErrorsAreForPeople(t *testing.T) {
	cases := []struct {
		args []string
		exit int
		want string
	}{
		{[]string{"frobnicate"}, 2, "twinleaf: twinleaf has no command \"frobnicate\"\nhint: see twinleaf --help\n"},
		{[]string{"srve"}, 2, "twinleaf: twinleaf has no command \"srve\"\nhint: did you mean \"twinleaf serve\"?\n"},
		{[]string{"ocr"}, 2, "twinleaf: twinleaf ocr needs an input\nhint: see twinleaf ocr --help\n"},
		{[]string{"ocr", "--nope"}, 2, "twinleaf: unknown flag: --nope\nhint: see twinleaf ocr --help\n"},
		{[]string{"ocr", "no-such.tif"}, 2, "twinleaf: there is no file no-such.tif\nhint: is the name right?\n"},
		{[]string{"ocr", "-", "-", "--text", "-"}, 2, "twinleaf: standard input can be read only once\n"},
		{[]string{"ocr", "--profile", "-", "-"}, 2, "standard input can be read only once\nhint: give the profile in a file"},
		{[]string{"jobs", "--limit", "0"}, 2, "--limit 0 lists nothing"},
		{[]string{"journal", "--data", "no-such-folder"}, 2, "there is no journal in no-such-folder"},
		{[]string{"serve", "--listen", "0.0.0.0:1", "--check"}, 2, "hint: set tlsCert, tlsKey and token"},
		{[]string{"serve", "--config", "no-such.yaml"}, 2, "twinleaf: there is no file no-such.yaml\n"},
		{[]string{"--server", "http://127.0.0.1:1", "jobs"}, 5, "hint: is the server running?"},
		{[]string{"--server", "ftp://x", "jobs"}, 2, "is no server's address\nhint: write it as http://host:8080\n"},
		{[]string{"--server", "http://x?y", "jobs"}, 2, "without name, password, ? and #\nhint: write it as http://host:8080\n"},
		{[]string{"serve", "--listen", "xyz", "--check"}, 2, "\"xyz\" is no address\nhint: write it as 127.0.0.1:8080\n"},
		{[]string{"ocr", "--jobs", "x", "scan.tif"}, 2, "twinleaf: --jobs: \"x\" is no number\nhint: see twinleaf ocr --help\n"},
		{[]string{"ocr", "--max-pixels", "99999999999999999999", "scan.tif"}, 2, "--max-pixels: 99999999999999999999 is too large\nhint: "},
		{[]string{"ocr", "--timeout-page", "5", "scan.tif"}, 2, "twinleaf: --timeout-page: \"5\" has no unit\nhint: write 5s\n"},
		{[]string{"ocr", "--timeout-page", "soon", "scan.tif"}, 2, "--timeout-page: \"soon\" is no length of time\nhint: write it as 90s or 5m\n"},
		{[]string{"ocr", "--json=maybe", "scan.tif"}, 2, "--json: \"maybe\" is neither true nor false\nhint: "},
		{[]string{"ocr", "main.go", "-o", "main.go/x.pdf"}, 1, "twinleaf: cannot write into main.go: not a directory\nhint: choose another place"},
		{[]string{"ocr", "main.go", "--text", "main.go/x/y.txt"}, 1, "twinleaf: cannot write into main.go/x: not a directory\nhint: choose another place"},
		{[]string{"bench", "--pages", "../../testdata", "--html", "main.go/x.html"}, 1, "twinleaf: cannot write into main.go: not a directory\nhint: "},
		{[]string{"man", "--dir", "main.go/man"}, 1, "twinleaf: cannot write into main.go/man: not a directory\nhint: "},
		{[]string{"submit", "../../testdata/empty.tif"}, 3, "empty.tif: the file is empty\nhint: scan it again\n"},
		{[]string{"submit", "-"}, 3, "standard input: the file is empty\nhint: scan it again\n"},
		{[]string{"submit", "../../testdata"}, 2, "../../testdata is a folder\nhint: name the files in it\n"},
		{[]string{"--log-format", "xml", "serve", "--plugins", "."}, 2, "use text or json"},
		{[]string{"profile"}, 2, "twinleaf profile needs a command"},
		{[]string{"profile", "set", "bad/name", "a=b"}, 2, "is no name for a profile"},
		{[]string{"profile", "set", "fax", "langs=deu"}, 2, "this is no profile: unknown field \"langs\"\nhint: "},
		{[]string{"profile", "set", "fax", "mode=fast"}, 2, "\"fast\" is no mode\nhint: known are: "},
		{[]string{"destination", "set", "archive", "dir=x"}, 2, "this is no destination: unknown field \"dir\"\nhint: write "},
		{[]string{"jobs", "--state", "lost"}, 2, "\"lost\" is no state of a job\nhint: known are: queued, "},
		{[]string{"ocr", "main.go", "-o", "main.txt"}, 2, "-o is for the PDF, and main.txt is no name for one\nhint: say --text main.txt\n"},
	}
	for _, c := range cases {
		exit, out, errs := typed(t, "", c.args...)
		if exit != c.exit || !strings.Contains(errs, c.want) || out != "" || strings.Count(errs, "\n") > 2 {
			t.Errorf("%v: got exit %d, %q, output %q; want exit %d and %q in at most two lines", c.args, exit, errs, out, c.exit, c.want)
		}
	}
}

func TestPartlyDoneSaysWhatHelps(t *testing.T) {
	torn := core.PageFailure{Page: 1, Failure: core.Failure{Code: core.CodeDamaged, Detail: "it is torn"}}
	slow := core.PageFailure{Page: 3, Failure: core.Failure{Code: core.CodeTimeout, Detail: "too slow", Remedy: "give it more time"}}
	for _, c := range []struct {
		pages []core.PageFailure
		want  string
	}{
		{[]core.PageFailure{torn}, "hint: the manifest says more"},
		{[]core.PageFailure{torn, slow}, "hint: give it more time"},
	} {
		if got := partly(core.JobView{Name: "scan", Failures: c.pages}).Error(); !strings.Contains(got, c.want) {
			t.Errorf("got %q, want %q in it", got, c.want)
		}
	}
}

func TestManualPagesGoIntoANewFolder(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "share", "man1")
	exit, _, errs := typed(t, "", "man", "--dir", dir)
	pages, err := filepath.Glob(filepath.Join(dir, "twinleaf*.1"))
	if exit != 0 || err != nil || len(pages) < 10 {
		t.Errorf("got exit %d, %d pages, %q, %v; want a page for each command", exit, len(pages), errs, err)
	}
}

func TestVersionAndManualPrintToStandardOutput(t *testing.T) {
	for _, args := range [][]string{{"version"}, {"--version"}, {"version", "--json"}, {"man"}, {"--help"}, {"completion", "bash"}} {
		if exit, out, errs := typed(t, "", args...); exit != 0 || len(out) < 20 || errs != "" {
			t.Errorf("%v: got exit %d, %d bytes, %q", args, exit, len(out), errs)
		}
	}
}

func TestConfigIsReadStrictly(t *testing.T) {
	dir := t.TempDir()
	write := func(text string) string {
		p := filepath.Join(dir, "c.yaml")
		if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return p
	}
	good := "name: north\ndata: " + dir + "/d\nworkers: 3\ndrainTimeout: 1m\nweb: {listen: '127.0.0.1:9', maxUpload: 5}\nwatch: [{dir: " + dir + ", profile: fax, interval: 2s}]\n"
	c, err := readConfig(write(good))
	if err == nil {
		c, err = c.complete()
	}
	if err != nil || c.Name != "north" || c.Workers != 3 || c.DrainTimeout != time.Minute || c.Web.MaxUpload != 5 ||
		c.Watch[0].Profile != "fax" || c.Watch[0].Interval != 2*time.Second || c.Delivered != dir+"/d/delivered" {
		t.Errorf("got %+v, %v", c, err)
	}
	for text, want := range map[string]string{
		"workrs: 3":                        "field workrs not found",
		"workers: many":                    "line 1: workers: \"many\" is no number\nhint: ",
		"workers: [1]":                     "line 1: workers cannot be a list\nhint: ",
		"\ndrainTimeout: 5":                "line 2: drainTimeout: \"5\" has no unit\nhint: write 5s",
		"web: hello":                       "line 1: web cannot be a single value\nhint: ",
		"web: {insecure: perhaps so}":      "web: insecure: \"perhaps so\" is neither true nor false\nhint: ",
		"watch: [{dir: .}, {interval: 5}]": "watch: entry 2: interval: \"5\" has no unit\nhint: write 5s",
		"web: {token: short}":              "token: at least 16 characters, so that it cannot be guessed\nhint: ",
		"log: {level: loud}":               "log: level: \"loud\" is no level\nhint: ",
		"log: {format: xml}":               "log: format: \"xml\" is no format\nhint: ",
		"workers: -1":                      "cannot be negative",
		"name: 'a b'":                      "cannot be a server's name",
		"web: {listen: ':80'}":             "TLS and a token",
		"web: {tlsCert: /no, tlsKey: /no}": "tlsCert and tlsKey: open /no",
		"watch: [{dir: /no/such/dir}]":     "there is no folder",
		"watch: [{profile: x}]":            "names no dir",
		"watch: [{dir: .}, {dir: ./.}]":    "watched twice",
		"delivered: .\nwatch: [{dir: .}]":  "delivered into it",
	} {
		c, err := readConfig(write(text))
		if err == nil {
			_, err = c.complete()
		}
		if err == nil || !strings.Contains(err.Error(), want) || code(err) != exitUsage || strings.Contains(err.Error(), "main.") {
			t.Errorf("%q: got %v, want a usage error with %q", text, err, want)
		}
	}
}

func TestLevelOfTheEnvironmentIsNamedAsSuch(t *testing.T) {
	t.Setenv("TWINLEAF_LOG_LEVEL", "loud")
	exit, _, errs := typed(t, "", "serve", "--check", "--data", t.TempDir())
	if want := "TWINLEAF_LOG_LEVEL: \"loud\" is no level\nhint: "; exit != exitUsage || !strings.Contains(errs, want) {
		t.Errorf("got exit %d, %q; want %d and %q", exit, errs, exitUsage, want)
	}
}

func TestFieldsBecomeAForm(t *testing.T) {
	k := kind{word: "profile", lists: []string{"languages"}}
	v, err := k.form([]string{"languages=deu,eng", "limits.pages=5", "pdfa=2b", "mode=skip"}, nil)
	if got, want := fmt.Sprint(v), "map[languages:[deu eng] limits:map[pages:5] mode:skip pdfa:2b]"; err != nil || got != want {
		t.Errorf("got %s, %v; want %s", got, err, want)
	}
	v, err = k.form([]string{"-"}, strings.NewReader("languages: [spa]\n"))
	if got, want := fmt.Sprint(v), "map[languages:[spa]]"; err != nil || got != want {
		t.Errorf("from standard input: got %s, %v; want %s", got, err, want)
	}
	if _, err := k.form([]string{"a=b", "nonsense"}, nil); code(err) != exitUsage {
		t.Errorf("got %v, want a usage error", err)
	}
}

func TestMeterIsSilentAwayFromATerminal(t *testing.T) {
	var w bytes.Buffer
	m := newMeter(&w, "scan")
	m.see(core.JobView{Pages: core.PageCounts{Total: 3, Done: 1}})
	m.end()
	if w.Len() > 0 {
		t.Errorf("wrote %q into a pipe", w.String())
	}
}

func TestWholeFilesOnlyAppearUnderTheirNames(t *testing.T) {
	to := filepath.Join(t.TempDir(), "new", "out.pdf")
	cut := io.MultiReader(strings.NewReader("half"), errReader{})
	if err := writeWhole(to, cut, nil); err == nil {
		t.Error("a broken source was taken for whole")
	}
	if left, _ := os.ReadDir(filepath.Dir(to)); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	if err := writeWhole(to, strings.NewReader("whole"), nil); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(to); string(got) != "whole" {
		t.Errorf("got %q, want whole", got)
	}
}

type errReader struct{}

func (errReader) Read([]byte) (int, error) { return 0, errors.New("gone") }

func TestProbeKnowsAFullDisk(t *testing.T) {
	var p probe
	up, at := core.Item{State: "up"}, time.Unix(100, 0)
	if got := p.item(up, at); got.State != "up" {
		t.Errorf("at first: got %+v, want up", got)
	}
	p.note(&core.Failure{Code: core.CodeDataDown, Detail: "full"}, at)
	if got := p.item(up, at); got.State != "down" || got.Cause != "full" {
		t.Errorf("full: got %+v, want down, full", got)
	}
	p.note(context.Canceled, at) // says nothing about the disk
	if got := p.item(up, at); got.State != "down" {
		t.Errorf("still full: got %+v, want down", got)
	}
	p.note(nil, at)
	if got := p.item(up, at); got.State != "up" {
		t.Errorf("well again: got %+v, want up", got)
	}
	p.begin(at)
	if got := p.item(up, at.Add(probeSlow+1)); got.State != "down" || got.Cause != "the disk does not answer" {
		t.Errorf("stuck: got %+v, want down", got)
	}
}

func TestProfileComesFromStandardInput(t *testing.T) {
	o, err := ocrFlags{profile: "-"}.options(outputs{pdf: "o.pdf"}, strings.NewReader("languages: [spa]\n"))
	if err != nil || fmt.Sprint(o.Languages) != "[spa]" {
		t.Errorf("got %v, %v; want [spa]", o.Languages, err)
	}
}

func TestFailedJobWithoutACauseIsAnError(t *testing.T) {
	var out bytes.Buffer
	a := &app{std: streams{out: &out}}
	if err := a.tellEnd(submitFlags{}, core.JobView{ID: "a-1", State: core.Failed}); code(err) != exitFailed {
		t.Errorf("got %v, want exit code %d", err, exitFailed)
	}
}

func TestDoctorLooksAtThePluginsOfTheConfiguration(t *testing.T) {
	file := filepath.Join(t.TempDir(), "c.yaml")
	if err := os.WriteFile(file, []byte("plugins: /no/such/plugins\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	exit, out, _ := typed(t, "", "doctor", "--config", file, "--data", t.TempDir())
	if exit != exitFailed || !strings.Contains(out, "there is no folder /no/such/plugins") {
		t.Errorf("got exit %d and\n%s\nwant %d and a word on /no/such/plugins", exit, out, exitFailed)
	}
}

func TestDoctorKnowsAddressesThatAreTaken(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	at := l.Addr().String()
	c := config{Data: t.TempDir(), Web: console.Config{Listen: at}, Pair: pairConfig{Listen: at}, Nats: natsConfig{Listen: at}}
	states := func() string {
		var list []string
		for _, f := range addressFindings(t.Context(), c) {
			list = append(list, f.What+" "+f.State)
		}
		return strings.Join(list, ", ")
	}
	if got, want := states(), "address fail, pair address warn, workers' address fail"; got != want {
		t.Errorf("taken by another: got %s; want %s", got, want)
	}
	j, err := journal.Open(t.Context(), journal.Config{Dir: filepath.Join(c.Data, "journal")})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := states(), "address ok, workers' address ok"; got != want {
		t.Errorf("the server runs: got %s; want %s", got, want)
	}
	if err := errors.Join(j.Close(), l.Close()); err != nil {
		t.Fatal(err)
	}
	if got, want := states(), "address ok, workers' address ok"; got != want {
		t.Errorf("free: got %s; want %s", got, want)
	}
}

func TestDoctorLeavesNoTrace(t *testing.T) {
	top := t.TempDir()
	found := dataFindings(filepath.Join(top, "new", "state", "twinleaf"))
	left, err := os.ReadDir(top)
	if err != nil || len(left) != 0 || found[0].State != "ok" {
		t.Errorf("found %+v, left %v, %v; want a good folder and nothing left", found, left, err)
	}
}
