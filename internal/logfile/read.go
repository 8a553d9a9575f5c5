package logfile

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Query says which lines are wanted.
type Query struct {
	Since time.Time  // none that are older
	Level slog.Level // none that are lower
	After uint64     // those behind this one, the oldest first in line; 0: the newest
	Limit int        // how many at most; default 200
}

// Bounds of an answer.
const (
	defaultLines = 200
	maxLines     = 10_000
	maxAnswer    = 8 << 20 // bytes
)

// Lines are lines of a log, the oldest first. Each is a JSON object whose first members are n,
// its number, which grows from line to line, time, level and msg.
type Lines struct {
	Lines []json.RawMessage
	Next  uint64 // as After it gives what follows
}

// Read gives lines from memory and, where that does not reach, from the files.
func (l *Log) Read(ctx context.Context, q Query) (Lines, error) {
	select {
	case l.reads <- struct{}{}:
		defer func() { <-l.reads }()
	case <-ctx.Done():
		return Lines{}, ctx.Err()
	}
	recent := l.sink.newest()
	if n := len(recent); n > 0 && q.After > recent[n-1].n {
		q.After = 0 // of a run before this one, by a clock that was ahead
	}
	return read(ctx, l.config.Dir, q, recent)
}

// ReadDir gives lines of the files in a folder, whose server does not run.
func ReadDir(ctx context.Context, dir string, q Query) (Lines, error) { return read(ctx, dir, q, nil) }

func read(ctx context.Context, dir string, q Query, recent []line) (Lines, error) {
	if q.Limit <= 0 {
		q.Limit = defaultLines
	}
	q.Limit = min(q.Limit, maxLines)
	c := &choice{query: q, next: q.After}
	if len(recent) > 0 {
		c.before = recent[0].n
	}
	if len(recent) == 0 || q.After == 0 || q.After < c.before {
		if err := c.files(ctx, dir, matches(q, recent)); err != nil {
			return Lines{}, err
		}
	}
	c.before = 0
	for _, one := range recent {
		c.take(bytes.TrimSuffix(one.text, []byte("\n")))
	}
	return c.answer(), nil
}

// matches counts the lines in memory that are wanted.
func matches(q Query, recent []line) int {
	c := &choice{query: q}
	n := 0
	for _, one := range recent {
		if c.wants(bytes.TrimSuffix(one.text, []byte("\n"))) {
			n++
		}
	}
	return n
}

// choice collects lines in their order.
type choice struct {
	query  Query
	before uint64 // lines of this number and later are in memory; 0: none is
	next   uint64
	lines  [][]byte
	bytes  int
}

// wants reports whether a line is asked for, and moves on behind it.
func (c *choice) wants(text []byte) bool {
	h, ok := headOf(text)
	if !ok || c.before > 0 && h.n >= c.before || c.query.After > 0 && h.n <= c.query.After {
		return false
	}
	if c.query.After == 0 || !c.full() {
		c.next = max(c.next, h.n)
	}
	return h.level >= c.query.Level && !h.at.Before(c.query.Since)
}

// full reports whether no more lines may follow those that were taken. Without After
// there may: the oldest make room.
func (c *choice) full() bool {
	return c.query.After > 0 && (len(c.lines) >= c.query.Limit || c.bytes >= maxAnswer)
}

func (c *choice) take(text []byte) {
	if c.full() || !c.wants(text) || !whole(text) {
		return
	}
	c.lines, c.bytes = append(c.lines, bytes.Clone(text)), c.bytes+len(text)
	for c.query.After == 0 && len(c.lines) > 1 && (len(c.lines) > c.query.Limit || c.bytes > maxAnswer) {
		c.bytes -= len(c.lines[0])
		c.lines = c.lines[1:]
	}
}

func (c *choice) answer() Lines {
	out := Lines{Lines: make([]json.RawMessage, len(c.lines)), Next: c.next}
	for i, text := range c.lines {
		out.Lines[i] = text
	}
	return out
}

// files takes lines from the files. The newest lines need no more files than hold so many,
// besides those that are in memory.
func (c *choice) files(ctx context.Context, dir string, inMemory int) error {
	names, err := list(dir)
	if err != nil {
		return err
	}
	if c.query.After > 0 {
		for _, name := range names {
			if err := each(ctx, filepath.Join(dir, name), c.query.Since, c.take); err != nil || c.full() {
				return err
			}
		}
		return nil
	}
	var newest [][]byte
	for _, name := range slices.Backward(names) {
		part := &choice{query: c.query, before: c.before}
		part.query.Limit = max(c.query.Limit-inMemory-len(newest), 0)
		if part.query.Limit == 0 {
			break
		}
		if err := each(ctx, filepath.Join(dir, name), c.query.Since, part.take); err != nil {
			return err
		}
		newest = append(part.lines, newest...)
		c.next = max(c.next, part.next)
	}
	for _, text := range newest {
		c.lines, c.bytes = append(c.lines, text), c.bytes+len(text)
	}
	return nil
}

// list gives the names of the log files in a folder, the oldest first. A file that is
// being compressed is there once.
func list(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list the log files: %w", err)
	}
	var names []string
	for _, e := range entries {
		name := e.Name()
		if strings.HasPrefix(name, "twinleaf-") && (strings.HasSuffix(name, ".log") || strings.HasSuffix(name, ".log.gz")) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	names = slices.CompactFunc(names, func(packed, plain string) bool { return packed == plain+".gz" })
	if slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == current }) {
		names = append(names, current)
	}
	return names, nil
}

// open opens a log file. One that was compressed or thrown away meanwhile is looked for
// under its other name; nil: it is gone.
func open(path string) (*os.File, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		f, err = os.Open(path + ".gz")
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return f, err
}

// each hands the lines of a file to take, unless all are older than since.
func each(ctx context.Context, path string, since time.Time, take func([]byte)) error {
	f, err := open(path)
	if err != nil || f == nil {
		return err
	}
	defer f.Close() // read only
	if info, err := f.Stat(); err == nil && info.ModTime().Before(since.Add(-time.Minute)) {
		return nil
	}
	var in io.Reader = f
	if strings.HasSuffix(f.Name(), ".gz") {
		z, err := gzip.NewReader(f)
		if err != nil {
			return nil // torn when the server was killed; the lines are gone
		}
		in = z
	}
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 64<<10), 2*maxLine)
	for n := 0; lines.Scan(); n++ {
		if n%1000 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		take(lines.Bytes())
	}
	return nil // what follows a torn place cannot be read
}
