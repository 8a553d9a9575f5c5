package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// set is a page set of four files with the same truth and different baselines.
func set(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	files := map[string]string{
		"MANIFEST.tsv": "path\tkind\tlang\ttruth\tscore_flags\tcer\twer\twer_order_insensitive\tword_recall\tmeasure\texpected\n" +
			"a.tif\tscans\teng\tt.txt\t-\t0.01\t0.05\t0.05\t0.9\tWER in order\t-\n" +
			"b.pdf\tscans\tdeu\tt.txt\t-fold\t0\t0\t0\t1\tWER in order\t-\n" +
			"c.pdf\tmfd\t-\tt.txt\t-\t0.5\t0.5\t0.5\t0.7\tWER order-insensitive (use word_recall)\t-\n" +
			"d.pdf\todd\t-\t-\t-\t-\t-\t-\t-\t-\t-\n" +
			"e.jpg\todd\teng\tt.txt\t-\t0.8\t1\t1\t0\tWER in order\tsame text as the truth, upright\n",
		"t.txt": "one two three four five six seven eight nine ten\n",
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// program answers `ocr FILE --lang L --text OUT -o PDF` with what body says of $1
// (the file) and $2 (the language).
func program(t *testing.T, body string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "twinleaf")
	content := "#!/bin/sh\n[ \"$1 $3 $5 $7\" = 'ocr --lang --text -o' ] || exit 2\nOUT=$6\nset -- \"$2\" \"$4\"\n" + body + "\n"
	if err := os.WriteFile(path, []byte(content), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

func measure(t *testing.T, body string, names ...string) report {
	t.Helper()
	c := check{program: program(t, body), data: set(t), names: names, patience: time.Minute}
	r, err := c.run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestRightTextPasses(t *testing.T) {
	r := measure(t, `case "$1 $2" in *b.pdf\ deu) tr a-z A-Z;; *) cat;; esac < "${1%/*}/t.txt" > "$OUT"`)
	if !r.OK || len(r.Files) != 4 || r.Mean.CER != 0 || r.Mean.Recall != 1 {
		t.Errorf("got %+v", r)
	}
}

func TestAFileThatIsWorseThanTheEngineFails(t *testing.T) {
	r := measure(t, `sed 's/ten/ton/' "${1%/*}/t.txt" > "$OUT"`)
	var bad []string
	for _, f := range r.Files {
		if !f.OK {
			bad = append(bad, f.File+": "+f.Why)
		}
	}
	if got, want := strings.Join(bad, "; "), "a.tif: CER is worse; b.pdf: CER is worse; e.jpg: the text should be that of the truth"; r.OK || got != want {
		t.Errorf("got %q (ok %v), want %q", got, r.OK, want)
	}
}

func TestWhatTheProgramSaidIsShownWhenItFails(t *testing.T) {
	r := measure(t, "echo 'damaged: a.tif' >&2; exit 3", "a.tif")
	if len(r.Files) != 1 || r.OK || r.Files[0].OK || !strings.Contains(r.Files[0].Why, "exit 3 : damaged: a.tif") {
		t.Errorf("got %+v", r)
	}
}

func TestTheReportIsATableOrJSON(t *testing.T) {
	r := measure(t, `cat "${1%/*}/t.txt" > "$OUT"`)
	var table, raw bytes.Buffer
	if err := r.print(&table, false); err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(table.String(), "\n"); lines != 6 || !strings.Contains(table.String(), "mean") {
		t.Errorf("the table has %d lines, want 6:\n%s", lines, table.String())
	}
	if err := r.print(&raw, true); err != nil {
		t.Fatal(err)
	}
	var back report
	if err := json.Unmarshal(raw.Bytes(), &back); err != nil || len(back.Files) != 4 || back.OK != r.OK {
		t.Errorf("JSON gave %+v, %v", back, err)
	}
}

func TestAMisspeltNameIsAnError(t *testing.T) {
	c := check{program: "true", data: set(t), names: []string{"nothing"}, patience: time.Minute}
	if r, err := c.run(t.Context()); err == nil {
		t.Errorf("got %+v, want an error", r)
	}
}
