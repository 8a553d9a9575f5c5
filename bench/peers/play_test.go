package main

import (
	"bytes"
	"maps"
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
	l := &laid{set: s, dir: filepath.Join(dir, s.Name), whole: filepath.Join(dir, s.Name+".pdf")}
	l.documents = []string{l.whole}
	if err := os.MkdirAll(l.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		l.images = append(l.images, filepath.Join(l.dir, string(rune('a'+i))+" it's.png"))
	}
	if err := os.WriteFile(l.list(), []byte(strings.Join(l.images, "\x00")), 0o600); err != nil {
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
	e := entry{name: theirs, in: l, args: func(string) []string { return []string{"no-such-program-at-all"} }}
	m, err := e.once(t.Context(), setup{patience: time.Minute}, t.TempDir(), 1)
	if err != nil || m.Failed != "no-such-program-at-all is not installed" {
		t.Errorf("got %+v, %v", m, err)
	}
	e.args, e.needs = func(string) []string { return []string{"sh", "-c", "exit 0"} }, "no-such-program-at-all"
	if m, err = e.once(t.Context(), setup{patience: time.Minute}, t.TempDir(), 1); err != nil || m.Failed != "no-such-program-at-all is not installed" {
		t.Errorf("behind a shell: got %+v, %v", m, err)
	}
	e.why = "nobody built it"
	if m, err = e.once(t.Context(), setup{patience: time.Minute}, t.TempDir(), 1); err != nil || m.Failed != e.why {
		t.Errorf("what cannot be run: got %+v, %v", m, err)
	}
}

// copies stands in for "twinleaf ocr A.pdf B.pdf … -o DIR/ …" and for "ocrmypdf … A.pdf OUT.pdf":
// each notes how it was called.
const (
	copiesAll  = `echo "$*" >>"${0%/*}/calls"; shift; while [ "$1" != -o ]; do in="$in $1"; shift; done; for x in $in; do cp "$x" "$2"; done`
	copiesEach = `echo "$*" >>"${0%/*}/calls"; while [ $# -gt 2 ]; do shift; done; cp "$1" "$2"`
)

func TestDocumentsGoToOneCallAndToOneCallEach(t *testing.T) {
	for _, program := range []string{"convert", "img2pdf", "qpdf", "pdftotext"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("%s is not installed", program)
		}
	}
	dir := programs(t, map[string]string{"twinleaf": copiesAll, "ocrmypdf": copiesEach})
	set := &set{Name: "dense", Lang: "eng", Laid: 5, Document: 2, Pages: []page{{File: "testdata/note.pbm"}}}
	l, err := lay(t.Context(), folders{repo: "../.."}, set, t.TempDir(), 0)
	if err != nil {
		t.Fatal(err)
	}
	s := setup{twinleaf: filepath.Join(dir, "twinleaf"), at: 2, patience: time.Minute}
	for _, e := range []entry{s.mine(ours, l, distribution, l.documents), s.peer(theirs, l, l.documents, "-O0"), s.peer(theirsWhole, l, []string{l.whole})} {
		if m, err := e.once(t.Context(), s, t.TempDir(), 1); err != nil || m.Failed != "" || m.Pages != 5 {
			t.Errorf("%s: got %+v, %v", e.name, m, err)
		}
	}
	raw, err := os.ReadFile(filepath.Join(dir, "calls"))
	if err != nil {
		t.Fatal(err)
	}
	calls := strings.Split(strings.TrimSpace(string(raw)), "\n")
	if len(calls) != 5 || !strings.Contains(calls[0], strings.Join(l.documents, " ")) || !strings.Contains(calls[0], "--native off") {
		t.Fatalf("got calls %q", calls)
	}
	for i, call := range calls[1:4] {
		if !strings.HasPrefix(call, "--quiet --language eng --jobs 2 -O0 "+l.documents[i]+" ") {
			t.Errorf("got call %q, want one for %s", call, l.documents[i])
		}
	}
	programs(t, map[string]string{"ocrmypdf": `case "$*" in *-002*) exit 7;; esac; ` + copiesEach})
	e := s.peer(theirs, l, l.documents)
	if m, err := e.once(t.Context(), s, t.TempDir(), 1); err != nil || !strings.HasPrefix(m.Failed, "exit 7") {
		t.Errorf("the second document fails: got %+v, %v", m, err)
	}
}

func TestWhatNothingIsAskedOfRunsOnce(t *testing.T) {
	l := &laid{set: &set{Name: "dense", Lang: "eng", Rounds: 3}, dir: t.TempDir(), whole: "all.pdf", documents: []string{"1.pdf", "2.pdf"}}
	s := setup{twinleaf: "/nowhere/twinleaf", at: 2, noNative: "not built"}
	once := map[string]int{}
	for _, e := range s.entries(l) {
		once[e.name] = e.rounds
		args := strings.Join(e.args("/out"), " ")
		if e.name == oursNative != strings.Contains(args, "--native auto") || (e.name == oursNative) != (e.why != "") {
			t.Errorf("%s runs as %q; cannot: %q", e.name, args, e.why)
		}
		if e.name == oursWhole != strings.Contains(args, "ocr all.pdf -o") {
			t.Errorf("%s runs as %q", e.name, args)
		}
	}
	want := map[string]int{ours: 0, theirs: 0, oursNative: 0, oursText: 0, processes: 0, inside: 0, oursPlain: 1, theirsPlain: 1, oursWhole: 1, theirsWhole: 1}
	if !maps.Equal(once, want) {
		t.Errorf("got rounds %v, want %v", once, want)
	}
}

func TestPagesAreLaidTurnedAndShifted(t *testing.T) {
	for _, program := range []string{"convert", "img2pdf", "qpdf", "pdftoppm"} {
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
	if err := m.readPDF(t.Context(), l.whole); err != nil || m.Pages != 5 || m.Words != 0 {
		t.Errorf("the PDF: got %+v, %v", m, err)
	}
	if _, err := lay(t.Context(), folders{repo: "../.."}, &set{Name: "bad", Laid: 1, Pages: []page{{File: "testdata/cut.tif", Number: 9}}}, t.TempDir(), 0); err == nil {
		t.Error("a page that is not there was laid")
	}
	drawn := &set{Name: "drawn", Laid: 2, Document: 1, Pages: []page{{File: "testdata/scan-jpeg.pdf", Number: 1, DPI: 100}}}
	if l, err = lay(t.Context(), folders{repo: "../.."}, drawn, t.TempDir(), 0); err != nil {
		t.Fatal(err)
	}
	left, err := filepath.Glob(filepath.Join(l.dir, "*"))
	if err != nil || !slices.Equal(left, l.images) || filepath.Base(l.images[1]) != "0002.jpg" || len(l.documents) != 2 {
		t.Errorf("a page of a PDF: got %v in %v, %v", left, l.documents, err)
	}
}
