package host

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
)

func TestQuarantineComesFromDistinctFailuresOnly(t *testing.T) {
	now := time.Unix(1000, 0)
	h := health{limit: 3, rest: time.Minute}
	for _, step := range []struct {
		input       string
		quarantined bool
		backoff     time.Duration
	}{
		{"a", false, 0}, {"a", false, 0}, {"a", false, 0}, {"b", false, 50 * time.Millisecond}, {"b", false, 50 * time.Millisecond}, {"", true, 100 * time.Millisecond},
	} {
		if got := h.strike(step.input, "cause", now); got != step.quarantined || h.backoff() != step.backoff {
			t.Fatalf("strike %q: quarantine = %v, backoff = %s, want %v, %s", step.input, got, h.backoff(), step.quarantined, step.backoff)
		}
	}
	if err := h.allow(now.Add(59 * time.Second)); err == nil || !strings.Contains(err.Error(), "cause") {
		t.Errorf("in quarantine: %v, want a refusal with the cause", err)
	}
	if err := h.allow(now.Add(time.Minute)); err != nil {
		t.Errorf("the probe: %v", err)
	}
	if err := h.allow(now.Add(time.Minute)); err == nil {
		t.Error("a second call beside the probe is allowed")
	}
	if !h.success() || h.allow(now) != nil || h.backoff() != 0 {
		t.Errorf("after a success: %+v", h)
	}
}

func TestBackoffEndsAtTwoSeconds(t *testing.T) {
	h := health{limit: 1000}
	for range 100 {
		h.strike("", "", time.Time{})
	}
	if got := h.backoff(); got != 2*time.Second {
		t.Errorf("backoff = %s, want 2s", got)
	}
}

func FuzzHandshake(f *testing.F) {
	const dir = "/run/twinleaf/plugin-dir1"
	for _, seed := range []string{
		"1|2|unix|" + dir + "/plugin1|grpc|", "1|2|unix|" + dir + "/plugin1|grpc|CERT|true", "1|2|unix|" + dir + "/../x|grpc|",
		"1|2|unix|" + dir + "/|grpc|", "1|2|tcp|127.0.0.1:9|grpc|", "||||", "", "1|2|unix|" + dir + "/..|grpc", "1|2|unix|" + dir + "//a|grpc",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		clean, socket, err := handshake(line, dir)
		if err != nil {
			return
		}
		name := strings.TrimPrefix(socket, dir+"/")
		if name == socket || name == "" || name == "." || name == ".." || strings.Contains(name, "/") {
			t.Errorf("handshake(%q) lets the socket %q through", line, socket)
		}
		if clean != "1|2|unix|"+socket+"|grpc" {
			t.Errorf("handshake(%q) shows go-plugin %q", line, clean)
		}
	})
}

func TestStandardErrorBecomesLogRecords(t *testing.T) {
	var out bytes.Buffer
	l := &stderrLog{log: slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: dropTime}))}
	l.read(strings.NewReader(`{"time":"2026-01-01T00:00:00Z","level":"WARN","msg":"odd page","page":3}
{"@level":"error","@message":"from hclog","@timestamp":"x"}
plain words \ ` + "\x1b[31mred\x1b[0m" + `
{"broken json
` + strings.Repeat("x", maxLine+100) + "\nlast"))
	got := out.String()
	for _, want := range []string{
		`level=WARN msg="odd page" page=3`, `level=ERROR msg="from hclog"`, `level=DEBUG msg="plug-in says" line="plain words \\ ·[31mred·[0m"`, "line=last",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("log lacks %s:\n%.2000s", want, got)
		}
	}
	if strings.Contains(got, strings.Repeat("x", maxLine+1)) {
		t.Error("a line is longer than it may be")
	}
	if said := l.said(); len(said) != 4 || !strings.HasPrefix(said[0], "plain words") {
		t.Errorf("kept = %.200q, want the four plain lines", said)
	}
}

func dropTime(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}

func FuzzStderr(f *testing.F) {
	f.Add([]byte("{\"msg\":\"x\",\"a\":{\"b\":[1,2]}}\npanic: boom\n"))
	f.Add([]byte("\x00\xff\n{}\n{\"level\":7,\"msg\":[]}\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var out bytes.Buffer
		l := &stderrLog{log: slog.New(slog.NewTextHandler(&out, nil))}
		l.read(bytes.NewReader(raw))
		if strings.ContainsAny(out.String(), "\x1b\x00\r") {
			t.Errorf("control characters reach the log: %q", out.String())
		}
	})
}

// fill sets every field of a value to something that is not zero.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i))
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	case reflect.String:
		v.SetString("x")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(7)
	case reflect.Float64:
		v.SetFloat(7.5)
	default:
		panic(v.Kind().String())
	}
}

func TestConversionsLoseNoField(t *testing.T) {
	var want core.Inspection
	fill(reflect.ValueOf(&want).Elem())
	if got := inspectionIn(inspectionOut(want), want.By); !reflect.DeepEqual(got, want) {
		t.Errorf("inspection through the protocol = %+v, want %+v", got, want)
	}
}

func TestADocumentNamesEveryFileOnce(t *testing.T) {
	s, err := newSlot(t.TempDir())
	must(t, err)
	source := func(name string) core.Source {
		path := filepath.Join(t.TempDir(), name)
		must(t, os.WriteFile(path, []byte(name), 0o600))
		return core.Source{Path: path, File: core.File{Name: name, Ref: "ref-" + core.Ref(name)}}
	}
	scan, image, text := source("scan.tif"), source("page.png"), source("text.json")
	in := &inputs{slot: s, paths: map[string]string{}}
	doc, err := in.document(core.AssembleCall{
		Job: "j", Name: "scan", Inputs: []core.Source{scan},
		Pages: []core.PageParts{
			{Page: core.Page{Number: 1, Image: &core.PageImage{Width: 5, Orient: 6}, Clean: &core.PageClean{Turn: 90}}, Image: &image, Shown: &scan, Text: &text},
			{Page: core.Page{Number: 2, Info: core.PageInfo{Text: true}}, Text: &text},
			{Page: core.Page{Number: 3, Clean: &core.PageClean{Blank: true}, Image: &core.PageImage{}}, Image: &image},
		},
	})
	must(t, err)
	first, second, third := doc.Pages[0], doc.Pages[1], doc.Pages[2]
	if first.Image.Shown.Path != doc.Inputs[0].Path || first.Image.Orient != 6 || first.Filtered.Turn != 90 || first.Image.Image.SHA256 != "ref-page.png" {
		t.Errorf("page 1 = %+v, image %+v", first, first.Image)
	}
	if !second.Kept || second.Image != nil || second.Text.Path != first.Text.Path {
		t.Errorf("page 2 = %+v, want it kept, with the text that page 1 has too", second)
	}
	if !third.Blank || third.Kept || third.Image.Image.Path != first.Image.Image.Path {
		t.Errorf("page 3 = %+v, want it blank", third)
	}
	if placed, err := os.ReadDir(s.in); err != nil || len(placed) != 3 {
		t.Errorf("%d files were placed, %v, want 3", len(placed), err)
	}
	must(t, s.clear())
	if left, err := os.ReadDir(s.in); err != nil || len(left) != 0 {
		t.Errorf("after the call %v is left, %v", left, err)
	}
	if _, err := os.Stat(scan.Path); err != nil {
		t.Errorf("the source itself is gone: %v", err)
	}
}

func TestAFolderOfAnotherIsNoRunFolder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	must(t, os.WriteFile(file, nil, 0o600))
	link := filepath.Join(t.TempDir(), "link")
	must(t, os.Symlink(t.TempDir(), link))
	for _, base := range []string{file, link} {
		if c, err := claimIn(base, slog.New(slog.DiscardHandler)); err == nil {
			t.Errorf("claim in %s = %+v, want an error", base, c)
		}
	}
}

func TestALiveHostIsNotSwept(t *testing.T) {
	base := t.TempDir()
	log := slog.New(slog.DiscardHandler)
	first, err := claimIn(base, log)
	must(t, err)
	second, err := claimIn(base, log)
	must(t, err)
	for _, c := range []*claim{first, second} {
		if _, err := os.Stat(c.dir); err != nil {
			t.Errorf("claim of a live host: %v", err)
		}
		must(t, c.release())
	}
}
