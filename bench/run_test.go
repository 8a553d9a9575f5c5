package bench

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// script is a program for a test.
func script(t *testing.T, body string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+body+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

func run(t *testing.T, l Limits, program string, args ...string) Outcome {
	t.Helper()
	o, err := Run(t.Context(), l, program, args...)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func TestRunTellsHowAProgramEnded(t *testing.T) {
	o := run(t, Limits{Time: time.Minute}, script(t, `echo "not a scan: $1" >&2; echo "hint: scan it" >&2; exit 3`), "letter.docx")
	if o.Exit != 3 || o.Killed != "" || o.FirstLine() != "not a scan: letter.docx" {
		t.Errorf("got %+v", o)
	}
}

func TestRunEndsAProgramThatHangsWithAllItStarted(t *testing.T) {
	pidFile := filepath.Join(t.TempDir(), "pid")
	o := run(t, Limits{Time: 500 * time.Millisecond}, script(t, `setsid sleep 600 & echo $! > `+pidFile+`; wait`))
	if o.Killed != "time" || o.Exit != -1 {
		t.Errorf("got %+v, want it killed for its time", o)
	}
	raw, err := os.ReadFile(pidFile)
	if err != nil {
		t.Fatal(err)
	}
	grandchild := strings.TrimSpace(string(raw))
	eventually(t, "the grandchild ends", func() bool {
		cmdline, err := os.ReadFile("/proc/" + grandchild + "/cmdline")
		return err != nil || !strings.Contains(string(cmdline), "sleep")
	})
}

func TestRunEndsAProgramThatEatsMemory(t *testing.T) {
	// awk doubles a string until it is stopped, or at 256 MiB.
	o := run(t, Limits{Time: time.Minute, Memory: 48 << 20}, script(t,
		`awk 'BEGIN { s = "0123456789abcdef"; while (length(s) < 268435456) s = s s; system("sleep 60") }'`))
	if o.Killed != "memory" || o.Peak < 48<<20 {
		t.Errorf("got killed for %q at %d bytes, want memory above 48 MiB", o.Killed, o.Peak)
	}
}

func TestRunStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	o, err := Run(ctx, Limits{}, script(t, "exec sleep 600"))
	if err != nil || o.Killed != "interrupt" {
		t.Errorf("got %+v, %v, want it interrupted", o, err)
	}
}

func TestRunSaysThatThereIsNoProgram(t *testing.T) {
	if o, err := Run(t.Context(), Limits{}, filepath.Join(t.TempDir(), "twinleaf")); err == nil {
		t.Errorf("got %+v, want an error", o)
	}
}

func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !done() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain until %s", what)
		}
		<-time.After(10 * time.Millisecond)
	}
}

func TestManifestColumnsAreFoundByName(t *testing.T) {
	dir := t.TempDir()
	manifest := "cer\tpath\twer\tlang\tkind\n0.01\todd/a.tif\t0.2\teng\todd\n-\tb \"x\".pdf\t-\t-\tmfd\n"
	if err := os.WriteFile(filepath.Join(dir, "MANIFEST.tsv"), []byte(manifest), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := ReadManifest(dir)
	want := []Entry{{Path: "odd/a.tif", CER: 0.01, WER: 0.2, Lang: "eng", Kind: "odd"}, {Path: `b "x".pdf`, Kind: "mfd"}}
	if err != nil || len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	for _, bad := range []string{"", "path\tcer\na\tx\n", "path\n../../etc/passwd\n"} {
		if err := os.WriteFile(filepath.Join(dir, "MANIFEST.tsv"), []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := ReadManifest(dir); err == nil {
			t.Errorf("%q was read as %+v", bad, got)
		}
	}
}

func TestDataDirIsFoundFromTheEnvironment(t *testing.T) {
	t.Setenv("TWINLEAF_SHARED", t.TempDir())
	if dir, err := DataDir(); err == nil {
		t.Errorf("a folder without a manifest was taken: %s", dir)
	}
}
