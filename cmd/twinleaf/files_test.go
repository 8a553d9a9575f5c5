package main

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestWhatIsNoFileIsWrittenToAndNotReplaced(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	got := make(chan string, 1)
	go func() {
		data, err := os.ReadFile(pipe)
		got <- string(data) + errText(err)
	}()
	if err := writeWhole(pipe, strings.NewReader("a PDF"), nil); err != nil {
		t.Fatal(err)
	}
	info, err := os.Lstat(pipe)
	if err != nil || info.Mode()&os.ModeNamedPipe == 0 {
		t.Fatalf("the pipe was replaced: got %v, %v", info, err)
	}
	if text := <-got; text != "a PDF" {
		t.Errorf("through the pipe came %q, want a PDF", text)
	}
}

func errText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestStandardInputIsSentAsOftenAsItTakes(t *testing.T) {
	file, done, err := localFile(t.Context(), "-", strings.NewReader("a scan"))
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	for try := range 3 {
		r, err := file.Open()
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		if err != nil || string(got) != "a scan" || file.Size != 6 {
			t.Errorf("try %d: got %q of %d bytes, %v; want the whole scan", try, got, file.Size, err)
		}
	}
}

func TestScanOfAnotherUserIsNotSubmitted(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may read all files")
	}
	scan := filepath.Join(t.TempDir(), "scan.tif")
	if err := os.WriteFile(scan, []byte("II*"), 0); err != nil {
		t.Fatal(err)
	}
	exit, _, errs := typed(t, "", "submit", scan)
	if want := scan + " may not be read by this user\nhint: see ls -l "; exit != exitFailed || !strings.Contains(errs, want) {
		t.Errorf("got exit %d, %q; want %d and %q", exit, errs, exitFailed, want)
	}
}

func TestLogOfAnotherUserIsNotCalledMissing(t *testing.T) {
	for _, c := range []struct {
		err  error
		exit int
		want string
	}{
		{&fs.PathError{Op: "open", Path: "log", Err: syscall.EACCES}, exitFailed, "log may not be read by this user\nhint: run it as the server's user"},
		{&fs.PathError{Op: "open", Path: "log", Err: syscall.ENOENT}, exitUsage, "there are no log files in log\nhint: "},
	} {
		if err := noLog("log", c.err); code(err) != c.exit || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%v: got %v, exit %d; want %q, exit %d", c.err, err, code(err), c.want, c.exit)
		}
	}
}

func TestArchiveOfTheLogThatCannotBeWritten(t *testing.T) {
	data := t.TempDir()
	if err := os.Mkdir(filepath.Join(data, logFolder), 0o700); err != nil {
		t.Fatal(err)
	}
	exit, _, errs := typed(t, "", "log", "export", "--data", data, "-o", "main.go/log.tar.gz")
	if want := "cannot write into main.go: not a directory\nhint: "; exit != exitFailed || !strings.Contains(errs, want) {
		t.Errorf("got exit %d, %q; want %d and %q", exit, errs, exitFailed, want)
	}
}

// The disk may fill up while an output is written; the source may break off as well.
func TestErrorsOfTheFolderAreToldFromThoseOfTheSource(t *testing.T) {
	full := &fs.PathError{Op: "write", Path: "/srv/.twinleaf-123", Err: syscall.ENOSPC}
	err := aboutOutput("/srv/x.pdf", fmt.Errorf("copy: %w", unwritable("/srv", full)))
	if want := "cannot write into /srv: no space left on device\nhint: choose another place for the output, or make room there"; !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), ".twinleaf-") {
		t.Errorf("full: got %v, want %q", err, want)
	}
	err = writeWhole(filepath.Join(t.TempDir(), "x.pdf"), errReader{}, nil)
	if err == nil || strings.Contains(err.Error(), "cannot write") || !strings.HasSuffix(err.Error(), "x.pdf: gone") {
		t.Errorf("source broken off: got %v", err)
	}
}

func TestLookingAtTheWayToAnOutputLeavesNoTrace(t *testing.T) {
	top := t.TempDir()
	for _, to := range []string{"x.pdf", "new/deeper/x.pdf"} {
		if err := tryOutput(filepath.Join(top, to)); err != nil {
			t.Errorf("%s: got %v", to, err)
		}
	}
	if left, err := os.ReadDir(top); err != nil || len(left) != 0 {
		t.Errorf("left %v, %v; want nothing", left, err)
	}
}
