package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/bench"
)

func TestEveryHostileFileIsJudged(t *testing.T) {
	dir := t.TempDir()
	manifest := "path\tkind\tlang\texpected\nhostile/bomb.png\thostile\t-\treject\nhostile/loop.tif\thostile\t-\t1 page\n" +
		"odd/crash.pdf\todd\tdeu\tread it\nmfd/good.pdf\tmfd\teng\t-\n"
	if err := os.WriteFile(filepath.Join(dir, "MANIFEST.tsv"), []byte(manifest), 0o600); err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, "twinleaf")
	script := `#!/bin/sh
case "$2" in
*bomb*) echo "over limit: $4" >&2; exit 3;;
*loop*) exec sleep 600;;
*crash*) echo "some  text" > "$6"; exit 2;;
esac`
	if err := os.WriteFile(program, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	var shown bytes.Buffer
	results, err := trial{program: program, data: dir, limits: bench.Limits{Time: time.Second}}.run(t.Context(), show(&shown, false))
	if err != nil {
		t.Fatal(err)
	}
	for i := range results {
		results[i].Seconds, results[i].PeakMiB = 0, 0
	}
	want := []result{
		{File: "hostile/bomb.png", Exit: 3, Said: "over limit: eng", Expected: "reject", OK: true},
		{File: "hostile/loop.tif", Exit: -1, Killed: "time", Expected: "1 page"},
		{File: "odd/crash.pdf", Exit: 2, Text: "some text", Expected: "read it"},
	}
	if len(results) != len(want) {
		t.Fatalf("got %+v, want %+v", results, want)
	}
	for i := range want {
		if results[i] != want[i] {
			t.Errorf("got  %+v\nwant %+v", results[i], want[i])
		}
	}
	for _, words := range []string{"KILLED: time", "exit 2 (unknown)", "expected: reject"} {
		if !strings.Contains(shown.String(), words) {
			t.Errorf("%q is not shown:\n%s", words, shown.String())
		}
	}
}
