package logfile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"gopkg.in/natefinch/lumberjack.v2"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/internal/durable"
)

// current is the file in use.
const current = "twinleaf.log"

// tick is how often lines that tell of trouble are brought to disk, and how often at most
// something is said of the log itself.
const tick = time.Second

// files writes lines into files; its goroutine owns it, but for the channels.
type files struct {
	dir     string
	out     *lumberjack.Logger
	log     *slog.Logger
	sink    *sink
	rotates chan chan error
	done    chan struct{} // closed when run has ended

	err   error  // why the last line was not taken; part of it may be at the end of the file
	dirty bool   // a line that tells of trouble is not on disk yet
	down  bool   // it was told that no lines are taken
	told  uint64 // of the lines that were lost, those that were told of
}

func newFiles(c Config, log *slog.Logger, s *sink) *files {
	return &files{
		dir: c.Dir, log: log, sink: s, rotates: make(chan chan error), done: make(chan struct{}),
		out: &lumberjack.Logger{Filename: filepath.Join(c.Dir, current), MaxSize: c.MB, MaxBackups: c.Count, Compress: true},
	}
}

// run writes lines until the sink is closed and all are written.
func (f *files) run() {
	defer close(f.done)
	second := time.NewTicker(tick)
	defer second.Stop()
	for {
		select {
		case one, more := <-f.sink.queue:
			if !more {
				f.sync()
				f.err = errors.Join(f.err, f.out.Close())
				f.tell()
				return
			}
			f.write(one.text)
		case <-second.C:
			f.sync()
			f.tell()
		case answer := <-f.rotates:
			for range len(f.sink.queue) { // what was logged before belongs before
				if one, more := <-f.sink.queue; more {
					f.write(one.text)
				}
			}
			answer <- f.setAside()
		}
	}
}

func (f *files) write(text []byte) {
	f.dirty = f.dirty || troubles(text)
	if f.err != nil {
		text = append([]byte("\n"), text...)
	}
	if f.err = os.MkdirAll(f.dir, 0o700); f.err == nil {
		_, f.err = f.out.Write(text)
	}
	if f.err != nil {
		f.sink.lost.Add(1)
	}
}

// tell says once that the disk takes no lines, and when it takes them again what was lost.
func (f *files) tell() {
	lost := f.sink.lost.Load()
	switch {
	case f.err != nil && !f.down:
		f.log.Error("log file cannot be written", "error", failure(f.dir, f.err))
	case f.err == nil && lost > f.told:
		f.log.Warn("log files lack lines that were lost", "lines", lost-f.told)
		f.told = lost
	}
	f.down = f.err != nil
}

func failure(dir string, err error) error {
	return &core.Failure{
		Code: core.CodeDataDown, Detail: fmt.Sprintf("the log cannot be written in %s: %s", dir, err),
		Remedy: "make room on the disk or mend it; until then standard error has the lines that the files lack",
	}
}

// troubles reports whether a line is worth waiting for the disk: a warning or worse.
func troubles(text []byte) bool {
	h, ok := headOf(bytes.TrimSuffix(text, []byte("\n")))
	return ok && h.level >= slog.LevelWarn
}

func (f *files) sync() {
	if f.dirty {
		f.dirty = false
		_ = durable.Sync(filepath.Join(f.dir, current)) // a line is not worth more trouble than that
	}
}

func (f *files) setAside() error {
	if err := os.MkdirAll(f.dir, 0o700); err != nil {
		return failure(f.dir, err)
	}
	if err := f.out.Rotate(); err != nil {
		return failure(f.dir, err)
	}
	f.err = nil
	return durable.Sync(f.dir)
}

func (f *files) rotate(ctx context.Context) error {
	answer := make(chan error, 1)
	select {
	case f.rotates <- answer:
	case <-f.done:
		return errors.New("set the log file aside: the log is closed")
	case <-ctx.Done():
		return fmt.Errorf("set the log file aside: the disk does not answer: %w", ctx.Err())
	}
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		return fmt.Errorf("set the log file aside: the disk does not answer: %w", ctx.Err())
	}
}
