package main

import (
	"context"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/journal"
)

// flip changes one byte in the middle of the journal's first block.
func flip(t *testing.T, dir string) {
	t.Helper()
	var block string
	err := filepath.WalkDir(dir, func(p string, _ fs.DirEntry, err error) error {
		if block == "" && strings.HasSuffix(p, ".blk") {
			block = p
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(block)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)/2] ^= 0xff
	if err := os.WriteFile(block, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// said is closed by the first line of a log.
type said chan struct{}

func (s said) Write(p []byte) (int, error) {
	select {
	case <-s:
	default:
		close(s)
	}
	return len(p), nil
}

func TestDamagedJournalLeavesTheWebServiceUp(t *testing.T) {
	c, err := config{Name: "north", Data: t.TempDir()}.complete()
	if err != nil {
		t.Fatal(err)
	}
	log, err := journal.Open(t.Context(), journal.Config{Dir: filepath.Join(c.Data, "journal"), Writer: c.Name})
	if err != nil {
		t.Fatal(err)
	}
	event := core.Event{At: time.Unix(1, 0).UTC(), Body: core.SettingChanged{Key: "a/b", Value: []byte("1"), Revision: 1}}
	if _, err := log.Append(t.Context(), event); err != nil {
		t.Fatal(err)
	}
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	flip(t, filepath.Join(c.Data, "journal"))

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	heard, ended := make(said), make(chan error, 1)
	s := &server{config: c, log: slog.New(slog.NewTextHandler(heard, &slog.HandlerOptions{Level: slog.LevelError})), live: newLive()}
	s.pair = newMembership(c, s.log, s.live, nil, &faults{})
	go func() {
		_, err := s.open(ctx)
		ended <- err
	}()
	select {
	case <-heard:
	case err := <-ended:
		t.Fatalf("the server ended with %v", err)
	}
	if got := s.live.health().Data; got.State != "down" || !strings.Contains(got.Cause, "is damaged") || strings.Contains(got.Cause, "hint") {
		t.Errorf("data service: got %+v, want down with the damage as its cause", got)
	}
	stop()
	if err := <-ended; err != nil {
		t.Errorf("a stop while the journal is damaged: got %v, want no error", err)
	}
}

func TestAFlagStandsOverTheFileForTheLogToo(t *testing.T) {
	file := filepath.Join(t.TempDir(), "c.yaml")
	if err := os.WriteFile(file, []byte("log: {format: json}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for flag, want := range map[string]string{"": "json", "text": "text", "json": "json"} {
		a := &app{logFormat: flag}
		if _, err := (serveFlags{file: file, data: t.TempDir()}).config(a); err != nil || a.logFormat != want {
			t.Errorf("--log-format %q: got %q, %v, want %q", flag, a.logFormat, err, want)
		}
	}
}
