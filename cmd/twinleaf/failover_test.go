package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/twinleaf-scan/twinleaf/console/api"
	"github.com/twinleaf-scan/twinleaf/core"
)

// takes is a server that takes every scan and remembers why it got it.
func takes(t *testing.T, causes *[]string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		*causes = append(*causes, r.Header.Get(api.FailoverHeader))
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusCreated)
		_ = json.NewEncoder(w).Encode(api.Accepted{ID: "south-1"})
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// refuses is a server that says why it takes nothing.
func refuses(t *testing.T, code string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", api.ProblemMedia)
		w.WriteHeader(http.StatusServiceUnavailable)
		_ = json.NewEncoder(w).Encode(api.NewProblem(http.StatusServiceUnavailable, code, "wait", "not now"))
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// A failover is one calm line, from standard input too, and what comes out is the job's id.
func TestFailoverIsOneLine(t *testing.T) {
	gone := httptest.NewServer(nil)
	gone.Close()
	for _, c := range []struct{ first, cause, line string }{
		{gone.URL, "network", " does not answer (connection refused); using "},
		{refuses(t, core.CodeMaintenance), "maintenance", " is in maintenance; using "},
		{refuses(t, core.CodeDataDown), "data", " has no data service; using "},
		{refuses(t, api.CodeStandby), "", ""},
	} {
		var causes []string
		var out, errs bytes.Buffer
		t.Setenv("TWINLEAF_SERVER", c.first+","+takes(t, &causes))
		if code := run(streams{strings.NewReader("a scan"), &out, &errs}, []string{"submit", "-"}); code != exitOK || out.String() != "south-1\n" {
			t.Errorf("%s: exit %d, %q, %s; want the job's id", c.line, code, out.String(), errs.String())
		}
		if len(causes) != 1 || causes[0] != c.cause {
			t.Errorf("%s: the second server was told %q, want %q once", c.line, causes, c.cause)
		}
		lines := strings.Count(errs.String(), "\n")
		if c.line == "" && lines != 0 || c.line != "" && (lines != 1 || !strings.Contains(errs.String(), c.line)) {
			t.Errorf("got %q, want one line with %q", errs.String(), c.line)
		}
	}
}

func TestNobodyTakesTheScan(t *testing.T) {
	gone := httptest.NewServer(nil)
	gone.Close()
	for _, c := range []struct {
		servers string
		code    int
		says    string
	}{
		{gone.URL + "," + gone.URL + "/other", exitUnreachable, "no server could be reached"},
		{gone.URL + "," + refuses(t, core.CodeMaintenance), exitFailed, "is in maintenance"},
		{"https://north,http://south", exitUsage, "speaks TLS"},
	} {
		var out, errs bytes.Buffer
		code := run(streams{strings.NewReader("a scan"), &out, &errs}, []string{"submit", "-", "--server", c.servers})
		if code != c.code || out.Len() > 0 || !strings.Contains(errs.String(), c.says) || c.code != exitUsage && !strings.Contains(errs.String(), "hint: ") {
			t.Errorf("%s: exit %d, %q, %q; want %d and %q", c.servers, code, out.String(), errs.String(), c.code, c.says)
		}
	}
}
