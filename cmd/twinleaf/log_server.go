package main

import (
	"context"
	"io"
	"log/slog"
	"path/filepath"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/twinleaf-scan/twinleaf/console/api"
	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/internal/logfile"
)

// logFolder is in the data folder.
const logFolder = "log"

// openLog begins the server's log: standard error as configured, and files in the data
// folder.
func (a *app) openLog(data string) (*serverLog, error) {
	level, err := a.level(slog.LevelInfo)
	if err != nil {
		return nil, err
	}
	if _, err := a.screen(level); err != nil {
		return nil, err
	}
	return &serverLog{logfile.Open(logfile.Config{Dir: filepath.Join(data, logFolder)}, level, func(l slog.Leveler) slog.Handler {
		h, _ := a.screen(l) // the format was looked at above
		return h
	})}, nil
}

// serverLog is the server's log as the console asks about it.
type serverLog struct{ *logfile.Log }

func (l *serverLog) ReadLog(ctx context.Context, q api.LogQuery) (api.Log, error) {
	level, err := levelOf(q.Level)
	if err != nil {
		return api.Log{}, err
	}
	got, err := l.Read(ctx, logfile.Query{Since: q.Since, Level: level, After: q.After, Limit: q.Limit})
	return api.Log{Lines: got.Lines, Next: got.Next, Lost: l.Lost()}, err
}

func (l *serverLog) LogLevel() string { return strings.ToLower(l.Level().String()) }

func (l *serverLog) SetLogLevel(name string) error {
	level, err := levelOf(name)
	if err == nil {
		l.SetLevel(level)
	}
	return err
}

func (l *serverLog) RotateLog(ctx context.Context) error { return l.Rotate(ctx) }

func (l *serverLog) ExportLog(ctx context.Context, w io.Writer) error { return l.Export(ctx, w) }

// metric counts the lines that the files lack.
func (l *serverLog) metric() prometheus.Collector {
	return prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "twinleaf_log_lines_lost_total",
		Help: "Lines that stand on standard error only, because the disk did not take them.",
	}, func() float64 { return float64(l.Lost()) })
}

// levelOf is a level by its name.
func levelOf(name string) (slog.Level, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(name)); err != nil || strings.ContainsAny(name, "+-") {
		return 0, core.Refuse(core.CodeBadRequest, "use debug, info, warn or error", "%.20q is no level", name)
	}
	return level, nil
}
