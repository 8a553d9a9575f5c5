package poppler

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/plugins/pdf/source/sourcetest"
)

const answer = `<html xmlns="http://www.w3.org/1999/xhtml"><head><title>x</title></head><body><doc>
<page width="612.0" height="792.0"><flow><block xMin="1" yMin="2" xMax="3" yMax="4"><line xMin="1" yMin="2" xMax="3" yMax="4">
<word xMin="1.5" yMin="2" xMax="3" yMax="4">R&amp;D` + "\x01\x02\uFFFF\xC3" + `</word><word xMin="NaN" yMin="1e300" xMax="x">é&#13;</word><word> </word></line></block></flow></page>
<page width="1" height="1"></page></doc></body></html>`

func TestAnswerOfPdftotextIsRead(t *testing.T) {
	pages := ParseText([]byte(answer))
	if len(pages) != 2 {
		t.Fatalf("got %d pages, want 2", len(pages))
	}
	words := pages[0].Blocks[0].Lines[0].Words
	want := []Word{{Rect{1.5, 2, 3, 4}, "R&D"}, {Rect{}, "é"}}
	if len(words) != 2 || words[0] != want[0] || words[1] != want[1] {
		t.Errorf("got %+v, want %+v", words, want)
	}
}

func TestBrokenAnswerGivesWhatCameBefore(t *testing.T) {
	cut := answer[:strings.Index(answer, "</word>")] + "</word><word xMin=<"
	pages := ParseText([]byte(cut))
	if len(pages) != 1 || len(pages[0].Blocks[0].Lines[0].Words) != 1 {
		t.Errorf("got %+v, want one page with one word", pages)
	}
}

// FuzzText holds that no answer makes the parser fail or lets control characters through.
func FuzzText(f *testing.F) {
	f.Add([]byte(answer))
	f.Add([]byte("<page><word>x</word><block><word>x</word><line><word>x</word>"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, p := range ParseText(b) {
			for _, b := range p.Blocks {
				for _, l := range b.Lines {
					for _, w := range l.Words {
						if w.Text == "" || strings.ContainsFunc(w.Text, func(r rune) bool { return r < ' ' || r == 0x7F }) {
							t.Fatalf("word %q", w.Text)
						}
					}
				}
			}
		}
	})
}

func TestRunsEndAtTheirLimits(t *testing.T) {
	for name, c := range map[string]struct {
		tools  Tools
		script string
		check  func(error) bool
	}{
		"time": {Tools{Time: 200 * time.Millisecond}, "sleep 60", func(err error) bool { return errors.Is(err, ErrTime) }},
		"CPU":  {Tools{Time: time.Second}, "while :; do :; done", func(err error) bool { var e *ExitError; return errors.Is(err, ErrTime) || errors.As(err, &e) }},
		"file": {Tools{FileMB: 1}, "exec dd if=/dev/zero of=big bs=1M count=3", func(err error) bool { var e *ExitError; return errors.As(err, &e) }},
		"memory": {Tools{MemoryMB: 64}, "exec dd if=/dev/zero of=/dev/null bs=200M count=1", func(err error) bool {
			var e *ExitError
			return errors.As(err, &e)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir())
			start := time.Now()
			_, err := c.tools.run(context.Background(), "", 10, "sh", "-c", c.script)
			if !c.check(err) {
				t.Errorf("got %v", err)
			}
			if took := time.Since(start); took > 20*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
}

func TestCallerCanStopARun(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := (Tools{}).run(ctx, "", 10, "sleep", "60"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
}

func TestComplaintsAreCutShortAndTidied(t *testing.T) {
	_, err := (Tools{}).run(context.Background(), "", 10, "sh", "-c", `i=0; while [ $i -lt 5000 ]; do echo line $i >&2; i=$((i+1)); done; printf 'a\033b\n' >&2; exit 7`)
	var exit *ExitError
	if !errors.As(err, &exit) || exit.Status != 7 || len(exit.Said) > 200 || strings.Contains(exit.Said, "\n") {
		t.Errorf("got %v, want status 7 and a short line", err)
	}
}

func TestHealthOfFiles(t *testing.T) {
	plain := sourcetest.Bytes("/ID[<01><02>]", sourcetest.One("/MediaBox[0 0 9 9]", "")...)
	sound := sourcetest.Write(t, plain)
	locked := sourcetest.QPDF(t, sound, "--encrypt", "user", "owner", "256", "--")
	for name, c := range map[string]struct {
		path, password string
		want           Health
	}{
		"sound":          {sound, "", Sound},
		"damaged":        {sourcetest.Write(t, bytes.Replace(plain, []byte("%PDF-1.7\n"), []byte("%PDF-1.7\n%more\n"), 1)), "", Damaged},
		"hopeless":       {sourcetest.Write(t, []byte("%PDF-1.7\nnothing")), "", Hopeless},
		"locked":         {locked, "", Locked},
		"user password":  {locked, "user", Sound},
		"owner password": {locked, "owner", Sound},
	} {
		got, said, err := (Tools{}).Check(context.Background(), c.path, c.password)
		if got != c.want || err != nil || got == Hopeless && said != "its end is missing, as after a transfer that broke off" {
			t.Errorf("%s: got %v (%q, %v), want %v", name, got, said, err, c.want)
		}
	}
	for password, want := range map[string]bool{"user": false, "owner": true} {
		if got, err := (Tools{}).Owner(context.Background(), locked, password); got != want || err != nil {
			t.Errorf("owner with %s: got %v (%v), want %v", password, got, err, want)
		}
	}
	open := filepath.Join(t.TempDir(), "open.pdf")
	if err := (Tools{}).Decrypt(context.Background(), locked, open, "user"); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(open); err != nil || bytes.Contains(b, []byte("/Encrypt")) {
		t.Errorf("the decrypted copy is still encrypted (%v)", err)
	}
}
