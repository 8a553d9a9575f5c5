package testscripts

import (
	"os"
	"os/exec"
	"path/filepath"

	"github.com/rogpeppe/go-internal/testscript"
)

// plugins DIR NAME…: a plug-in folder with the installed plug-ins and, beside them, others
// of this repository, such as fault. It needs go.
func pluginsCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: plugins DIR [NAME...]")
	}
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o755))
	for _, program := range installed(ts) {
		ts.Check(os.Symlink(program, filepath.Join(dir, filepath.Base(program))))
	}
	for _, name := range args[1:] {
		build := exec.Command("go", "build", "-o", filepath.Join(dir, name), module+"/plugins/"+name)
		if out, err := build.CombinedOutput(); err != nil {
			ts.Fatalf("build %s: %v\n%s", name, err, out)
		}
	}
}
