package console

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/console/api"
	"github.com/twinleaf-scan/twinleaf/core"
)

// fakeLogs is a log that remembers what it was asked.
type fakeLogs struct {
	level   string
	asked   api.LogQuery
	rotated int
	err     error
}

func (f *fakeLogs) ReadLog(_ context.Context, q api.LogQuery) (api.Log, error) {
	f.asked = q
	return api.Log{Lines: nil, Next: 7}, f.err
}
func (f *fakeLogs) LogLevel() string { return f.level }
func (f *fakeLogs) SetLogLevel(l string) error {
	f.level = l
	return f.err
}
func (f *fakeLogs) RotateLog(context.Context) error {
	f.rotated++
	return f.err
}
func (f *fakeLogs) ExportLog(_ context.Context, w io.Writer) error {
	_, err := io.WriteString(w, "packed")
	return errors.Join(err, f.err)
}

func logServer(t *testing.T, f *fakeLogs) string {
	t.Helper()
	s, err := New(Config{}, Parts{Logs: f, Log: slog.New(slog.DiscardHandler), ReadOnly: func() (string, bool) { return "https://north", true }})
	if err != nil {
		t.Fatal(err)
	}
	return serveParts(t, s)
}

// TestGS11TheLogIsManagedOnASecondary: reading, level, rotation and export are all there on
// a server that changes nothing else.
func TestGS11TheLogIsManagedOnASecondary(t *testing.T) {
	f := &fakeLogs{level: "info"}
	url := logServer(t, f)
	for _, c := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"GET", "/v1/log?since=2026-03-01T10:00:00Z&level=warn&after=5&limit=9", "", 200, `"next":7`},
		{"GET", "/v1/log/level", "", 200, `{"level":"info"}`},
		{"PUT", "/v1/log/level", `{"level":"debug"}`, 200, `{"level":"debug"}`},
		{"POST", "/v1/log/rotate", "", 204, ""},
		{"GET", "/v1/log/export", "", 200, "packed"},
		{"GET", "/v1/log?since=yesterday", "", 422, "is no time"},
		{"GET", "/v1/log?limit=100000", "", 422, "limit"},
		{"PUT", "/v1/log/level", `{"level":"loud"}`, 422, "debug"},
		{"PUT", "/v1/settings", `{}`, 409, "secondary"}, // the server is one
	} {
		status, _, body := ask(t, c.method, url+c.path, c.body)
		if status != c.status || !strings.Contains(body, c.want) {
			t.Errorf("%s %s: got %d %s, want %d %s", c.method, c.path, status, body, c.status, c.want)
		}
	}
	want := api.LogQuery{Since: time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC), Level: "warn", After: 5, Limit: 9}
	if !f.asked.Since.Equal(want.Since) || f.asked.Level != want.Level || f.asked.After != 5 || f.asked.Limit != 9 || f.level != "debug" || f.rotated != 1 {
		t.Errorf("asked %+v, level %s, rotated %d times", f.asked, f.level, f.rotated)
	}
}

func TestWhatTheLogRefusesIsTold(t *testing.T) {
	f := &fakeLogs{err: &core.Failure{Code: core.CodeDataDown, Detail: "the disk is full", Remedy: "make room"}}
	url := logServer(t, f)
	for _, path := range []string{"GET /v1/log", "POST /v1/log/rotate"} {
		method, path, _ := strings.Cut(path, " ")
		if status, _, body := ask(t, method, url+path, ""); status != 503 || !strings.Contains(body, "make room") {
			t.Errorf("%s: got %d %s", path, status, body)
		}
	}
	resp, err := http.Get(url + "/v1/log/export")
	if err == nil {
		defer resp.Body.Close()
		_, err = io.ReadAll(resp.Body)
	}
	if err == nil {
		t.Error("an export that broke off came whole")
	}
	s, err := New(Config{}, Parts{})
	if err != nil {
		t.Fatal(err)
	}
	bare := serveParts(t, s)
	for _, path := range []string{"GET /v1/log", "GET /v1/log/level", "POST /v1/log/rotate", "GET /v1/log/export"} {
		method, path, _ := strings.Cut(path, " ")
		if status, _, body := ask(t, method, bare+path, ""); status != 503 || !strings.Contains(body, "its log") {
			t.Errorf("%s without a log: got %d %s", path, status, body)
		}
	}
}

func TestSinceIsWrittenInManyWays(t *testing.T) {
	now := time.Date(2026, 3, 2, 12, 0, 0, 0, time.FixedZone("x", 3600))
	for text, want := range map[string]string{
		"":                     "0001-01-01T00:00:00Z",
		"90m":                  "2026-03-02T10:30:00+01:00",
		"-90m":                 "2026-03-02T10:30:00+01:00",
		"2026-03-01":           "2026-03-01T00:00:00+01:00",
		"2026-03-01T10:00":     "2026-03-01T10:00:00+01:00",
		"2026-03-01 10:00:05":  "2026-03-01T10:00:05+01:00",
		"2026-03-01T10:00:00Z": "2026-03-01T10:00:00Z",
		"yesterday":            "",
	} {
		got, err := ParseSince(text, now)
		if (err != nil) != (want == "") || err == nil && got.Format(time.RFC3339) != want {
			t.Errorf("%q: got %v, %v, want %s", text, got, err, want)
		}
	}
}
