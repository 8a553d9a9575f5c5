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

func TestRestOfStandardInputIsNotSentAsTheWhole(t *testing.T) {
	file, err := localFile("-", strings.NewReader("a scan"))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // nothing was read: the next server may have it
		if _, err := file.Open(); err != nil {
			t.Fatal(err)
		}
	}
	r, err := file.Open()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(r, make([]byte, 3)); err != nil {
		t.Fatal(err)
	}
	if _, err := file.Open(); err == nil || !strings.Contains(err.Error(), "hint: ") {
		t.Errorf("after three bytes: got %v, want an error with a hint", err)
	}
}
