package client

import (
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twinleaf-scan/twinleaf/console/api"
	"github.com/twinleaf-scan/twinleaf/core"
)

// garbage is an address where something listens that speaks neither TLS nor HTTP.
func garbage(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Write([]byte("220 mail ready\r\n"))
			_ = conn.Close()
		}
	}()
	return l.Addr().String()
}

// TestEachCauseGoesOver is GS1 and GS27 to GS30: whatever is the matter with the first
// server, the second one gets the whole scan under the same key, with the cause, and the
// user sees one retry and one line.
func TestEachCauseGoesOver(t *testing.T) {
	half := "HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"id\":\"a-"
	cases := []struct {
		name  string
		first func(t *testing.T) string
		cause Cause
		says  string
	}{
		{"refused", dead, Network, "does not answer (connection refused)"},
		{"no such host", func(*testing.T) string { return "http://no-such-host.invalid:1" }, Network, "does not answer ("},
		{"no TLS", func(t *testing.T) string { return "https://" + garbage(t) }, Network, "does not answer ("},
		{"no HTTP", func(t *testing.T) string { return "http://" + garbage(t) }, Network, "does not answer ("},
		{"cut before the answer", func(t *testing.T) string { return newFake(t, cut("")).URL }, Network, "does not answer ("},
		{"cut in mid-answer", func(t *testing.T) string { return newFake(t, cut(half)).URL }, Network, "does not answer ("},
		{"frozen", func(t *testing.T) string { return newFrozen(t).URL }, Web, "takes connections and does not answer"},
		{"500 of another", func(t *testing.T) string { return newFake(t, page(500)).URL }, Web, "answers 500"},
		{"502", func(t *testing.T) string { return newFake(t, page(502)).URL }, Web, "answers 502 Bad Gateway, which is not Twinleaf"},
		{"503 of another", func(t *testing.T) string { return newFake(t, page(503)).URL }, Web, "answers 503"},
		{"504", func(t *testing.T) string { return newFake(t, page(504)).URL }, Web, "answers 504"},
		{"404 of another", func(t *testing.T) string { return newFake(t, page(404)).URL }, Web, "answers 404 Not Found, which is not Twinleaf"},
		{"a page", func(t *testing.T) string { return newFake(t, page(200)).URL }, Web, `answers with "text/html" instead of JSON`},
		{"shutting down", func(t *testing.T) string { return newFake(t, problem(503, core.CodeInterrupted)).URL }, Web, "is shutting down"},
		{"data service down", func(t *testing.T) string { return newFake(t, problem(503, core.CodeDataDown)).URL }, Data, "has no data service"},
		{"maintenance", func(t *testing.T) string { return newFake(t, problem(503, core.CodeMaintenance)).URL }, Maintenance, "is in maintenance"},
		{"starting", func(t *testing.T) string { return newFake(t, problem(503, api.CodeStarting)).URL }, Maintenance, "is starting"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			second := newFake(t, accepts("b-1"))
			cl, m := fast(t, c.first(t), second.URL)
			acc, err := submit(t, cl)
			if err != nil || acc.ID != "b-1" {
				t.Fatalf("got %+v, %v; want b-1", acc, err)
			}
			got := second.asked()
			if len(got) != 1 || got[0].body != "the whole scan" || got[0].cause != string(c.cause) || got[0].key == "" || got[0].session == "" {
				t.Errorf("the second server got %+v, want one whole scan because of %s", got, c.cause)
			}
			same(t, "moves", m.causes(), []Cause{c.cause})
			if len(m.list) == 1 && (!strings.Contains(m.list[0].String(), c.says) || !strings.HasSuffix(m.list[0].String(), "; using "+m.list[0].To)) {
				t.Errorf("the line is %q, want that it says %q", m.list[0], c.says)
			}
		})
	}
}

// The answer of the first server is lost: the retry carries its key, so that it is one job.
func TestLostAnswerIsOneJob(t *testing.T) {
	first := newFake(t, cut(""))
	second := newFake(t, accepts("a-1"))
	cl, _ := fast(t, first.URL, second.URL)
	if _, err := submit(t, cl); err != nil {
		t.Fatal(err)
	}
	a, b := first.asked(), second.asked()
	if len(a) != 1 || len(b) != 1 || a[0].key != b[0].key || a[0].session != b[0].session || a[0].body != b[0].body {
		t.Errorf("the servers got %+v and %+v, want the same scan, key and session", a, b)
	}
}

// TestItStaysAndReturns is GS6 as a client sees it.
func TestItStaysAndReturns(t *testing.T) {
	first := newFake(t, problem(503, core.CodeMaintenance))
	second := newFake(t, accepts("b-1"))
	cl, m := fast(t, first.URL, second.URL)
	for range 3 {
		if _, err := submit(t, cl); err != nil {
			t.Fatal(err)
		}
	}
	if got := causesOf(first.asked()); got != "POST " {
		t.Errorf("the first server was asked %q, want once", got)
	}
	if got := causesOf(second.asked()); got != "POST maintenance, POST , POST " {
		t.Errorf("the second server was asked %q, want three times, the first because of maintenance", got)
	}

	first.set(accepts("a-1")) // it is back, and the standby sends on who is not needed there
	second.set(problem(503, api.CodeStandby, api.ActiveHeader, first.URL))
	for range 2 {
		if acc, err := submit(t, cl); err != nil || acc.ID != "a-1" {
			t.Fatalf("got %+v, %v; want a-1", acc, err)
		}
	}
	if got := causesOf(first.asked()); got != "POST , POST " {
		t.Errorf("the first server was asked %q, want both, without a cause", got)
	}
	if got := causesOf(second.asked()); got != "POST " {
		t.Errorf("the standby was asked %q, want once", got)
	}
	same(t, "moves", m.causes(), []Cause{Maintenance, ""})
}

func TestANewClientBeginsWithTheFirstServer(t *testing.T) {
	first := newFake(t, page(502))
	second := newFake(t, accepts("b-1"))
	var sessions []string
	for range 2 {
		cl, _ := fast(t, first.URL, second.URL)
		if _, err := submit(t, cl); err != nil {
			t.Fatal(err)
		}
		got := first.asked()
		if len(got) != 1 {
			t.Fatalf("the first server was asked %d times, want once", len(got))
		}
		sessions = append(sessions, got[0].session)
	}
	if sessions[0] == sessions[1] || len(sessions[0]) < 20 {
		t.Errorf("sessions %q, want two that differ and cannot be guessed", sessions)
	}
}

func TestItFailsOverBackAsWell(t *testing.T) {
	first := newFake(t, page(502))
	second := newFake(t, accepts("b-1"))
	cl, m := fast(t, first.URL, second.URL)
	if _, err := submit(t, cl); err != nil {
		t.Fatal(err)
	}
	first.set(accepts("a-1"))
	second.set(problem(503, core.CodeDataDown))
	if acc, err := submit(t, cl); err != nil || acc.ID != "a-1" {
		t.Fatalf("got %+v, %v; want a-1", acc, err)
	}
	if got := first.asked(); got[len(got)-1].cause != "data" {
		t.Errorf("the first server was told %q, want data", got[len(got)-1].cause)
	}
	same(t, "moves", m.causes(), []Cause{Web, Data})
}

// The list begins with a standby, and the active server dies: the standby is asked once
// more and told why.
func TestStandbyIsAskedAgainWhenTheActiveServerIsGone(t *testing.T) {
	gone := dead(t)
	standby := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get(api.FailoverHeader) == "" {
			problem(503, api.CodeStandby, api.ActiveHeader, gone)(w, r)
			return
		}
		accepts("b-1")(w, r)
	})
	for _, order := range [][]string{{standby.URL, gone}, {gone, standby.URL}} {
		cl, _ := fast(t, order...)
		if acc, err := submit(t, cl); err != nil || acc.ID != "b-1" {
			t.Errorf("%q: got %+v, %v; want b-1", order, acc, err)
		}
		if got := standby.asked(); got[len(got)-1].cause != "network" || len(got) > 2 {
			t.Errorf("%q: the standby was asked %q", order, causesOf(got))
		}
	}
}

func TestTwoStandbysAreAProblemOfTheirs(t *testing.T) {
	a := newFake(t, problem(503, api.CodeStandby))
	b := newFake(t, problem(503, api.CodeStandby, api.ActiveHeader, a.URL))
	a.set(problem(503, api.CodeStandby, api.ActiveHeader, b.URL))
	cl, _ := fast(t, a.URL, b.URL)
	_, err := submit(t, cl)
	var p *api.Problem
	if !errors.As(err, &p) || p.Code != api.CodeStandby {
		t.Errorf("got %v, want the problem", err)
	}
	if n := len(a.asked()) + len(b.asked()); n != 2 {
		t.Errorf("%d requests, want one for each", n)
	}
}

// Whatever a server says, its clients' tokens go to the servers that their users named.
func TestTokensGoNowhereElse(t *testing.T) {
	stranger := newFake(t, accepts("x-1"))
	second := newFake(t, accepts("b-1"))
	redirect := func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, stranger.URL+r.URL.Path, http.StatusTemporaryRedirect)
	}
	for name, do := range map[string]http.HandlerFunc{
		"active":   problem(503, api.CodeStandby, api.ActiveHeader, stranger.URL),
		"garbled":  problem(503, api.CodeStandby, api.ActiveHeader, "http://%zz"),
		"redirect": redirect,
	} {
		first := newFake(t, do)
		cl, _ := fast(t, first.URL, second.URL)
		if acc, err := submit(t, cl); err != nil || acc.ID != "b-1" {
			t.Errorf("%s: got %+v, %v; want b-1 of the second server", name, acc, err)
		}
		alone, _ := fast(t, first.URL)
		if _, err := submit(t, alone); err == nil {
			t.Errorf("%s: one server: no error", name)
		}
	}
	if got := stranger.asked(); len(got) > 0 {
		t.Errorf("a server that nobody named got %+v", got)
	}
	for _, s := range second.asked() {
		if s.token != "Bearer secret" {
			t.Errorf("the second server got the token %q", s.token)
		}
	}
}

func TestAddressesMustNotMixTLSAndClear(t *testing.T) {
	for _, c := range []struct {
		servers string
		ok      bool
	}{
		{"https://north,https://south", true}, {"north,south", true}, {"https://north,http://127.0.0.1:1", true},
		{"https://north,http://south", false}, {"south,https://north", false},
		{"http://ada:pw@north", false}, {"http://north/?a=b", false}, {"http://north#x", false}, {"http://:8080", false},
		{"http://a,http://b,http://c,http://d,http://e,http://f,http://g,http://h,http://i", false},
	} {
		_, err := New(Config{Servers: strings.Split(c.servers, ",")})
		if (err == nil) != c.ok {
			t.Errorf("%s: got %v, want ok %v", c.servers, err, c.ok)
		}
		if err != nil && strings.Contains(err.Error(), "pw") {
			t.Errorf("%s: the error tells the password: %v", c.servers, err)
		}
	}
}

func TestNamesTellServersApart(t *testing.T) {
	for list, want := range map[string]string{"north:1,south:1": "north south", "Host:1,host:2": "host:1 host:2", "a:1,http://A:1/": "a"} {
		c, err := New(Config{Servers: strings.Split(list, ",")})
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, s := range c.servers {
			names = append(names, s.name)
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%s: got %q, want %q", list, got, want)
		}
	}
}

// A change that may have been made is not made a second time elsewhere.
func TestChangesAreNotMadeTwice(t *testing.T) {
	for _, c := range []struct {
		name   string
		first  func(t *testing.T) string
		second bool // is asked
		says   string
	}{
		{"never connected", dead, true, ""},
		{"maintenance", func(t *testing.T) string { return newFake(t, problem(503, core.CodeMaintenance)).URL }, true, ""},
		{"broke", func(t *testing.T) string { return newFake(t, cut("")).URL }, false, "not known whether it was done"},
		{"frozen", func(t *testing.T) string { return newFrozen(t).URL }, false, "not known whether it was done"},
		{"502", func(t *testing.T) string { return newFake(t, page(502)).URL }, false, "502"},
		{"data down", func(t *testing.T) string { return newFake(t, problem(503, core.CodeDataDown)).URL }, false, "data-down"},
	} {
		t.Run(c.name, func(t *testing.T) {
			second := newFake(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
			cl, _ := fast(t, c.first(t), second.URL)
			err := cl.Put(t.Context(), "settings", map[string]int{"a": 1})
			if asked := len(second.asked()) > 0; asked != c.second || (err == nil) != c.second {
				t.Errorf("the second server was asked: %v, %v; want %v", asked, err, c.second)
			}
			if err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %q, want %q in it", err, c.says)
			}
		})
	}
}

func TestSecondaryThatChangesNothingSaysWhere(t *testing.T) {
	first := dead(t)
	second := newFake(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set(api.PrimaryHeader, "https://north")
		answer(w, 409, api.ProblemMedia, api.NewProblem(409, api.CodeReadOnly, "", "this is the secondary"))
	})
	cl, _ := fast(t, first, second.URL)
	err := cl.Put(t.Context(), "settings", 1)
	var p *api.Problem
	if !errors.As(err, &p) || p.Code != api.CodeReadOnly {
		t.Fatalf("got %v, want the secondary's problem", err)
	}
	for _, want := range []string{"this is the secondary", "connection refused", "https://north"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("got %q, want %q in it", err, want)
		}
	}
}

// What one server does for itself must not be done to the other one.
func TestOrdersGoToTheFirstServerOnly(t *testing.T) {
	second := newFake(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	cl, _ := fast(t, dead(t), second.URL)
	for _, resource := range []string{"pair/maintenance", "license", "pair"} {
		if err := cl.Send(t.Context(), http.MethodPost, resource, nil, nil); !errors.Is(err, ErrUnreachable) {
			t.Errorf("%s: got %v, want ErrUnreachable", resource, err)
		}
	}
	if got := second.asked(); len(got) > 0 {
		t.Errorf("the second server got %+v", got)
	}
}

// TestLogInGoesOver is a part of EP9.
func TestLogInGoesOver(t *testing.T) {
	second := newFake(t, func(w http.ResponseWriter, _ *http.Request) {
		answer(w, 200, "application/json", api.Session{User: "ada", Token: "tws_1"})
	})
	cl, _ := fast(t, newFake(t, cut("")).URL, second.URL)
	var s api.Session
	if err := cl.Send(t.Context(), http.MethodPost, "session", api.LogIn{User: "ada"}, &s); err != nil || s.Token != "tws_1" {
		t.Errorf("got %+v, %v; want a session of the second server", s, err)
	}
}

func TestWhatIsTheCallersFaultIsFinal(t *testing.T) {
	for _, status := range []int{400, 401, 403, 404, 409, 413, 415, 422, 429, 500} {
		first := newFake(t, problem(status, "some-code"))
		second := newFake(t, accepts("b-1"))
		cl, m := fast(t, first.URL, second.URL)
		_, err := submit(t, cl)
		var p *api.Problem
		if !errors.As(err, &p) || p.Status != status {
			t.Errorf("%d: got %v, want the problem", status, err)
		}
		if got := second.asked(); len(got) > 0 || len(m.list) > 0 {
			t.Errorf("%d: the second server got %+v", status, got)
		}
	}
}

func TestNobodyTakesIt(t *testing.T) {
	maint := newFake(t, problem(503, core.CodeMaintenance))
	cl, m := fast(t, maint.URL, dead(t))
	_, err := submit(t, cl)
	var p *api.Problem
	if err == nil || errors.Is(err, ErrUnreachable) || !errors.As(err, &p) || !strings.Contains(err.Error(), "is in maintenance") || !strings.Contains(err.Error(), "refused") {
		t.Errorf("got %v, want what is the matter with both", err)
	}
	same(t, "moves", m.causes(), nil)
	both, _ := fast(t, dead(t), dead(t))
	if _, err := submit(t, both); !errors.Is(err, ErrUnreachable) || strings.Count(err.Error(), "refused") != 2 {
		t.Errorf("got %v, want ErrUnreachable with both", err)
	}
}

// A server that is there but does not get on with one request is given up in the end.
func TestAnswerThatNeverComesIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		first := &fake{do: func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }}
		second := &fake{do: job(core.Running)}
		cl := overPipes(t, first, second)
		began := time.Now()
		if j, err := cl.Job(t.Context(), "a-1"); err != nil || j.State != core.Running {
			t.Errorf("got %+v, %v; want the job from the second server", j, err)
		}
		if took := time.Since(began); took < 20*time.Second || took > 21*time.Second { // it is looked at every half second
			t.Errorf("the first server was given up after %v, want 20 s", took)
		}
		if got := causesOf(second.asked()); got != "GET web" {
			t.Errorf("the second server was asked %q, want once because of web", got)
		}
	})
}

// An answer that comes slowly comes.
func TestSlowAnswerIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cl := overPipes(t, &fake{do: func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			for _, b := range []byte(`{"id":"a-1","state":"running"}`) {
				time.Sleep(10 * time.Second)
				_, _ = w.Write([]byte{b})
				_ = http.NewResponseController(w).Flush()
			}
		}}, nil)
		if j, err := cl.Job(t.Context(), "a-1"); err != nil || j.ID != "a-1" {
			t.Errorf("got %+v, %v; want the whole answer", j, err)
		}
	})
}
