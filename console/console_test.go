package console

import (
	"encoding/json"
	"flag"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/twinleaf-scan/twinleaf/console/api"
	"github.com/twinleaf-scan/twinleaf/core"
)

var update = flag.Bool("update", false, "write golden files anew")

// answer asks the server's handler directly.
func answer(s *Server, method, path, body string) (int, string) {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Host = "localhost"
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

// Problems are for programs too: their form must not change unseen.
func TestProblemsKeepTheirForm(t *testing.T) {
	b := newBackend()
	b.add(api.Job{ID: "a-1", State: core.Completed})
	s, err := New(Config{MaxUpload: 10}, b.parts())
	if err != nil {
		t.Fatal(err)
	}
	p := b.parts()
	p.ReadOnly = func() (string, bool) { return "https://north:8080", true }
	secondary, err := New(Config{}, p)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	for _, c := range []struct{ method, path, body string }{
		{"GET", "/v1/jobs/a-9", ""},
		{"POST", "/v1/jobs/a-1/cancel", ""},
		{"POST", "/v1/jobs/a-9/retry", ""},
		{"GET", "/v1/jobs?state=lost", ""},
		{"GET", "/v1/jobs?limit=0", ""},
		{"GET", "/v1/nowhere", ""},
		{"DELETE", "/v1/jobs", ""},
		{"POST", "/v1/jobs", "more than ten bytes"},
		{"PUT", "/v1/profiles/x", `{"langages":["eng"]}`},
		{"PUT", "/v1/profiles/x", `{"limits":{"pageTimeout":"soon"}}`},
		{"PUT", "/v1/profiles/x", `{"languages":`},
		{"PUT", "/v1/settings", `{"profile/x":{"mode":"sometimes"}}`},
		{"GET", "/v1/destinations/none", ""},
		{"GET", "/v1/jobs/a-9/outputs/pdf", ""},
		{"GET", "/v1/jobs/a-9/events", ""},
		{"POST", "/v1/pair/takeover", ""},
		{"POST", "/v1/pair/maintenance", `{}`},
		{"POST", "/v1/pair/init", ""},
		{"GET", "/v1/parity", ""},
		{"DELETE", "/v1/profiles/x", ""},
	} {
		server := s
		if c.method+c.path == "DELETE/v1/profiles/x" {
			server = secondary
		}
		code, body := answer(server, c.method, c.path, c.body)
		fmt.Fprintf(&out, "%s %s %s\n%d %s\n", c.method, c.path, c.body, code, strings.TrimSpace(body)+"\n")
	}
	golden(t, "problems.txt", out.String())
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (write it anew with -update):\ngot:\n%s\nwant:\n%s", name, got, want)
	}
}

func TestListingGoesPageByPage(t *testing.T) {
	b := newBackend()
	for i := range 5 {
		b.add(api.Job{ID: core.JobID(fmt.Sprint("a-", i)), State: core.Queued})
	}
	url := serve(t, b, Config{}) + "/v1/jobs?limit=2&state=queued"
	var got []string
	after := ""
	for range 5 {
		var l api.List
		_, _, body := ask(t, "GET", url+after, "")
		if err := json.Unmarshal([]byte(body), &l); err != nil {
			t.Fatalf("%v: %s", err, body)
		}
		for _, j := range l.Jobs {
			got = append(got, string(j.ID))
		}
		if l.Next == "" {
			break
		}
		after = "&after=" + string(l.Next)
	}
	if want := "a-4 a-3 a-2 a-1 a-0"; strings.Join(got, " ") != want {
		t.Errorf("got %s, want %s", strings.Join(got, " "), want)
	}
}

func TestEmptyListingIsAnArray(t *testing.T) {
	_, _, body := ask(t, "GET", serve(t, newBackend(), Config{})+"/v1/jobs", "")
	if strings.TrimSpace(body) != `{"jobs":[]}` {
		t.Errorf("got %s, want an empty array", body)
	}
}

func TestActionsAnswerWithTheJob(t *testing.T) {
	b := newBackend()
	b.add(api.Job{ID: "a-1", State: core.Queued})
	url := serve(t, b, Config{}) + "/v1/jobs/a-1/"
	for _, c := range []struct{ verb, state string }{{"hold", "held"}, {"release", "queued"}, {"cancel", "cancelled"}, {"retry", "queued"}} {
		code, _, body := ask(t, "POST", url+c.verb, "")
		if code != 200 || !strings.Contains(body, `"state":"`+c.state+`"`) {
			t.Errorf("%s: got %d %s, want the job, %s", c.verb, code, body, c.state)
		}
	}
}

func TestOutputCanBeFetchedInRanges(t *testing.T) {
	b := newBackend()
	b.add(api.Job{ID: "a-1", State: core.Completed})
	url := serve(t, b, Config{}) + "/v1/jobs/a-1/outputs/pdf"
	code, head, body := ask(t, "GET", url, "")
	if code != 200 || body != "%PDF-1.7 whole" || head.Get("Content-Type") != "application/pdf" {
		t.Errorf("got %d %q %s", code, body, head.Get("Content-Type"))
	}
	if got, want := head.Get("Content-Disposition"), `attachment; filename*=utf-8''Pr%C3%BCfung.pdf`; got != want {
		t.Errorf("Content-Disposition: got %s, want %s", got, want)
	}
	if got := head.Get("Content-Security-Policy"); !strings.HasPrefix(got, "sandbox;") {
		t.Errorf("an output may run scripts: %q", got)
	}
	tag := head.Get("ETag")
	if code, _, body := ask(t, "GET", url, "", "Range", "bytes=9-"); code != 206 || body != "whole" {
		t.Errorf("range: got %d %q, want 206 whole", code, body)
	}
	if code, _, _ := ask(t, "GET", url, "", "If-None-Match", tag); code != 304 {
		t.Errorf("If-None-Match: got %d, want 304", code)
	}
}

func TestHealthNamesEachCause(t *testing.T) {
	b := newBackend()
	url := serve(t, b, Config{})
	if code, _, body := ask(t, "GET", url+"/readyz", ""); code != 200 || !strings.Contains(body, `"ready":true`) {
		t.Errorf("well: got %d %s, want 200", code, body)
	}
	b.mu.Lock()
	b.health.Data = core.Item{State: "down", Cause: "disk full"}
	b.health.Mode = core.Item{State: "maintenance"}
	b.mu.Unlock()
	code, _, body := ask(t, "GET", url+"/readyz", "")
	var h api.Health
	if err := json.Unmarshal([]byte(body), &h); err != nil {
		t.Fatal(err)
	}
	if want := "the data service is down (disk full); the server is maintenance"; code != 503 || h.Cause != want || h.Web.State != "up" {
		t.Errorf("got %d %s, want 503 and %q", code, body, want)
	}
	if code, _, _ := ask(t, "GET", url+"/healthz", ""); code != 200 {
		t.Errorf("healthz: got %d, want 200 as long as the process answers", code)
	}
}

func TestSettingsAreCheckedBeforeAnyChange(t *testing.T) {
	b := newBackend()
	url := serve(t, b, Config{})
	code, _, body := ask(t, "PUT", url+"/v1/profiles/invoices", `{"languages":["deu"],"limits":{"pageTimeout":"90s"},"destinations":["archive"]}`)
	if code != 200 {
		t.Fatalf("put: got %d %s", code, body)
	}
	if got, want := string(b.settings["profile/invoices"]), `{"languages":["deu"],"limits":{"pageTimeout":90000000000},"destinations":["archive"]}`; got != want {
		t.Errorf("stored: got %s, want %s", got, want)
	}
	if _, _, body := ask(t, "GET", url+"/v1/profiles/invoices", ""); !strings.Contains(body, `"pageTimeout":"1m30s"`) {
		t.Errorf("get: got %s, want a duration in words", body)
	}
	if code, _, body := ask(t, "PUT", url+"/v1/settings", `{"destination/a":{"plugin":"folder","settings":{"path":"/x"}},"profile/bad":{"pdfa":"9z"}}`); code != 422 {
		t.Errorf("settings: got %d %s, want 422", code, body)
	}
	if code, _, body := ask(t, "PUT", url+"/v1/settings", `{"a/first":1,"destination/b":{"plugin":"pigeon"}}`); code != 422 {
		t.Errorf("a destination that no plug-in takes: got %d %s, want 422", code, body)
	}
	if len(b.settings) != 1 {
		t.Errorf("a refused change left %v", b.settings)
	}
	if code, _, _ := ask(t, "DELETE", url+"/v1/profiles/invoices", ""); code != 204 || len(b.settings) != 0 {
		t.Errorf("delete: got %d, settings %v", code, b.settings)
	}
	if code, _, _ := ask(t, "DELETE", url+"/v1/profiles/invoices", ""); code != 404 {
		t.Errorf("second delete: got %d, want 404", code)
	}
}

func TestBuiltInProfilesAndDestinationsAreShown(t *testing.T) {
	b := newBackend()
	p := b.parts()
	p.Defaults.Destinations = map[string]core.Destination{"delivered": {Plugin: "folder"}}
	b.settings["profile/fax"] = []byte(`{"pdfa":"none"}`)
	s, err := New(Config{}, p)
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"/v1/profiles": `["default","fax"]`, "/v1/profiles/default": `{}`, "/v1/profiles/fax": `{"pdfa":"none"}`,
		"/v1/destinations": `["delivered"]`, "/v1/destinations/delivered": `{"plugin":"folder"}`,
	} {
		if code, body := answer(s, "GET", path, ""); code != 200 || strings.TrimSpace(body) != want {
			t.Errorf("%s: got %d %s, want %s", path, code, body, want)
		}
	}
}

func TestOpenAPIDescribesEveryRoute(t *testing.T) {
	s, err := New(Config{}, newBackend().parts())
	if err != nil {
		t.Fatal(err)
	}
	_, body := answer(s, "GET", "/openapi.json", "")
	var doc struct {
		OpenAPI    string
		Paths      map[string]map[string]any
		Components struct{ Schemas map[string]any }
	}
	if err := json.Unmarshal([]byte(body), &doc); err != nil {
		t.Fatal(err)
	}
	for path, methods := range map[string]string{
		"/v1/jobs": "get post", "/v1/jobs/{id}": "get", "/v1/jobs/{id}/events": "get", "/v1/jobs/{id}/outputs/{kind}": "get",
		"/v1/jobs/{id}/retry": "post", "/v1/profiles/{name}": "get put delete", "/v1/destinations/{name}": "get put delete",
		"/v1/settings": "get put delete", "/v1/plugins": "get", "/readyz": "get", "/healthz": "get", "/metrics": "get",
		"/v1/pair": "get delete", "/v1/pair/takeover": "post", "/v1/pair/handback": "post", "/v1/pair/maintenance": "post", "/v1/pair/sync": "post",
		"/v1/pair/init": "post", "/v1/pair/join": "post", "/v1/pair/plugins": "get", "/v1/pair/plugins/{digest}": "get", "/v1/parity": "get",
	} {
		for _, m := range strings.Fields(methods) {
			if doc.Paths[path][m] == nil {
				t.Errorf("%s %s is not described", m, path)
			}
		}
	}
	if doc.OpenAPI != "3.1.0" || doc.Components.Schemas["Problem"] == nil || strings.Contains(body, "ErrorModel") {
		t.Errorf("openapi %s; Problem described: %v; ErrorModel named: %v", doc.OpenAPI, doc.Components.Schemas["Problem"] != nil, strings.Contains(body, "ErrorModel"))
	}
}

func TestMetricsCountByRoute(t *testing.T) {
	b := newBackend()
	url := serve(t, b, Config{})
	ask(t, "GET", url+"/v1/jobs/secret-id", "")
	_, _, body := ask(t, "GET", url+"/metrics", "")
	if want := `twinleaf_http_requests_total{method="GET",route="GET /v1/jobs/{id}",status="404"} 1`; !strings.Contains(body, want) {
		t.Errorf("metrics lack %s:\n%s", want, body)
	}
	if strings.Contains(body, "secret-id") {
		t.Error("an id became a label")
	}
}

func TestDestinationsComeBeforeProfilesAndGoAfterThem(t *testing.T) {
	some := []byte("{}")
	got := inOrder(map[string][]byte{"profile/a": some, "destination/new": some, "destination/old": nil, "profile/z": nil})
	if want := []string{"destination/new", "profile/a", "profile/z", "destination/old"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
