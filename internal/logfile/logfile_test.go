package logfile

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
)

// screen is a standard error that tests read while the log writes it.
type screen struct {
	mu  sync.Mutex // guards buf
	buf bytes.Buffer
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.Write(p)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.String()
}

func openLog(t *testing.T, c Config) (*Log, *screen) {
	t.Helper()
	var out screen
	l := Open(c, slog.LevelInfo, func(level slog.Leveler) slog.Handler {
		return slog.NewTextHandler(&out, &slog.HandlerOptions{Level: level})
	})
	t.Cleanup(l.Close)
	return l, &out
}

// eventually polls until ok is true.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	late := time.After(20 * time.Second)
	for !ok() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("%s: not within 20 s", what)
		}
	}
}

// messages are the msg fields of lines.
func messages(t *testing.T, lines []json.RawMessage) string {
	t.Helper()
	var all []string
	for _, raw := range lines {
		var one struct{ Msg string }
		if err := json.Unmarshal(raw, &one); err != nil {
			t.Fatalf("%s: %v", raw, err)
		}
		all = append(all, one.Msg)
	}
	return strings.Join(all, " ")
}

func say(l *Log, from, to int) {
	for i := from; i <= to; i++ {
		l.Logger().Info(fmt.Sprint("m", i))
	}
}

func TestLinesGoToStandardErrorAndToTheFile(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "log")
	l, out := openLog(t, Config{Dir: dir})
	l.Logger().With("part", "web").Info("hello", "user", "kim", "took", time.Second)
	l.Logger().Debug("quiet")
	l.Close()
	l.Logger().Info("after the end")

	if got := out.String(); !strings.Contains(got, `level=INFO msg=hello part=web user=kim took=1s`) || strings.Contains(got, "quiet") || !strings.Contains(got, "after the end") {
		t.Errorf("standard error: %s", got)
	}
	raw, err := os.ReadFile(filepath.Join(dir, current))
	if err != nil {
		t.Fatal(err)
	}
	var one map[string]any
	if err := json.Unmarshal(raw, &one); err != nil {
		t.Fatalf("the file is not one line of JSON: %s", raw)
	}
	if one["msg"] != "hello" || one["level"] != "INFO" || one["part"] != "web" || one["user"] != "kim" || one["took"] != "1s" {
		t.Errorf("file: %s", raw)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("folder: %v, %v", info, err)
	}
	if l.Lost() != 0 {
		t.Errorf("%d lines lost", l.Lost())
	}
}

func TestTheLevelChangesAtRunTime(t *testing.T) {
	l, out := openLog(t, Config{Dir: t.TempDir()})
	l.SetLevel(slog.LevelDebug)
	l.Logger().With("part", "x").Debug("now heard")
	l.SetLevel(slog.LevelError)
	l.Logger().Warn("not any more")
	got, err := l.Read(t.Context(), Query{Level: slog.LevelDebug})
	if err != nil || messages(t, got.Lines) != "now heard" {
		t.Errorf("got %s, %v", got.Lines, err)
	}
	if !strings.Contains(out.String(), "now heard") || strings.Contains(out.String(), "not any more") {
		t.Errorf("standard error: %s", out)
	}
	if l.Level() != slog.LevelError {
		t.Errorf("level %v", l.Level())
	}
}

// TestEP15EP16AFailureSaysCodeCauseAndRemedy: wherever a failure is logged, and however it
// was wrapped, an operator finds its code, its cause and its remedy.
func TestEP15EP16AFailureSaysCodeCauseAndRemedy(t *testing.T) {
	full := &core.Failure{Code: core.CodeDataDown, Detail: "the disk is full", Remedy: "make room"}
	for name, c := range map[string]struct {
		args []any
		want string
	}{
		"bare":            {[]any{"error", full}, `code=data-down cause="the disk is full" remedy="make room"`},
		"under any name":  {[]any{"err", full, "job", 7}, `code=data-down cause="the disk is full" remedy="make room" job=7`},
		"wrapped":         {[]any{"error", fmt.Errorf("write page 3: %w", full)}, `error="write page 3: the disk is full" code=data-down cause="the disk is full" remedy="make room"`},
		"among others":    {[]any{"error", errors.Join(errors.New("x"), full)}, `error="x\nthe disk is full" code=data-down cause="the disk is full" remedy="make room"`},
		"code said":       {[]any{"code", "timeout", "error", full}, `code=timeout cause="the disk is full" remedy="make room"`},
		"as the cause":    {[]any{"cause", fmt.Errorf("open: %w", full)}, `error="open: the disk is full" code=data-down cause="the disk is full" remedy="make room"`},
		"no remedy":       {[]any{"error", &core.Failure{Code: "x", Detail: "y"}}, `code=x cause=y`},
		"no failure":      {[]any{"error", io.EOF}, `error=EOF`},
		"none at all":     {[]any{"error", nil}, `error=<nil>`},
		"names of a line": {[]any{"level", "trick", "n", 5}, `level_=trick n_=5`},
	} {
		l, out := openLog(t, Config{Dir: t.TempDir()})
		l.Logger().Error("it failed", c.args...)
		if got := strings.TrimSpace(out.String()); !strings.HasSuffix(got, `msg="it failed" `+c.want) {
			t.Errorf("%s: got %s, want %s", name, got, c.want)
		}
		lines, err := l.Read(t.Context(), Query{})
		if err != nil || len(lines.Lines) != 1 || !json.Valid(lines.Lines[0]) {
			t.Errorf("%s: got %s, %v", name, lines.Lines, err)
		}
	}
	l, out := openLog(t, Config{Dir: t.TempDir()})
	l.Logger().With("error", full).WithGroup("g").Error("in a group", "n", 1, "error", io.EOF)
	if got := out.String(); !strings.Contains(got, `code=data-down cause="the disk is full" remedy="make room" g.n=1 g.error=EOF`) {
		t.Errorf("with attributes and groups: %s", got)
	}
}

func TestAFullDiskStopsNothingAndIsTold(t *testing.T) {
	// A file where the folder should be takes no lines, for root too.
	dir := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	l, out := openLog(t, Config{Dir: dir})
	say(l, 1, 100)
	eventually(t, "the full disk is told", func() bool {
		return strings.Contains(out.String(), `msg="log file cannot be written" part=log code=data-down cause="the log cannot be written`)
	})
	if l.Lost() < 100 || strings.Count(out.String(), "cannot be written\" part") != 1 || !strings.Contains(out.String(), "msg=m100") {
		t.Errorf("lost %d; standard error: %s", l.Lost(), out)
	}
	// Memory has what the disk does not take.
	if got, err := l.Read(t.Context(), Query{Limit: 3, Level: slog.LevelInfo}); err == nil {
		t.Errorf("three of a folder that is a file: %v", got.Lines)
	}
	if got, err := l.Read(t.Context(), Query{After: l.sink.newest()[0].n, Limit: 2}); err != nil || messages(t, got.Lines) != "m2 m3" {
		t.Errorf("from memory: %s, %v", got.Lines, err)
	}
	var packed bytes.Buffer
	if err := l.Export(t.Context(), &packed); err != nil || !strings.Contains(strings.Join(unpack(t, &packed), ","), "recent.log") {
		t.Errorf("export: %v", err)
	}

	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	l.Logger().Info("room again")
	eventually(t, "the loss is told", func() bool {
		return strings.Contains(out.String(), `msg="log files lack lines that were lost" part=log lines=10`)
	})
	l.Close()
	if raw, err := os.ReadFile(filepath.Join(dir, current)); err != nil || !strings.Contains(string(raw), "room again") {
		t.Errorf("file: %s, %v", raw, err)
	}
}

func TestADiskThatHangsStopsNothing(t *testing.T) {
	dir := t.TempDir()
	fifo := filepath.Join(dir, current)
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Skipf("no named pipes here: %v", err)
	}
	l, out := openLog(t, Config{Dir: dir, Queue: 10, Grace: time.Millisecond})
	say(l, 1, 1000) // returns, though nobody reads the pipe
	if !strings.Contains(out.String(), "msg=m1000") || l.Lost() < 980 {
		t.Errorf("lost %d; standard error ends %.200s", l.Lost(), out)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := l.Rotate(ctx); err == nil {
		t.Error("a hanging disk was said to have set the file aside")
	}
	l.Close()
	select {
	case <-l.files.done:
		t.Error("the disk did not hang")
	default:
	}
	r, err := os.Open(fifo) // lets the goroutine go
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, r); err != nil {
		t.Error(err)
	}
	<-l.files.done
}

func TestFilesAreBoundedInSizeAndNumber(t *testing.T) {
	dir := t.TempDir()
	l, _ := openLog(t, Config{Dir: dir, MB: 1, Count: 2, Recent: 1})
	filler := strings.Repeat("x", 1000)
	for range 6000 {
		if len(l.sink.queue) > 4000 {
			eventually(t, "the disk keeps up", func() bool { return len(l.sink.queue) == 0 })
		}
		l.Logger().Info("long", "filler", filler)
	}
	l.Close()
	eventually(t, "old files go", func() bool {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		packed := 0
		for _, e := range entries {
			if strings.HasSuffix(e.Name(), ".log.gz") {
				packed++
			}
			if info, err := e.Info(); err == nil && info.Size() > 1<<20 {
				t.Errorf("%s has %d bytes", e.Name(), info.Size())
			}
		}
		return len(entries) == 3 && packed == 2
	})
	if l.Lost() != 0 {
		t.Errorf("%d lines lost", l.Lost())
	}
	got, err := ReadDir(t.Context(), dir, Query{Limit: 2000})
	if err != nil || len(got.Lines) != 2000 {
		t.Errorf("over several files: %d lines, %v", len(got.Lines), err)
	}
}

func TestTheNewestLinesAndThoseThatFollow(t *testing.T) {
	dir := t.TempDir()
	first, _ := openLog(t, Config{Dir: dir})
	say(first, 1, 3)
	if err := first.Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	say(first, 4, 5)
	first.Close()
	eventually(t, "the old file is compressed", func() bool {
		plain, err := filepath.Glob(filepath.Join(dir, "twinleaf-*.log"))
		return err == nil && len(plain) == 0
	})
	start := time.Now()
	l, _ := openLog(t, Config{Dir: dir, Recent: 2})
	say(l, 6, 7)
	l.Logger().Warn("m8")
	l.Logger().Info("m9")
	eventually(t, "lines are written", func() bool {
		raw, err := os.ReadFile(filepath.Join(dir, current))
		return err == nil && strings.Contains(string(raw), "m9")
	})

	read := func(q Query) Lines {
		t.Helper()
		got, err := l.Read(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	for name, c := range map[string]struct {
		query Query
		want  string
	}{
		"all":       {Query{}, "m1 m2 m3 m4 m5 m6 m7 m8 m9"},
		"newest":    {Query{Limit: 1}, "m9"},
		"and older": {Query{Limit: 4}, "m6 m7 m8 m9"},
		"far back":  {Query{Limit: 8}, "m2 m3 m4 m5 m6 m7 m8 m9"},
		"since":     {Query{Since: start}, "m6 m7 m8 m9"},
		"level":     {Query{Level: slog.LevelWarn}, "m8"},
		"none":      {Query{Since: time.Now().Add(time.Hour)}, ""},
	} {
		if got := messages(t, read(c.query).Lines); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
	// A reader that goes on where it stopped sees every line once.
	var seen []string
	at := read(Query{Limit: 9}).Lines[0]
	h, _ := headOf(at)
	for q := (Query{After: h.n, Limit: 3}); ; {
		got := read(q)
		if len(got.Lines) == 0 {
			break
		}
		seen = append(seen, messages(t, got.Lines))
		q.After = got.Next
	}
	if got, want := strings.Join(seen, "|"), "m2 m3 m4|m5 m6 m7|m8 m9"; got != want {
		t.Errorf("followed: got %q, want %q", got, want)
	}
	// One that skips by level does not read the same again.
	if got := read(Query{After: h.n, Level: slog.LevelError}); len(got.Lines) != 0 || got.Next != read(Query{}).Next {
		t.Errorf("skipped: %+v", got)
	}
	// One from a run whose clock was ahead begins anew.
	if got := messages(t, read(Query{After: h.n + 1<<40, Limit: 1}).Lines); got != "m9" {
		t.Errorf("ahead: %q", got)
	}
}

func TestTornAndStrangeLinesAreLeftOut(t *testing.T) {
	dir := t.TempDir()
	const good = `{"n":%d,"time":"2026-03-01T10:00:00Z","level":"INFO","msg":"m%d","n_":"x"}` + "\n"
	text := "nonsense\n" + fmt.Sprintf(good, 1, 1) + `{"n":2,"time":"2026-03-01T10:00:00Z","level":"INFO","msg":"torn` + "\n" +
		`{"time":"2026-03-01T10:00:00Z","level":"INFO","msg":"no number"}` + "\n" + fmt.Sprintf(good, 3, 3) + `{"n":4,"ti`
	if err := os.WriteFile(filepath.Join(dir, current), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"twinleaf-2026-01-01T00-00-00.000.log.gz": "no gzip", "twinleaf-2026-01-02T00-00-00.000.log": fmt.Sprintf(good, 0, 0), "other": "x"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := ReadDir(t.Context(), dir, Query{})
	if err != nil || messages(t, got.Lines) != "m0 m1 m3" {
		t.Errorf("got %s, %v", got.Lines, err)
	}
	if got, err := ReadDir(t.Context(), filepath.Join(dir, "nowhere"), Query{}); err != nil || len(got.Lines) != 0 {
		t.Errorf("of no folder: %v, %v", got, err)
	}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	if _, err := ReadDir(stopped, dir, Query{}); !errors.Is(err, context.Canceled) {
		t.Errorf("of a reader that has gone: %v", err)
	}
}

// unpack gives the names in an export, with the sizes of their content.
func unpack(t *testing.T, r io.Reader) []string {
	t.Helper()
	z, err := gzip.NewReader(r)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for in := tar.NewReader(z); ; {
		h, err := in.Next()
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(in)
		if err != nil || int64(len(data)) != h.Size {
			t.Fatalf("%s: %d of %d bytes, %v", h.Name, len(data), h.Size, err)
		}
		all = append(all, h.Name)
	}
}

func TestTheExportHasAllFiles(t *testing.T) {
	dir := t.TempDir()
	l, _ := openLog(t, Config{Dir: dir})
	say(l, 1, 2)
	if err := l.Rotate(t.Context()); err != nil {
		t.Fatal(err)
	}
	say(l, 3, 4)
	if err := os.WriteFile(filepath.Join(dir, "secret.key"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	l.Close()
	var packed bytes.Buffer
	if err := l.Export(t.Context(), &packed); err != nil {
		t.Fatal(err)
	}
	got := unpack(t, &packed)
	if len(got) != 3 || !strings.HasPrefix(got[0], "twinleaf-log/twinleaf-2") || got[1] != "twinleaf-log/twinleaf.log" || got[2] != "twinleaf-log/recent.log" {
		t.Errorf("got %v", got)
	}
	packed.Reset()
	if err := ExportDir(t.Context(), dir, &packed); err != nil || len(unpack(t, &packed)) != 2 {
		t.Errorf("of the folder: %v", err)
	}
}

func TestLinesThatAreTooLongAreCountedOnly(t *testing.T) {
	l, out := openLog(t, Config{Dir: t.TempDir()})
	l.Logger().Info("long", "x", strings.Repeat("x", maxLine))
	l.Logger().Info("short")
	got, err := l.Read(t.Context(), Query{})
	if err != nil || messages(t, got.Lines) != "short" || l.Lost() != 1 || !strings.Contains(out.String(), "msg=long") {
		t.Errorf("got %s, %v, lost %d", got.Lines, err, l.Lost())
	}
}

func TestAFileThatIsBeingCompressedIsThereOnce(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"twinleaf-2.log.gz", "twinleaf-2.log", current, "twinleaf-1.log.gz", "twinleaf-3.log", "other.log"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	got, err := list(dir)
	if want := "twinleaf-1.log.gz twinleaf-2.log twinleaf-3.log twinleaf.log"; err != nil || strings.Join(got, " ") != want {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
}

func FuzzHeadOf(f *testing.F) {
	f.Add([]byte(`{"n":1,"time":"2026-03-01T10:00:00Z","level":"INFO","msg":"x"}`))
	f.Add([]byte(`{"n":1,"time":"`))
	f.Fuzz(func(t *testing.T, text []byte) {
		h, ok := headOf(text)
		if ok && !bytes.HasPrefix(text, fmt.Appendf(nil, `{"n":`)) {
			t.Errorf("%q gave %+v", text, h)
		}
	})
}

func BenchmarkALineOfTheLog(b *testing.B) {
	l := Open(Config{Dir: b.TempDir()}, slog.LevelInfo, func(level slog.Leveler) slog.Handler {
		return slog.NewTextHandler(io.Discard, &slog.HandlerOptions{Level: level})
	})
	defer l.Close()
	b.ReportAllocs()
	for b.Loop() {
		l.Logger().Info("request", "method", "GET", "path", "/v1/jobs", "status", 200)
	}
}
