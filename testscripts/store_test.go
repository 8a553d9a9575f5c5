package testscripts

import (
	"archive/zip"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/rogpeppe/go-internal/testscript"
)

// stamp FILE VERSION: builds a version of the plug-in example.stamp. It needs go.
func stampCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: stamp FILE VERSION")
	}
	file := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(filepath.Dir(file), 0o755))
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w -X main.version="+args[1], "-o", file, module+"/plugins/fault/stamp")
	if out, err := build.CombinedOutput(); err != nil {
		ts.Fatalf("build example.stamp: %v\n%s", err, out)
	}
}

// smuggle ARCHIVE NAME: adds a file called NAME to a zip, and gives the archive its
// right checksum again.
func smuggleCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: smuggle ARCHIVE NAME")
	}
	archive := ts.MkAbs(args[0])
	r, err := zip.OpenReader(archive)
	ts.Check(err)
	defer r.Close()
	f, err := os.Create(archive + ".new")
	ts.Check(err)
	w := zip.NewWriter(f)
	for _, old := range r.File {
		ts.Check(w.Copy(old))
	}
	evil, err := w.Create(args[1])
	ts.Check(err)
	_, err = evil.Write([]byte("evil\n"))
	ts.Check(err)
	ts.Check(w.Close())
	ts.Check(f.Close())
	ts.Check(os.Rename(f.Name(), archive))
	content, err := os.ReadFile(archive)
	ts.Check(err)
	sums := fmt.Sprintf("%x  %s\n", sha256.Sum256(content), filepath.Base(archive))
	ts.Check(os.WriteFile(filepath.Join(filepath.Dir(archive), "SHA256SUMS"), []byte(sums), 0o644))
}

// flip FILE OFFSET: changes one byte of a file, whatever its mode.
func flipCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: flip FILE OFFSET")
	}
	found, err := filepath.Glob(ts.MkAbs(args[0]))
	ts.Check(err)
	if len(found) != 1 {
		ts.Fatalf("%s matches %d files", args[0], len(found))
	}
	var offset int
	_, err = fmt.Sscan(args[1], &offset)
	ts.Check(err)
	ts.Check(os.Chmod(found[0], 0o755))
	content, err := os.ReadFile(found[0])
	ts.Check(err)
	content[offset] ^= 1
	ts.Check(os.WriteFile(found[0], content, 0o755))
}
