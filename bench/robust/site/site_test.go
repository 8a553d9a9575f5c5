package site

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

func TestCodeIsFoundInWhatInitPrints(t *testing.T) {
	for out, want := range map[string]string{
		"ABCD-EFGH-2345\n": "ABCD-EFGH-2345",
		"7Q3K2\n":          "7Q3K2",
		"Type this on the other server:\n\n  twinleaf pair join ABCD-EFGH-2345\n": "ABCD-EFGH-2345",
	} {
		if got, err := codeIn(out); got != want || err != nil {
			t.Errorf("%q: code %q (%v), want %q", out, got, err, want)
		}
	}
	if got, err := codeIn("there is no pair yet\n"); err == nil {
		t.Errorf("found the code %q where there is none", got)
	}
}

func TestLogIsReadAsItGrows(t *testing.T) {
	path := filepath.Join(t.TempDir(), "server.log")
	r := &LogReader{Path: path}
	if lines, err := r.Next(); len(lines) != 0 || err != nil {
		t.Errorf("of no file: %v (%v)", lines, err)
	}
	grow := func(text string) {
		t.Helper()
		f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.WriteString(text); err != nil {
			t.Fatal(err)
		}
	}
	grow(`{"time":"2026-03-01T12:00:00.5Z","level":"INFO","msg":"page begun","number":"job1page1"}` + "\npanic: no\n{\"le")
	lines, err := r.Next()
	if err != nil || len(lines) != 2 {
		t.Fatalf("%v (%v)", lines, err)
	}
	if l := lines[0]; l.Message != "page begun" || l.Text("number") != "job1page1" || !l.Time.Equal(time.Date(2026, 3, 1, 12, 0, 0, 5e8, time.UTC)) {
		t.Errorf("first line %+v", l)
	}
	if l := lines[1]; l.Level != "TEXT" || l.Message != "panic: no" {
		t.Errorf("second line %+v", l)
	}
	grow("vel\":\"WARN\",\"msg\":\"late\"}\n")
	if lines, err := r.Next(); err != nil || len(lines) != 1 || lines[0].Message != "late" {
		t.Errorf("later %v (%v)", lines, err)
	}
}

// stand makes a server of a shell script, so that processes are tried without a server.
func stand(t *testing.T, script string) *Server {
	t.Helper()
	dir := t.TempDir()
	program := filepath.Join(dir, "program")
	if err := os.WriteFile(program, []byte("#!/bin/sh\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
	s := &Server{Name: "north", Dir: dir, Web: "127.0.0.1:1", Programs: Programs{Twinleaf: program}}
	t.Cleanup(s.Kill)
	return s
}

func TestServerThatEndsIsNoticed(t *testing.T) {
	s := stand(t, "echo cannot >&2; exit 3\n")
	if err := s.Start(t.Context()); err == nil || !s.Running() {
		t.Errorf("started (%v), running %t", err, s.Running())
	}
	if got := s.Tail(100); got != "cannot\n" {
		t.Errorf("its log is %q", got)
	}
	s.Kill()
	if s.Running() {
		t.Error("it runs after it was killed")
	}
}

func TestFrozenServerStandsStillWithItsChildren(t *testing.T) {
	s := stand(t, "sleep 1000 & echo $! >$(dirname $0)/child; wait\n")
	if err := s.Launch(); err != nil {
		t.Fatal(err)
	}
	child := 0
	eventually(t, "it has a child", func() bool {
		text, _ := os.ReadFile(filepath.Join(s.Dir, "child"))
		child, _ = strconv.Atoi(string(text[:max(0, len(text)-1)]))
		return child > 0
	})
	parent := s.cmd.Process.Pid
	t.Cleanup(func() { _ = kill(child) })
	if err := s.Freeze(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "both stand still", func() bool { return state(parent) == "T" && state(child) == "T" })
	if err := s.Thaw(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "both go on", func() bool { return state(parent) == "S" && state(child) == "S" })
}

func kill(pid int) error {
	p, err := os.FindProcess(pid)
	if err != nil {
		return err
	}
	return p.Kill()
}

// state is the letter that the kernel has for what a process does.
func state(pid int) string {
	stat, _ := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	for i := len(stat) - 1; i >= 0; i-- {
		if stat[i] == ')' && i+2 < len(stat) {
			return string(stat[i+2])
		}
	}
	return ""
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	err := Eventually(t.Context(), 10*time.Second, what, func(context.Context) error {
		if ok() {
			return nil
		}
		return os.ErrNotExist
	})
	if err != nil {
		t.Fatal(err)
	}
}
