package examples

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/twinleaf-scan/twinleaf/sdk/plugintest"
)

// python is Debian's, which has its grpcio.
const python = "/usr/bin/python3"

// run runs Python in a folder, with the SDK on its path.
func run(t *testing.T, dir string, args ...string) {
	t.Helper()
	sdk, err := filepath.Abs("../../sdk/python")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), python, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PYTHONPATH="+sdk, "PYTHONDONTWRITEBYTECODE=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("python3 %v: %v\n%s", args, err, out)
	}
}

func needPython(t *testing.T) {
	t.Helper()
	if err := exec.Command(python, "-c", "import grpc").Run(); err != nil {
		t.Skip("there is no /usr/bin/python3 with grpcio here (Debian: python3-grpcio)")
	}
}

func TestThePythonSDK(t *testing.T) {
	needPython(t)
	run(t, "../../sdk/python", "-m", "unittest")
}

func TestDatesInPython(t *testing.T) {
	needPython(t)
	run(t, "dates", "-m", "unittest")
	src := t.TempDir()
	if err := os.CopyFS(src, os.DirFS("dates/src")); err != nil {
		t.Fatal(err)
	}
	sdk, err := os.ReadFile("../../sdk/python/twinleaf_plugin.py")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(src, "twinleaf_plugin.py"), sdk, 0o644); err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(t.TempDir(), "example.dates")
	run(t, ".", "-m", "zipapp", src, "-p", python, "-o", bin)
	t.Chdir("dates") // where its cases are
	plugintest.Conform(t, bin)
}
