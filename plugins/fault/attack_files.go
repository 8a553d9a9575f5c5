package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/twinleaf-scan/twinleaf/sdk"
)

// read reads from a file at the place that the second word says.
func read(_ context.Context, c deedCall) (string, error) {
	f, err := os.Open(word(c.arg, 0))
	if err != nil {
		return "", err
	}
	defer f.Close()
	if word(c.arg, 1) == "mem" {
		return readMemory(f)
	}
	b := make([]byte, 4096)
	n, err := f.Read(b)
	if n > 0 {
		return fmt.Sprintf("%d bytes", n), nil
	}
	return "", err
}

// readMemory reads the first page that is mapped into the process whose mem file f is.
func readMemory(f *os.File) (string, error) {
	maps, err := os.Open(filepath.Join(filepath.Dir(f.Name()), "maps"))
	if err != nil {
		return "", err
	}
	defer maps.Close()
	var from int64
	if _, err := fmt.Fscanf(maps, "%x", &from); err != nil {
		return "", err
	}
	n, err := f.ReadAt(make([]byte, 16), from)
	return fmt.Sprintf("%d bytes", n), err
}

func list(_ context.Context, c deedCall) (string, error) {
	entries, err := os.ReadDir(c.arg)
	return fmt.Sprintf("%d names", len(entries)), err
}

func create(_ context.Context, c deedCall) (string, error) {
	f, err := os.OpenFile(c.arg, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
	if err != nil {
		return "", err
	}
	_, err = f.WriteString("evil")
	return "a file", err
}

func overwrite(_ context.Context, c deedCall) (string, error) {
	f, err := os.OpenFile(c.arg, os.O_WRONLY, 0)
	if err != nil {
		return "", err
	}
	defer f.Close()
	_, err = f.WriteAt([]byte("evil"), 0)
	return "other content", err
}

func truncate(_ context.Context, c deedCall) (string, error) {
	return "an empty file", os.Truncate(c.arg, 0)
}

func chmod(_ context.Context, c deedCall) (string, error) {
	return "another mode", os.Chmod(c.arg, 0o777)
}

func rename(_ context.Context, c deedCall) (string, error) {
	return "another name", os.Rename(c.arg, c.arg+".evil")
}

func touch(_ context.Context, c deedCall) (string, error) {
	return "another time", os.Chtimes(c.arg, time.Unix(1, 0), time.Unix(1, 0))
}

// link gives a file a name in the output folder.
func link(ctx context.Context, c deedCall) (string, error) {
	to := sdk.Out(ctx, "linked")
	if err := os.Link(c.arg, to); err != nil {
		return "", err
	}
	return "a name for it", os.Remove(to)
}

// onInput makes an attack on the page that the call is about.
func onInput(a attack) attack {
	return func(ctx context.Context, c deedCall) (string, error) {
		c.arg = c.input.Path
		return a(ctx, c)
	}
}

// linkInput keeps the page under a name in the output folder.
func linkInput(ctx context.Context, c deedCall) (string, error) {
	to := sdk.Out(ctx, "kept")
	if err := os.Link(c.input.Path, to); err != nil {
		return "", err
	}
	return onKept(to)
}

func onKept(path string) (string, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return "", err
	}
	defer f.Close()
	_, err = io.WriteString(f, "evil")
	return "a second name", err
}
