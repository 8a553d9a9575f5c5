package console

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/console/api"
	"github.com/twinleaf-scan/twinleaf/core"
)

// couple is a pair in memory. Its zero value does all that it is asked for.
type couple struct {
	stands api.Pair
	parity api.Parity
	refuse *core.Failure
	asked  []string // what was asked, and by whom
}

func (c *couple) did(what, by string) error {
	if c.refuse != nil {
		return c.refuse
	}
	c.asked = append(c.asked, strings.TrimSpace(what+" "+by))
	return nil
}

func (c *couple) Status(context.Context) (api.Pair, error)     { return c.stands, nil }
func (c *couple) Do(_ context.Context, order, by string) error { return c.did(order, by) }
func (c *couple) Sync(_ context.Context, by string) error      { return c.did("sync", by) }
func (c *couple) Leave(_ context.Context, by string) error     { return c.did("leave", by) }
func (c *couple) Stop(_ context.Context, by string) error      { return c.did("stop", by) }
func (c *couple) Window() *api.PairWindow                      { return nil }
func (c *couple) Lock(context.Context) ([]byte, error) {
	return []byte("the lock\n"), c.did("lock", "")
}
func (c *couple) Init(_ context.Context, by string) (api.PairCode, error) {
	return api.PairCode{Code: "ABCD-EFGH", Expires: time.Unix(600, 0).UTC()}, c.did("init", by)
}

func (c *couple) Join(_ context.Context, in api.JoinPair, by string) error {
	what := "join " + in.Code
	if in.TakeSettings {
		what += " taking settings"
	}
	return c.did(what, by)
}

func (c *couple) Parity(_ context.Context, deep bool) (api.Parity, error) {
	what := "parity"
	if deep {
		what += " deep"
	}
	return c.parity, c.did(what, "")
}

func (c *couple) Archive(_ context.Context, digest string) (io.ReadCloser, error) {
	return io.NopCloser(strings.NewReader("archive of " + digest)), c.did("archive", "")
}

// paired serves with a pair.
func paired(t *testing.T, c *couple, more func(*Parts)) *Server {
	t.Helper()
	p := newBackend().parts()
	p.Pair, p.Forming, p.PeerPlugins = c, c, c
	p.Manifest = func(_ context.Context, deep bool) (api.Manifest, error) {
		return api.Manifest{Format: 1, Product: map[bool]string{true: "looked deep"}[deep]}, nil
	}
	if more != nil {
		more(&p)
	}
	s, err := New(Config{}, p)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestAServerAloneSaysSoAndNoMore(t *testing.T) {
	p := newBackend().parts()
	p.Manifest = func(context.Context, bool) (api.Manifest, error) { return api.Manifest{Format: 1}, nil }
	s, err := New(Config{}, p)
	if err != nil {
		t.Fatal(err)
	}
	if code, body := answer(s, "GET", "/v1/pair", ""); code != 200 || strings.TrimSpace(body) != `{"paired":false}` {
		t.Errorf("status: got %d %s", code, body)
	}
	for _, rq := range [][2]string{{"GET", "/v1/parity"}, {"POST", "/v1/pair/takeover"}, {"POST", "/v1/pair/handback"}, {"POST", "/v1/pair/sync"}, {"GET", "/v1/pair/plugins"}, {"GET", "/v1/pair/plugins/x"}} {
		if code, body := answer(s, rq[0], rq[1], ""); code != 409 || !strings.Contains(body, `"code":"no-pair"`) || !strings.Contains(body, "twinleaf pair init") {
			t.Errorf("%s: got %d %s", rq, code, body)
		}
	}
	if code, body := answer(s, "GET", "/v1/parity?manifest=true", ""); code != 200 || !strings.Contains(body, `"format":1`) {
		t.Errorf("manifest: got %d %s", code, body)
	}
	if _, body := answer(s, "GET", "/readyz", ""); !strings.Contains(body, `"ready":true`) || strings.Contains(body, "pair") {
		t.Errorf("readyz: got %s", body)
	}
}

func TestThePairDoesWhatIsAsked(t *testing.T) {
	for _, c := range []struct{ method, path, body, asked string }{
		{"POST", "/v1/pair/takeover", "", "takeover"},
		{"POST", "/v1/pair/handback", "", "handback"},
		{"POST", "/v1/pair/maintenance", `{"on":true}`, "maintenance on"},
		{"POST", "/v1/pair/maintenance", `{"on":false}`, "maintenance off"},
		{"POST", "/v1/pair/sync", "", "sync"},
		{"POST", "/v1/pair/join", `{"code":"ABCD-EFGH"}`, "join ABCD-EFGH"},
		{"POST", "/v1/pair/join", `{"code":"ABCD-EFGH","takeSettings":true}`, "join ABCD-EFGH taking settings"},
		{"DELETE", "/v1/pair", "", "leave"},
		{"DELETE", "/v1/pair/init", "", "stop"},
	} {
		pair := &couple{stands: api.Pair{Paired: true, ID: "p-1"}}
		code, body := answer(paired(t, pair, nil), c.method, c.path, c.body)
		if code != 200 || !strings.Contains(body, `"id":"p-1"`) || len(pair.asked) != 1 || pair.asked[0] != c.asked {
			t.Errorf("%s %s: got %d %s, asked %q, want %q", c.method, c.path, code, body, pair.asked, c.asked)
		}
	}
	pair := &couple{}
	if code, body := answer(paired(t, pair, nil), "POST", "/v1/pair/init", ""); code != 200 || !strings.Contains(body, `"code":"ABCD-EFGH"`) {
		t.Errorf("init: got %d %s", code, body)
	}
	if code, _ := answer(paired(t, pair, nil), "POST", "/v1/pair/maintenance", `{"onn":true}`); code != 422 {
		t.Errorf("a wrong word: got %d, want 422", code)
	}
}

// What the pair refuses comes with its code, reason and remedy, and a status that says
// whether waiting helps.
func TestWhatThePairRefusesIsAProblem(t *testing.T) {
	for code, want := range map[string]int{
		"unwell": 409, "parity-unknown": 409, "manual": 409, "peer-resting": 409, "other-version": 409, "other-pair": 409, "stranger": 409,
		"same-server": 409, "unknown-certificate": 409, "no-pair": 409, "starting": 503, "standby": 503, "silent": 503, "data-down": 503,
	} {
		s := paired(t, &couple{refuse: &core.Failure{Code: code, Detail: "it is so", Remedy: "do this"}}, nil)
		for _, rq := range [][3]string{{"POST", "/v1/pair/takeover", ""}, {"POST", "/v1/pair/join", `{"code":"x"}`}, {"GET", "/v1/parity", ""}, {"GET", "/v1/pair/plugins", ""}} {
			got, body := answer(s, rq[0], rq[1], rq[2])
			if got != want || !strings.Contains(body, `"code":"`+code+`"`) || !strings.Contains(body, `"detail":"it is so","remedy":"do this"`) {
				t.Errorf("%s of %s: got %d %s, want %d", code, rq[1], got, body, want)
			}
		}
	}
}

func TestParityIsToldOrTheManifest(t *testing.T) {
	pair := &couple{parity: api.Parity{Peer: "south", Differences: []api.Difference{{Code: "missing", Severity: "difference", What: "plug-in zip", Here: "none", There: "1.0.0", Remedy: "add it"}}}}
	url := serveParts(t, paired(t, pair, nil))
	code, head, body := ask(t, "GET", url+"/v1/parity?deep=true", "")
	var got api.Parity
	if err := json.Unmarshal([]byte(body), &got); err != nil || code != 200 {
		t.Fatalf("got %d %s (%v)", code, body, err)
	}
	if got.At || len(got.Differences) != 1 || got.Differences[0].Remedy != "add it" || head.Get("Cache-Control") != "no-store" || pair.asked[0] != "parity deep" {
		t.Errorf("got %+v, %s, asked %q", got, head.Get("Cache-Control"), pair.asked)
	}
	code, head, body = ask(t, "GET", url+"/v1/parity?manifest=true&deep=true", "")
	if code != 200 || !strings.Contains(body, `"product":"looked deep"`) || head.Get("Cache-Control") != "no-store" || len(pair.asked) != 1 {
		t.Errorf("manifest: got %d %s %s", code, head.Get("Cache-Control"), body)
	}
	if _, _, body := ask(t, "GET", serveParts(t, paired(t, &couple{parity: api.Parity{At: true}}, nil))+"/v1/parity", ""); !strings.Contains(body, `"differences":[]`) {
		t.Errorf("no difference: got %s, want an empty array", body)
	}
}

func TestPluginsOfTheOtherServerAreHandedThrough(t *testing.T) {
	base := serveParts(t, paired(t, &couple{}, nil))
	if code, _, body := ask(t, "GET", base+"/v1/pair/plugins", ""); code != 200 || body != "the lock\n" {
		t.Errorf("lock: got %d %q", code, body)
	}
	const digest = "h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
	code, head, body := ask(t, "GET", base+"/v1/pair/plugins/"+url.PathEscape(digest), "")
	if code != 200 || body != "archive of "+digest || head.Get("Content-Type") != "application/zip" {
		t.Errorf("archive: got %d %q %s", code, body, head.Get("Content-Type"))
	}
}

// GS31: web service, data service and mode are told each for itself, and a standby says
// who takes jobs instead.
func TestReadyzTellsTheCausesApart(t *testing.T) {
	const other = "https://north:8080"
	for _, c := range []struct {
		name   string
		health core.Health
		code   int
		cause  string
		active string
	}{
		{"well", core.Health{Web: core.Item{State: "up"}, Data: core.Item{State: "up"}, Mode: core.Item{State: "active"}}, 200, "", ""},
		{"network", core.Health{Web: core.Item{State: "up"}, Data: core.Item{State: "up"}, Mode: core.Item{State: "standby", Cause: "cannot reach anybody"}}, 503, "the server is standby (cannot reach anybody)", other},
		{"web", core.Health{Web: core.Item{State: "down", Cause: "no port"}, Data: core.Item{State: "up"}, Mode: core.Item{State: "active"}}, 503, "the web service is down (no port)", ""},
		{"data", core.Health{Web: core.Item{State: "up"}, Data: core.Item{State: "down", Cause: "disk full"}, Mode: core.Item{State: "active"}}, 503, "the data service is down (disk full)", ""},
		{"maintenance", core.Health{Web: core.Item{State: "up"}, Data: core.Item{State: "up"}, Mode: core.Item{State: "maintenance"}}, 503, "the server is maintenance", other},
	} {
		s := paired(t, &couple{}, func(p *Parts) {
			p.Health = func() core.Health { return c.health }
			p.Active = func() string { return other }
		})
		code, head, body := ask(t, "GET", serveParts(t, s)+"/readyz", "")
		var got api.Health
		if err := json.Unmarshal([]byte(body), &got); err != nil {
			t.Fatal(err)
		}
		if code != c.code || got.Cause != c.cause || head.Get("Twinleaf-Active") != c.active ||
			got.Web != c.health.Web || got.Data != c.health.Data || got.Mode != c.health.Mode {
			t.Errorf("%s: got %d %+v, active %q; want %d, %q, %q", c.name, code, got, head.Get("Twinleaf-Active"), c.code, c.cause, c.active)
		}
	}
}

func TestOnlyAStandbyTellsWhereJobsAreTaken(t *testing.T) {
	for code, want := range map[string]string{"standby": "https://north:8080", "data-down": "", "maintenance": ""} {
		s := paired(t, &couple{}, func(p *Parts) {
			p.Submit = submitter(func() error { return &core.Failure{Code: code, Detail: "not here"} })
			p.Active = func() string { return "https://north:8080" }
		})
		status, head, _ := ask(t, "POST", serveParts(t, s)+"/v1/jobs", "scan")
		if status != 503 || head.Get("Twinleaf-Active") != want {
			t.Errorf("%s: got %d, %q, want %q", code, status, head.Get("Twinleaf-Active"), want)
		}
	}
}

type submitter func() error

func (s submitter) Submit(context.Context, core.Submission) (core.Accepted, error) {
	return core.Accepted{}, s()
}

// GS10, GS11: the roles of those who may ask a pair for something.
func TestWhoMayManageThePair(t *testing.T) {
	for route, role := range map[string]core.Role{
		"GET /v1/pair": core.Operator, "GET /v1/parity": core.Operator, "POST /v1/pair/takeover": core.Operator, "POST /v1/pair/handback": core.Operator,
		"POST /v1/pair/maintenance": core.Operator, "POST /v1/pair/sync": core.Administrator, "POST /v1/pair/init": core.Administrator,
		"POST /v1/pair/join": core.Administrator, "DELETE /v1/pair": core.Administrator,
		"GET /v1/pair/plugins": core.Administrator, "GET /v1/pair/plugins/{digest}": core.Administrator,
	} {
		if got, listed := needs(route); got != role || !listed {
			t.Errorf("%s: got %s %v, want %s", route, got, listed, role)
		}
	}
}

// A plug-in that breaks off is not taken for a whole one.
func TestABrokenArchiveIsNoWholeOne(t *testing.T) {
	base := serveParts(t, paired(t, &couple{}, func(p *Parts) { p.PeerPlugins = torn{} }))
	resp, err := http.Get(base + "/v1/pair/plugins/x")
	if err == nil {
		defer resp.Body.Close()
		_, err = io.ReadAll(resp.Body)
	}
	if err == nil {
		t.Error("half of an archive came as a whole one")
	}
}

type torn struct{}

func (torn) Lock(context.Context) ([]byte, error) { return nil, nil }

func (torn) Archive(context.Context, string) (io.ReadCloser, error) {
	return io.NopCloser(io.MultiReader(strings.NewReader("half"), broken{})), nil
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
