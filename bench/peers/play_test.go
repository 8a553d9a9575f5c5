package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// programs puts shell scripts on the PATH, before all others.
func programs(t *testing.T, bodies map[string]string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, body := range bodies {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+body+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	return dir
}

// sheets is a set of images that lies on disk.
func sheets(t *testing.T, s *set, n int) *laid {
	t.Helper()
	dir := t.TempDir()
	l := &laid{set: s, dir: filepath.Join(dir, s.Name), pdf: filepath.Join(dir, s.Name+".pdf")}
	if err := os.MkdirAll(l.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		l.images = append(l.images, filepath.Join(l.dir, string(rune('a'+i))+" it's.png"))
	}
	if err := os.WriteFile(filepath.Join(dir, s.Name+".list"), []byte(strings.Join(l.images, "\x00")), 0o600); err != nil {
		t.Fatal(err)
	}
	return l
}

// eachToText stands in for "twinleaf ocr IMAGE… --text DIR/".
const eachToText = `shift; while [ "$1" != --text ]; do n="${n} x"; in="$in
$1"; shift; done; i=0; for x in $n; do i=$((i+1)); echo some words > "$2$i.txt"; done`

func TestProgramsTakeTurnsInEveryRound(t *testing.T) {
	dir := programs(t, map[string]string{"twinleaf": eachToText, "tesseract": `[ "$OMP_THREAD_LIMIT" = 1 ] && echo three more words > "$2.txt"`})
	var said bytes.Buffer
	s := setup{twinleaf: filepath.Join(dir, "twinleaf"), at: 2, patience: time.Minute}
	got, err := play(t.Context(), s, sheets(t, &set{Name: "short", Lang: "eng", Rounds: 3}, 3), t.TempDir(), &said)
	if err != nil {
		t.Fatal(err)
	}
	var order []string
	for _, m := range got {
		order = append(order, m.Program)
		words := map[string]int{oursText: 6, processes: 9}[m.Program]
		if m.Failed != "" || m.Pages != 3 || m.Words != words || m.Wall <= 0 {
			t.Errorf("got %+v", m)
		}
	}
	if want := []string{oursText, processes, processes, oursText, oursText, processes}; !slices.Equal(order, want) {
		t.Errorf("got %q, want %q", order, want)
	}
	if strings.Count(said.String(), "\n") != 6 {
		t.Errorf("got %s", said.String())
	}
}

func TestAProgramThatFailsIsNotRunAgainAndNotCounted(t *testing.T) {
	dir := programs(t, map[string]string{"twinleaf": eachToText, "tesseract": `case "$1" in */b*) exit 0;; esac; echo word > "$2.txt"`})
	s := setup{twinleaf: filepath.Join(dir, "twinleaf"), at: 1, patience: time.Minute}
	got, err := play(t.Context(), s, sheets(t, &set{Name: "short", Lang: "eng", Rounds: 2}, 2), t.TempDir(), &bytes.Buffer{})
	if err != nil || len(got) != 3 {
		t.Fatalf("got %+v, %v, want two good runs and a failed one", got, err)
	}
	if why := got[1].Failed; why != "it made 1 of 2 pages" {
		t.Errorf("got %q", why)
	}
	if _, why := runs(got).of("short", processes, wall); !strings.Contains(why, "1 of 2") {
		t.Errorf("got %q", why)
	}
}

func TestAProgramThatIsNotInstalledIsARowWithAReason(t *testing.T) {
	l := sheets(t, &set{Name: "other", Lang: "eng", Rounds: 1}, 1)
	e := entry{theirs, l, func(string) []string { return []string{"no-such-program-at-all"} }}
	m, err := e.once(t.Context(), setup{patience: time.Minute}, t.TempDir(), 1)
	if err != nil || m.Failed != "no-such-program-at-all is not installed" {
		t.Errorf("got %+v, %v", m, err)
	}
}

func TestPagesAreLaidTurnedAndShifted(t *testing.T) {
	for _, program := range []string{"convert", "img2pdf", "qpdf"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%s is not installed", program)
		}
	}
	s := &set{Name: "two", Laid: 2, Pages: []page{{File: "testdata/minutes-g4.tif", Number: 1, Turn: 90}, {File: "testdata/letter-1bit.png", DPI: 200}, {File: "testdata/note.pbm"}}}
	l, err := lay(t.Context(), folders{repo: "../.."}, s, t.TempDir(), 5)
	if err != nil {
		t.Fatal(err)
	}
	sums := map[string]bool{}
	var names []string
	for _, path := range l.images {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		sums[string(raw)] = true
		names = append(names, filepath.Base(path))
	}
	if want := []string{"0001.tif", "0002.png", "0003.png", "0004.tif", "0005.png"}; !slices.Equal(names, want) || len(sums) != 5 {
		t.Errorf("got %v, %d of them different", names, len(sums))
	}
	var m measure
	if err := m.readPDF(t.Context(), l.pdf); err != nil || m.Pages != 5 || m.Words != 0 {
		t.Errorf("the PDF: got %+v, %v", m, err)
	}
	if _, err := lay(t.Context(), folders{repo: "../.."}, &set{Name: "bad", Laid: 1, Pages: []page{{File: "testdata/cut.tif", Number: 9}}}, t.TempDir(), 0); err == nil {
		t.Error("a page that is not there was laid")
	}
}
