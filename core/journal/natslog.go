package journal

import (
	"fmt"
	"log/slog"
	"sync/atomic"
)

// natsLog writes the engine's own lines to the server's log. What it calls a
// notice is its start-up chatter, so that goes to debug.
type natsLog struct {
	log    *slog.Logger
	errors atomic.Int64 // error lines so far
}

func (l *natsLog) Noticef(format string, v ...any) { l.log.Debug("journal engine", line(format, v)) }
func (l *natsLog) Debugf(format string, v ...any)  { l.log.Debug("journal engine", line(format, v)) }
func (l *natsLog) Tracef(format string, v ...any)  { l.log.Debug("journal engine", line(format, v)) }

func (l *natsLog) Errorf(format string, v ...any) {
	l.errors.Add(1)
	l.log.Error("journal engine", line(format, v))
}

func (l *natsLog) Warnf(format string, v ...any) {
	if format == tooLargeWarning {
		return // MaxPayload is over 8 MiB by a few bytes, on purpose
	}
	l.log.Warn("journal engine", line(format, v))
}

// Fatalf does not end the process: the start that fails says so itself.
func (l *natsLog) Fatalf(format string, v ...any) { l.log.Error("journal engine", line(format, v)) }

const tooLargeWarning = "Maximum payloads over %v are generally discouraged and could lead to poor performance"

func line(format string, v []any) slog.Attr {
	return slog.String("line", fmt.Sprintf(format, v...))
}
