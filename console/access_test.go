package console

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/twinleaf-scan/twinleaf/console/api"
	"github.com/twinleaf-scan/twinleaf/core"
)

// door is users, tokens and sessions in memory: every credential is NAME-ROLE, that of a
// session begins with "session-".
type door struct {
	closed bool
	down   error
	ended  []string
	renews bool
	from   string
}

func (d *door) Open() (bool, error) { return !d.closed, d.down }

func (d *door) Identify(text string) (Identity, error) {
	if d.down != nil {
		return Identity{}, d.down
	}
	rest, session := strings.CutPrefix(text, "session-")
	name, role, _ := strings.Cut(rest, "-")
	if _, err := core.ParseRole(role); err != nil || !d.closed || slices.Contains(d.ended, text) {
		return Identity{}, core.Refuse(api.CodeUnauthorized, "r", "nobody")
	}
	id := Identity{Caller: core.Caller{Name: name, Role: core.Role(role)}}
	if session {
		id.Session = &api.Session{User: name, Role: core.Role(role), Token: text, Guard: "guard-of-" + name}
	}
	if session && d.renews {
		id.Session.Token = text + "-newer"
	}
	return id, nil
}

func (d *door) LogIn(_ context.Context, in api.LogIn, from string) (api.Session, error) {
	d.from = from
	if in.Password != "right words" {
		return api.Session{}, core.Refuse(api.CodeUnauthorized, "r", "wrong")
	}
	return api.Session{User: in.User, Role: core.Submitter, Token: "session-" + in.User + "-submitter", Guard: "guard-of-" + in.User}, nil
}

func (d *door) LogOut(text string) { d.ended = append(d.ended, text) }

func (d *door) ChangePassword(_ context.Context, user string, p api.NewPassword, _ string) error {
	if p.Old != "right words" {
		return core.Refuse(api.CodeTooMany, "wait", "too many")
	}
	return nil
}

// closedServer is a server where everybody has to say who they are.
func closedServer(t *testing.T, c Config, d *door) (string, *backend) {
	t.Helper()
	d.closed = true
	b := newBackend()
	p := b.parts()
	p.Access, p.Sessions = d, d
	s, err := New(c, p)
	if err != nil {
		t.Fatal(err)
	}
	hs := httptest.NewServer(s.Handler())
	t.Cleanup(hs.Close)
	return hs.URL, b
}

func TestNoRouteWithoutItsRole(t *testing.T) {
	s, err := New(Config{}, newBackend().parts())
	if err != nil {
		t.Fatal(err)
	}
	_, body := answer(s, "GET", "/openapi.json", "")
	var doc struct{ Paths map[string]map[string]any }
	if err := json.Unmarshal([]byte(body), &doc); err != nil {
		t.Fatal(err)
	}
	seen := 0
	for path, methods := range doc.Paths {
		for method := range methods {
			seen++
			if _, listed := needs(strings.ToUpper(method) + " " + path); !listed {
				t.Errorf("%s %s: the table of roles does not say who may do it", strings.ToUpper(method), path)
			}
		}
	}
	if seen < 30 {
		t.Errorf("only %d operations are described", seen)
	}
	if role, listed := needs("GET /v1/secrets"); listed || role != core.Administrator {
		t.Errorf("a route that is not listed: got %q %v, want an administrator's", role, listed)
	}
}

// TestEveryOperationHoldsToItsRole asks each described operation as everybody.
func TestEveryOperationHoldsToItsRole(t *testing.T) {
	url, _ := closedServer(t, Config{}, &door{})
	_, _, body := ask(t, "GET", url+"/openapi.json", "")
	var doc struct{ Paths map[string]map[string]any }
	if err := json.Unmarshal([]byte(body), &doc); err != nil {
		t.Fatal(err)
	}
	for path, methods := range doc.Paths {
		for method := range methods {
			method = strings.ToUpper(method)
			role, _ := needs(method + " " + path)
			if path == "/v1/session" && method != "GET" {
				continue // letting in and out has tests of its own
			}
			at := url + strings.NewReplacer("{id}", "none", "{kind}", "pdf", "{name}", "x").Replace(path)
			code, _, _ := ask(t, method, at, "{}")
			if (code == 401) != (role != everybody) {
				t.Errorf("%s %s as nobody: got %d, and it needs %q", method, path, code, role)
			}
			for _, has := range []core.Role{core.Worker, core.Submitter, core.Operator, core.Administrator} {
				code, _, answer := ask(t, method, at, "{}", "Authorization", "Bearer eve-"+string(has))
				if refused := code == 403; refused == (role == everybody || has.Allows(role)) && path != "/v1/session/password" {
					t.Errorf("%s %s as %s: got %d %s, and it needs %q", method, path, has, code, answer, role)
				}
				if code == 401 {
					t.Errorf("%s %s as %s: got 401", method, path, has)
				}
			}
		}
	}
}

func TestSubmittersSeeTheirOwnJobsOnly(t *testing.T) {
	url, b := closedServer(t, Config{}, &door{})
	b.add(api.Job{ID: "a-7", State: core.Completed, User: "sam"})
	b.add(api.Job{ID: "a-8", State: core.Completed, User: "eve"})
	b.add(api.Job{ID: "a-9", State: core.Completed})
	sam, ops := []string{"Authorization", "Bearer sam-submitter"}, []string{"Authorization", "Bearer kim-operator"}
	for _, path := range []string{"", "/events", "/outputs/pdf"} {
		if code, _, body := ask(t, "GET", url+"/v1/jobs/a-7"+path, "", sam...); code != 200 {
			t.Errorf("sam's own%s: got %d %s", path, code, body)
		}
		_, _, unknown := ask(t, "GET", url+"/v1/jobs/a-5"+path, "", sam...)
		for _, id := range []string{"a-8", "a-9"} {
			code, _, body := ask(t, "GET", url+"/v1/jobs/"+id+path, "", sam...)
			if code != 404 || strings.ReplaceAll(body, id, "a-5") != unknown {
				t.Errorf("%s%s as sam: got %d %s, want what is said of a job that is not there: %s", id, path, code, body, unknown)
			}
			if code, _, _ := ask(t, "GET", url+"/v1/jobs/"+id+path, "", ops...); code != 200 {
				t.Errorf("%s%s as operator: got %d", id, path, code)
			}
		}
	}
	if code, _, _ := ask(t, "POST", url+"/v1/jobs/a-8/cancel", "", sam...); code != 404 {
		t.Errorf("sam cancels eve's job: got %d, want 404", code)
	}
	_, _, list := ask(t, "GET", url+"/v1/jobs", "", sam...)
	if !strings.Contains(list, "a-7") || strings.Contains(list, "a-8") || strings.Contains(list, "a-9") {
		t.Errorf("sam's list: %s", list)
	}
}

func TestJobsCarryWhoSubmittedThem(t *testing.T) {
	url, b := closedServer(t, Config{Token: "0123456789abcdef"}, &door{})
	for i, c := range []struct{ credential, want string }{
		{"sam-submitter", "sam"}, {"session-eve-operator", "eve"}, {"0123456789abcdef", configured},
	} {
		if code, _, body := ask(t, "POST", url+"/v1/jobs", "a scan", "Authorization", "Bearer "+c.credential); code != 201 {
			t.Fatalf("%s: got %d %s", c.credential, code, body)
		}
		if got := b.received[i].User; got != c.want {
			t.Errorf("%s: got user %q, want %q", c.credential, got, c.want)
		}
	}
	ask(t, "POST", url+"/v1/jobs", "one", "Authorization", "Bearer sam-submitter", "Idempotency-Key", "k")
	b.jobs["a-1"] = api.Job{ID: "a-1", User: "sam"}
	if code, _, body := ask(t, "POST", url+"/v1/jobs", "one", "Authorization", "Bearer sam-submitter", "Idempotency-Key", "k"); code != 201 {
		t.Errorf("one's own key again: got %d %s", code, body)
	}
	if code, _, body := ask(t, "POST", url+"/v1/jobs", "one", "Authorization", "Bearer eve-submitter", "Idempotency-Key", "k"); code != 409 || strings.Contains(body, "a-1") {
		t.Errorf("somebody else's key: got %d %s, want 409 without the job", code, body)
	}
}

func TestABrowsersCookieNeedsTheGuardForChanges(t *testing.T) {
	d := &door{}
	url, _ := closedServer(t, Config{}, d)
	code, head, body := ask(t, "POST", url+"/v1/session", `{"user":"sam","password":"right words"}`, "Content-Type", "application/json")
	if code != 200 || head.Get("Cache-Control") != "no-store" || d.from != "127.0.0.1" {
		t.Fatalf("log in: got %d %s %s from %q", code, head, body, d.from)
	}
	set := head.Get("Set-Cookie")
	for _, want := range []string{"twinleaf-session=session-sam-submitter", "HttpOnly", "SameSite=Strict", "Path=/"} {
		if !strings.Contains(set, want) {
			t.Errorf("cookie %q lacks %s", set, want)
		}
	}
	cookie := []string{"Cookie", "twinleaf-session=session-sam-submitter"}
	if code, _, body := ask(t, "GET", url+"/v1/session", "", cookie...); code != 200 || !strings.Contains(body, `"guard":"guard-of-sam"`) {
		t.Errorf("who am I: got %d %s", code, body)
	}
	for guard, want := range map[string]int{"": 403, "guard-of-eve": 403, "guard-of-sam": 201} {
		if code, _, body := ask(t, "POST", url+"/v1/jobs", "a scan", append(cookie, "X-CSRF-Token", guard)...); code != want {
			t.Errorf("guard %q: got %d %s, want %d", guard, code, body, want)
		}
	}
	if code, _, _ := ask(t, "POST", url+"/v1/jobs", "a scan", "Cookie", "twinleaf-session=sam-submitter"); code != 403 {
		t.Errorf("a token as a cookie: got %d, want 403", code)
	}
	if code, _, _ := ask(t, "POST", url+"/v1/jobs", "x", append(cookie, "X-CSRF-Token", "guard-of-sam", "Sec-Fetch-Site", "same-site", "Origin", "http://other.example")...); code != 403 {
		t.Errorf("a page of a neighbour: got %d, want 403", code)
	}
	code, head, _ = ask(t, "DELETE", url+"/v1/session", "", cookie...)
	if code != 204 || !strings.Contains(head.Get("Set-Cookie"), "Max-Age=0") {
		t.Errorf("log out: got %d %v", code, head)
	}
	if code, _, _ := ask(t, "GET", url+"/v1/jobs", "", cookie...); code != 401 {
		t.Errorf("after logging out: got %d, want 401", code)
	}
}

func TestCookiesAreForTLSOnlyWhereThereIsTLS(t *testing.T) {
	d := &door{closed: true}
	p := newBackend().parts()
	p.Access, p.Sessions = d, d
	s, err := New(Config{}, p)
	if err != nil {
		t.Fatal(err)
	}
	hs := httptest.NewTLSServer(s.Handler())
	defer hs.Close()
	resp, err := hs.Client().Post(hs.URL+"/v1/session", "application/json", strings.NewReader(`{"user":"sam","password":"right words"}`))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if set := resp.Header.Get("Set-Cookie"); !strings.Contains(set, "Secure") {
		t.Errorf("cookie %q lacks Secure", set)
	}
}

func TestAUsedSessionGetsANewerText(t *testing.T) {
	url, _ := closedServer(t, Config{}, &door{renews: true})
	_, head, _ := ask(t, "GET", url+"/v1/jobs", "", "Authorization", "Bearer session-sam-submitter")
	if got := head.Get("Twinleaf-Renewed"); got != "session-sam-submitter-newer" {
		t.Errorf("bearer: got %q", got)
	}
	_, head, _ = ask(t, "GET", url+"/v1/jobs", "", "Cookie", "twinleaf-session=session-sam-submitter")
	if got := head.Get("Set-Cookie"); !strings.Contains(got, "session-sam-submitter-newer") || head.Get("Twinleaf-Renewed") != "" {
		t.Errorf("cookie: got %q %q", got, head.Get("Twinleaf-Renewed"))
	}
}

func TestOnlyThoseWhoLoggedInChangeTheirPassword(t *testing.T) {
	url, _ := closedServer(t, Config{}, &door{})
	for credential, want := range map[string]int{"session-sam-submitter": 204, "mfd-administrator": 403} {
		if code, _, body := ask(t, "PUT", url+"/v1/session/password", `{"old":"right words","new":"other words"}`, "Authorization", "Bearer "+credential); code != want {
			t.Errorf("%s: got %d %s, want %d", credential, code, body, want)
		}
	}
	code, head, _ := ask(t, "PUT", url+"/v1/session/password", `{"old":"wrong","new":"other words"}`, "Authorization", "Bearer session-sam-submitter")
	if code != http.StatusTooManyRequests || head.Get("Retry-After") == "" {
		t.Errorf("too many tries: got %d %v, want 429 with Retry-After", code, head)
	}
}

func TestWithoutItsUsersAServerLetsNobodyIn(t *testing.T) {
	down := &core.Failure{Code: core.CodeDataDown, Detail: "the data service is not there"}
	url, _ := closedServer(t, Config{}, &door{down: down})
	for path, want := range map[string]int{"/v1/jobs": 503, "/v1/settings": 503, "/metrics": 200, "/readyz": 200, "/healthz": 200} {
		for _, head := range [][]string{nil, {"Authorization", "Bearer sam-administrator"}} {
			if code, _, body := ask(t, "GET", url+path, "", head...); code != want {
				t.Errorf("%s %v: got %d %.100s, want %d", path, head, code, body, want)
			}
		}
	}
	url, _ = closedServer(t, Config{Token: "0123456789abcdef"}, &door{down: down})
	if code, _, _ := ask(t, "GET", url+"/metrics", ""); code != 401 {
		t.Errorf("metrics of a server with a token: got %d, want 401", code)
	}
	if code, _, _ := ask(t, "GET", url+"/v1/jobs", "", "Authorization", "Bearer 0123456789abcdef"); code != 200 {
		t.Errorf("the configured token: got %d, want 200", code)
	}
}

func TestOtherNamesAreRightOnceEverybodySaysWhoTheyAre(t *testing.T) {
	d := &door{}
	url, _ := closedServer(t, Config{}, d)
	host := []string{"Host", "scans.example", "Authorization", "Bearer sam-submitter"}
	if code, _, _ := ask(t, "GET", url+"/v1/jobs", "", host...); code != 200 {
		t.Errorf("closed: got %d, want 200", code)
	}
	d.closed = false
	if code, _, _ := ask(t, "GET", url+"/v1/jobs", "", host...); code != 421 {
		t.Errorf("open: got %d, want 421", code)
	}
}

func TestPasswordsAndTokensAreNotLogged(t *testing.T) {
	var log bytes.Buffer
	d := &door{closed: true}
	p := newBackend().parts()
	p.Access, p.Sessions = d, d
	p.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	s, err := New(Config{}, p)
	if err != nil {
		t.Fatal(err)
	}
	for _, body := range []string{`{"user":"sam","password":"right words"}`, `{"user":"s\nam","password":"wrong words"}`, `{"password":"lost words"}`, `{"user":"sam","password":"` + strings.Repeat("long words ", 40) + `"}`} {
		_, said := answer(s, "POST", "/v1/session", body)
		if strings.Contains(said, "words") {
			t.Errorf("an answer repeats the password: %s", said)
		}
	}
	if text := log.String(); strings.Contains(text, "words") || strings.Contains(text, "session-sam") || !strings.Contains(text, "log-in refused") || !strings.Contains(text, "logged in") {
		t.Errorf("log: %s", text)
	}
}
