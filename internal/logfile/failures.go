package logfile

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"

	"github.com/twinleaf-scan/twinleaf/core"
)

// Failures is a handler that has every error that is a [core.Failure] say its code, cause
// and remedy as attributes of their own, unless the line says them already, before it hands
// the line to next. It renames attributes that would pass for a part of the line itself.
func Failures(next slog.Handler) slog.Handler { return failures{next: next} }

type failures struct {
	next   slog.Handler
	nested bool // attributes stand in a group
}

func (h failures) Enabled(ctx context.Context, l slog.Level) bool { return h.next.Enabled(ctx, l) }

func (h failures) WithGroup(name string) slog.Handler {
	return failures{h.next.WithGroup(name), h.nested || name != ""}
}

func (h failures) WithAttrs(attrs []slog.Attr) slog.Handler {
	return failures{h.next.WithAttrs(h.plain(attrs)), h.nested}
}

func (h failures) Handle(ctx context.Context, r slog.Record) error {
	attrs := make([]slog.Attr, 0, r.NumAttrs()+3)
	r.Attrs(func(a slog.Attr) bool {
		attrs = append(attrs, a)
		return true
	})
	out := slog.NewRecord(r.Time, r.Level, r.Message, r.PC)
	out.AddAttrs(h.plain(attrs)...)
	return h.next.Handle(ctx, out)
}

// plain gives attributes the names that they may have, and failures their parts.
func (h failures) plain(attrs []slog.Attr) []slog.Attr {
	out := make([]slog.Attr, 0, len(attrs)+3)
	for _, a := range attrs {
		if !h.nested && slices.Contains([]string{"n", slog.TimeKey, slog.LevelKey, slog.MessageKey}, a.Key) {
			a.Key += "_"
		}
		out = append(out, explained(a, attrs)...)
	}
	return out
}

// explained is an attribute with what belongs to it: of an error that is a failure what was
// tried, where it says more than the cause, code, cause and remedy.
func explained(a slog.Attr, beside []slog.Attr) []slog.Attr {
	err, ok := a.Value.Any().(error)
	if !ok || err == nil {
		return []slog.Attr{a}
	}
	f, ok := errors.AsType[*core.Failure](err)
	if !ok || f == nil {
		return []slog.Attr{a}
	}
	text, _, _ := strings.Cut(err.Error(), "\nhint: ")
	var out []slog.Attr
	if text != f.Detail {
		out = append(out, slog.String("error", text))
	}
	for _, part := range []slog.Attr{slog.String("code", f.Code), slog.String("cause", f.Detail), slog.String("remedy", f.Remedy)} {
		said := slices.ContainsFunc(beside, func(b slog.Attr) bool { return b.Key == part.Key && !b.Equal(a) })
		if !said && part.Value.String() != "" {
			out = append(out, part)
		}
	}
	return out
}
