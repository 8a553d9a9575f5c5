package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/bench"
)

const page = `<span class='ocrx_word' title='bbox 1 2 3 4; x_wconf 96'>one</span> <span class='ocrx_word' title='bbox 5 6 7 8; x_wconf 90'>two</span>`

func TestReadingsAreCompared(t *testing.T) {
	as := func(text, hocr string) reading { return reading{text: text, hocr: hocr, cpu: 1} }
	same := as("one two", page)
	for name, c := range map[string]struct {
		native reading
		want   string
		ok     bool
	}{
		"same":              {same, "the same to the byte", true},
		"confidence by two": {as("one two", strings.Replace(page, "90", "92", 1)), "the same text; 1 words with another confidence, by 2 at most", true},
		"confidence by six": {as("one two", strings.Replace(page, "96", "90", 1)), "the same text; 1 words with another confidence, by 6 at most", false},
		"moved box":         {as("one two", strings.Replace(page, "bbox 1", "bbox 0", 1)), "the same text at other places", true},
		"text":              {as("one too", strings.Replace(page, "two", "too", 1)), "another text", false},
		"no answer":         {reading{exit: 1, told: "no"}, "exit 0 (), native 1 (no)", false},
	} {
		r := report{OK: true, Files: []row{compare(same, c.native)}}
		r.conclude(2)
		if got := r.Files[0].verdict(); got != c.want || r.OK != c.ok {
			t.Errorf("%s: got %q, ok %t", name, got, r.OK)
		}
	}
}

// script makes a program of a shell script.
func script(t *testing.T, body string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+body), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestNothingIsComparedWithoutANativeEngine(t *testing.T) {
	c := check{program: script(t, `echo '{"engines":[{"plugin":"tesseract","libraries":{"build":"the distribution'"'"'s"}}]}'`)}
	if got, err := c.build(t.Context()); err == nil || !strings.Contains(err.Error(), "make native-engine") {
		t.Errorf("got %q, %v", got, err)
	}
	c.program = script(t, `echo '{"engines":[{"plugin":"tesseract","libraries":{"build":"native, sha256 01"}}]}'`)
	if got, err := c.build(t.Context()); err != nil || got != "tesseract, native, sha256 01" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestAFileIsReadByBothEngines(t *testing.T) {
	program := script(t, `
while [ $# -gt 0 ]; do
  case $1 in --native) mode=$2; shift;; --text) text=$2; shift;; --hocr) hocr=$2; shift;; esac
  shift
done
echo hello > $text
[ $mode = off ] && echo 'x_wconf 91' > $hocr || echo 'x_wconf 92' > $hocr`)
	c := check{program: program, data: t.TempDir(), patience: time.Minute}
	got, err := c.file(context.Background(), bench.Entry{Path: "scan.tif", Lang: "eng"})
	if err != nil {
		t.Fatal(err)
	}
	got.System, got.Native = 0, 0
	if want := (row{File: "scan.tif", Words: 1, Text: true, Layout: true, Confidence: 1, Moved: 1}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
