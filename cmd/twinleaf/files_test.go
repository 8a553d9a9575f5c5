package main

import (
	"io"
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
