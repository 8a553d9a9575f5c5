// Package logfile keeps a server's log: each line goes to standard error, as the operator
// configured it, and as JSON into files of a bounded size and number that the server can
// show, set aside and hand out.
//
// Whoever logs never waits for the disk. Lines that it does not take (it is full, or it
// hangs) are dropped from the files, counted, and told of when it takes lines again; standard
// error has them all, and the newest stay in memory. An error that is a [core.Failure] stands
// in every line with code, cause and remedy.
package logfile

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// Config is where the files lie and how much there may be of them. The zero value of
// every field but Dir will do.
type Config struct {
	Dir    string        // folder of the files; it is made when the first line is written
	MB     int           // megabytes at which a file is set aside; default 20
	Count  int           // files that are kept besides the one in use, compressed; default 5
	Queue  int           // lines that may wait for the disk; default 4096
	Recent int           // lines that are kept in memory; default 2000
	Grace  time.Duration // how long Close waits for the disk; default 2 s
}

func (c Config) withDefaults() Config {
	def(&c.MB, 20)
	def(&c.Count, 5)
	def(&c.Queue, 4096)
	def(&c.Recent, 2000)
	def(&c.Grace, 2*time.Second)
	return c
}

func def[T comparable](field *T, v T) {
	var zero T
	if *field == zero {
		*field = v
	}
}

// Log is the log of a running server. Its methods may be called from any goroutine.
type Log struct {
	config Config
	level  slog.LevelVar
	logger *slog.Logger
	sink   *sink
	files  *files
	reads  chan struct{} // has room for those that may read files at once
	once   sync.Once
}

// Open begins a log and the goroutine that writes its files; Close ends it. screen makes
// the handler for standard error with the level that holds at the time.
func Open(c Config, level slog.Level, screen func(slog.Leveler) slog.Handler) *Log {
	l := &Log{config: c.withDefaults(), reads: make(chan struct{}, 2)}
	l.level.Set(level)
	l.sink = newSink(l.config)
	file := slog.NewJSONHandler(l.sink, &slog.HandlerOptions{Level: &l.level, ReplaceAttr: readable})
	l.logger = slog.New(Failures(slog.NewMultiHandler(screen(&l.level), file)))
	l.files = newFiles(l.config, l.logger.With("part", "log"), l.sink)
	go l.files.run()
	return l
}

// readable writes spans of time as people do: 1.5s.
func readable(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindDuration {
		a.Value = slog.StringValue(a.Value.Duration().String())
	}
	return a
}

// Logger is what the server logs with.
func (l *Log) Logger() *slog.Logger { return l.logger }

// Level is from which level on lines are logged.
func (l *Log) Level() slog.Level { return l.level.Level() }

// SetLevel changes the level of standard error and files until the server restarts.
func (l *Log) SetLevel(level slog.Level) { l.level.Set(level) }

// Lost is how many lines the files lack.
func (l *Log) Lost() uint64 { return l.sink.lost.Load() }

// Rotate sets the file in use aside and begins another.
func (l *Log) Rotate(ctx context.Context) error { return l.files.rotate(ctx) }

// Close writes what waits, for [Config.Grace] at most. What is logged later goes to
// standard error only.
func (l *Log) Close() {
	l.once.Do(func() {
		l.sink.close()
		late := time.NewTimer(l.config.Grace)
		defer late.Stop()
		select {
		case <-l.files.done:
		case <-late.C: // the disk hangs; the process ends without it
		}
	})
}
