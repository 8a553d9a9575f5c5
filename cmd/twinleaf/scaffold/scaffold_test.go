package scaffold

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/modfile"

	"github.com/twinleaf-scan/twinleaf/sdk"
	"github.com/twinleaf-scan/twinleaf/sdk/plugintest"
)

// in runs a program in a folder as somebody would who has no network.
func in(t *testing.T, dir, program string, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOPROXY=off", "GOWORK=off", "GOFLAGS=-mod=readonly -trimpath -buildvcs=false", "PYTHONDONTWRITEBYTECODE=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", program, strings.Join(args, " "), err, out)
	}
}

func write(t *testing.T, o Options) string {
	t.Helper()
	o.Dir = filepath.Join(t.TempDir(), "new")
	dir, err := Write(o)
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// Its own test puts each of them through package conform.
func TestEveryGoPluginPassesItsTestsOffline(t *testing.T) {
	for _, kind := range Kinds() {
		t.Run(kind, func(t *testing.T) {
			dir := write(t, Options{Name: "acme." + kind, Kind: sdk.Kind(kind), Lang: "go"})
			in(t, dir, "go", "vet", "./...")
			in(t, dir, "go", "test", "./...")
		})
	}
}

// python is Debian's, which has its grpcio.
const python = "/usr/bin/python3"

func TestEveryPythonPluginPassesItsTests(t *testing.T) {
	if err := exec.Command(python, "-c", "import grpc").Run(); err != nil {
		t.Skip("there is no /usr/bin/python3 with grpcio here (Debian: python3-grpcio)")
	}
	for _, kind := range Kinds() {
		t.Run(kind, func(t *testing.T) {
			dir := write(t, Options{Name: "acme." + kind, Kind: sdk.Kind(kind), Lang: "python"})
			in(t, dir, python, "-m", "unittest")
			in(t, dir, python, "-m", "zipapp", "src", "-p", python, "-o", "plugin")
			plugintest.Conform(t, filepath.Join(dir, "plugin"))
		})
	}
}

func TestEveryShellPluginPassesItsTest(t *testing.T) {
	if _, err := exec.LookPath("jq"); err != nil {
		t.Skip("there is no jq here")
	}
	program := filepath.Join(t.TempDir(), "exec")
	in(t, ".", "go", "build", "-o", program, "github.com/twinleaf-scan/twinleaf/plugins/exec")
	for _, kind := range scripted {
		t.Run(string(kind), func(t *testing.T) {
			dir := write(t, Options{Name: "acme.sh", Kind: kind, Lang: "shell", Exec: program})
			in(t, dir, "sh", "test.sh")
			if kind == sdk.KindFilter { // the others start more programs a call, and take the leak check's whole time
				plugintest.Conform(t, filepath.Join(dir, "acme.sh"))
			}
		})
	}
}

func TestHelloIsShort(t *testing.T) {
	dir := write(t, Options{Name: "hello", Kind: sdk.KindFilter, Lang: "go"})
	main, err := os.ReadFile(filepath.Join(dir, "main.go"))
	if n := strings.Count(string(main), "\n"); err != nil || n > 30 {
		t.Errorf("main.go of a filter has %d lines, %v, want at most 30", n, err)
	}
}

func TestAPublishedSDKIsRequiredNotCopied(t *testing.T) {
	dir := write(t, Options{Name: "hello", Kind: sdk.KindFilter, Lang: "go", SDK: "v1.2.3"})
	raw, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	mod, err := modfile.Parse("go.mod", raw, nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(mod.Replace) != 0 || mod.Require[0].Mod.String() != sdkModule+"@v1.2.3" {
		t.Errorf("go.mod requires %v and replaces %d modules, want %s@v1.2.3 and none", mod.Require[0].Mod, len(mod.Replace), sdkModule)
	}
	if _, err := os.Stat(filepath.Join(dir, "sdk")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the SDK's source is there: %v", err)
	}
}

func TestWhatCannotBeMadeIsRefusedWithAHint(t *testing.T) {
	good := Options{Name: "acme.x", Kind: sdk.KindFilter, Lang: "go"}
	for _, c := range []struct {
		change func(*Options)
		want   string
	}{
		{func(o *Options) { o.Name = "Acme X" }, "is no name"},
		{func(o *Options) { o.Name = "../x" }, "is no name"},
		{func(o *Options) { o.Name = "" }, "is no name"},
		{func(o *Options) { o.Name = "tesseract" }, "comes with Twinleaf"},
		{func(o *Options) { o.Kind = "printer" }, "is no kind"},
		{func(o *Options) { o.Lang = "cobol" }, "is no language"},
		{func(o *Options) { o.SDK = "latest" }, "is no version"},
		{func(o *Options) { o.Lang, o.SDK = "python", "v1.0.0" }, "is no version"},
		{func(o *Options) { o.Dir = t.TempDir() }, "is there already"},
	} {
		o := good
		c.change(&o)
		_, err := Write(o)
		wrong, ok := errors.AsType[*Error](err)
		if !ok || !strings.Contains(wrong.Text, c.want) || wrong.Hint == "" {
			t.Errorf("%+v: got %v, want … %s … and a hint", o, err, c.want)
		}
	}
}

// A plug-in that is made offline finds its modules in the cache that building the
// server filled only if both want the same versions.
func TestTheSDKRequiresWhatTheServerIsBuiltWith(t *testing.T) {
	raw, err := sdk.Source.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := modfile.Parse("sdk/go.mod", raw, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range theirs.Require {
		out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Version}}", r.Mod.Path).Output()
		if got := strings.TrimSpace(string(out)); err != nil || got != r.Mod.Version {
			t.Errorf("the server is built with %s %s, %v; the SDK requires %s\nhint: make sdk/go.mod say the same", r.Mod.Path, got, err, r.Mod.Version)
		}
	}
}
