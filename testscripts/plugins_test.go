package testscripts

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// oldplugins DIR KIND…: a plug-in folder with the installed plug-ins and, beside them,
// those of the tests that are built against generation 1 of the contract:
// old-filter, old-recognizer, old-deliverer. It needs go.
func oldPluginsCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: oldplugins DIR KIND...")
	}
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o755))
	for _, program := range installed(ts) {
		ts.Check(os.Symlink(program, filepath.Join(dir, filepath.Base(program))))
	}
	for _, kind := range args[1:] {
		build := exec.Command("go", "build", "-ldflags", "-X main.kind="+kind, "-o", filepath.Join(dir, "old-"+kind), module+"/plugins/fault/old")
		if out, err := build.CombinedOutput(); err != nil {
			ts.Fatalf("build old-%s: %v\n%s", kind, err, out)
		}
	}
}

// installed are the plug-ins that lie where the server under test finds its own.
func installed(ts *testscript.TestScript) []string {
	dirs := []string{os.Getenv("TWINLEAF_PLUGINS")}
	if dirs[0] == "" {
		bin := filepath.Dir(ts.Getenv("TWINLEAF"))
		dirs = []string{filepath.Join(bin, "plugins"), filepath.Join(bin, "..", "lib", "twinleaf", "plugins")}
	}
	for _, dir := range dirs {
		if found, err := filepath.Glob(filepath.Join(dir, "*")); err == nil && len(found) > 0 {
			return found
		}
	}
	ts.Fatalf("no plug-ins in %s", strings.Join(dirs, " or "))
	return nil
}
