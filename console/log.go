package console

import (
	"cmp"
	"context"
	"io"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/twinleaf-scan/twinleaf/console/api"
	"github.com/twinleaf-scan/twinleaf/core"
)

// Logs is the log of this server. It may be managed on either server of a pair (GS11).
type Logs interface {
	ReadLog(context.Context, api.LogQuery) (api.Log, error)
	LogLevel() string
	SetLogLevel(level string) error
	RotateLog(context.Context) error
	// ExportLog writes all lines there are as a compressed tar archive.
	ExportLog(context.Context, io.Writer) error
}

// logInput is a [api.LogQuery] as it is asked for.
type logInput struct {
	Since string `query:"since" maxLength:"40" doc:"A time (RFC 3339), a day, or how long ago, such as 90m" example:"2026-03-01T10:00:00Z"`
	Level string `query:"level" enum:"debug,info,warn,error" doc:"No lines below this level"`
	After uint64 `query:"after" doc:"Lines behind this one; without it the newest"`
	Limit int    `query:"limit" minimum:"0" maximum:"10000" doc:"How many at most; default 200"`
}

type levelOutput struct{ Body api.LogLevel }

// ParseSince takes the beginning of a span as people write it: a time, a day, or how long
// before now.
func ParseSince(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if ago, err := time.ParseDuration(text); err == nil {
		return now.Add(-ago.Abs()), nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02 15:04", time.DateOnly} {
		if at, err := time.ParseInLocation(layout, text, now.Location()); err == nil {
			return at, nil
		}
	}
	return time.Time{}, core.Refuse(core.CodeBadRequest, "write it as 90m, 2026-03-01 or 2026-03-01T10:00:00Z", "%.40q is no time", text)
}

func (s *Server) readLog(ctx context.Context, in *logInput) (*struct {
	Store string `header:"Cache-Control"`
	Body  api.Log
}, error) {
	if s.parts.Logs == nil {
		return nil, missing("its log")
	}
	since, err := ParseSince(in.Since, time.Now())
	if err != nil {
		return nil, s.problemOf(ctx, "read the log", err)
	}
	l, err := s.parts.Logs.ReadLog(ctx, api.LogQuery{Since: since, Level: cmp.Or(in.Level, "debug"), After: in.After, Limit: in.Limit})
	if err != nil {
		return nil, s.problemOf(ctx, "read the log", err)
	}
	return &struct {
		Store string `header:"Cache-Control"`
		Body  api.Log
	}{"no-store", l}, nil
}

func (s *Server) getLogLevel(context.Context, *struct{}) (*levelOutput, error) {
	if s.parts.Logs == nil {
		return nil, missing("its log")
	}
	return &levelOutput{api.LogLevel{Level: s.parts.Logs.LogLevel()}}, nil
}

func (s *Server) putLogLevel(ctx context.Context, in *struct{ Body api.LogLevel }) (*levelOutput, error) {
	if s.parts.Logs == nil {
		return nil, missing("its log")
	}
	was := s.parts.Logs.LogLevel()
	if err := s.parts.Logs.SetLogLevel(in.Body.Level); err != nil {
		return nil, s.problemOf(ctx, "set the log's level", err)
	}
	s.log.Warn("log level set until the restart", "to", in.Body.Level, "from", was, "by", callerOf(ctx).Name)
	return s.getLogLevel(ctx, nil)
}

func (s *Server) rotateLog(ctx context.Context, _ *struct{}) (*struct{}, error) {
	if s.parts.Logs == nil {
		return nil, missing("its log")
	}
	s.log.Info("log file set aside", "by", callerOf(ctx).Name)
	ctx, stop := context.WithTimeout(ctx, closeTimeout)
	defer stop()
	if err := s.parts.Logs.RotateLog(ctx); err != nil {
		return nil, s.problemOf(ctx, "set the log file aside", err)
	}
	return nil, nil
}

// exportLog streams the archive. What goes wrong after its beginning breaks the answer off.
func (s *Server) exportLog(w http.ResponseWriter, r *http.Request) {
	if s.parts.Logs == nil {
		s.problem(w, r, missing("its log"))
		return
	}
	s.log.Info("log exported", "by", callerOf(r.Context()).Name)
	h := w.Header()
	h.Set("Content-Type", "application/gzip")
	h.Set("Content-Disposition", `attachment; filename="twinleaf-log.tar.gz"`)
	h.Set("Cache-Control", "no-store")
	if err := s.parts.Logs.ExportLog(r.Context(), patient{w}); err != nil {
		s.log.Error("log export broken off", "error", err)
		panic(http.ErrAbortHandler)
	}
}

// patient is an answer that may take long as a whole, but not between two writes.
type patient struct{ http.ResponseWriter }

func (p patient) Write(data []byte) (int, error) {
	deadline(p.ResponseWriter, answerTimeout)
	return p.ResponseWriter.Write(data)
}

func (s *Server) routeLog(a huma.API) {
	operation(a, "read-log", http.MethodGet, "/v1/log", "Lines of this server's log", s.readLog)
	operation(a, "get-log-level", http.MethodGet, "/v1/log/level", "From which level on this server logs", s.getLogLevel)
	operation(a, "put-log-level", http.MethodPut, "/v1/log/level", "Log from another level on, until the server restarts", s.putLogLevel)
	operation(a, "rotate-log", http.MethodPost, "/v1/log/rotate", "Set the log file in use aside and begin another", s.rotateLog)
	a.OpenAPI().AddOperation(&huma.Operation{
		OperationID: "export-log", Method: "GET", Path: "/v1/log/export", Summary: "All lines of the log that there are, as a compressed tar archive",
		Responses: answers(a, map[int]*huma.Response{200: {Description: "The archive", Content: binary("application/gzip")}}),
	})
}
