package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/console/api"
	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/license"
	"github.com/twinleaf-scan/twinleaf/core/pair"
	"github.com/twinleaf-scan/twinleaf/core/pair/identity"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// wellPair is a pair that nothing is wrong with.
func wellPair() api.Pair {
	up, valid := core.Item{State: "up"}, &api.PairLicense{Code: int(license.Valid), State: license.Valid.Text()}
	return api.Pair{
		Paired: true, ID: "p-1",
		Here: &api.PairServer{
			ID: "north-k7q2", Name: "north", Role: "primary", URL: "https://north:8080", Web: up, Data: up, Mode: core.Item{State: "active"},
			Phase: "working", Stand: "standby", Epoch: 3, Since: noon.Add(-time.Hour), License: valid,
		},
		There: &api.PairServer{
			ID: "south-p3m1", Name: "south", Role: "secondary", URL: "https://south:8080", Web: up, Data: up, Mode: core.Item{State: "standby"},
			Phase: "working", Stand: "standby", Epoch: 3, Heard: noon.Add(-200 * time.Millisecond), License: valid,
		},
		Link:     &api.PairLink{Linked: true, Protected: true, SkewMS: -12},
		Takeover: &api.PairTakeover{Epoch: 3, Of: "north-k7q2", Cause: "network", At: noon.Add(-2 * time.Hour), Back: true},
		First:    &api.PairFirst{Job: "south-p3m1-1", At: noon.Add(-2 * time.Hour)},
		Parity:   &api.PairParity{At: true, Warnings: 2, Checked: noon},
		Sessions: 3,
		Events:   []api.PairEvent{{At: noon.Add(-2 * time.Hour), What: "jobs taken over", Cause: "network", Epoch: 3}, {At: noon.Add(-3 * time.Hour), What: "linked"}},
	}
}

func TestThePairIsShownSideBySide(t *testing.T) {
	var out strings.Builder
	if err := describePair(&out, wellPair(), noon, false); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(out.String(), "\n")
	for i, line := range lines {
		lines[i] = strings.Join(strings.Fields(line), " ") // columns are as wide as they must be
	}
	for _, want := range []string{
		"HERE THERE", "server north (primary) south (secondary)", "data service up up", "mode active standby", "own jobs works on them works on them", "heard - 200ms ago",
		"pair p-1 protected: what is taken here is on the other server too", "lag 0 events", "clocks 12ms apart", "sessions 3 open here", "verdict well",
		"parity at parity, 2 warnings, compared " + moment(noon, noon),
		"last takeover epoch 3, " + moment(noon.Add(-2*time.Hour), noon) + ": jobs of north, because it could not be reached; handed back",
		"first job there south-p3m1-1, " + moment(noon.Add(-2*time.Hour), noon), "lately " + moment(noon.Add(-2*time.Hour), noon) + " jobs taken over, network, epoch 3",
	} {
		if !slices.Contains(lines, want) {
			t.Errorf("lacks %q:\n%s", want, out.String())
		}
	}
	if strings.ContainsRune(out.String(), '\x1b') {
		t.Error("colours where nobody looks")
	}
	var painted strings.Builder
	if err := describePair(&painted, wellPair(), noon, true); err != nil {
		t.Fatal(err)
	}
	plain := strings.NewReplacer(green, "", yellow, "", red, "", plains, "").Replace(painted.String())
	if plain != out.String() || !strings.Contains(painted.String(), green+"active"+plains) {
		t.Errorf("colours move the columns:\n%q\n%q", plain, out.String())
	}
}

func TestTheOtherServerIsShownAsAWorker(t *testing.T) {
	for want, w := range map[string]*api.PairWorker{
		"the other server has 1 of the 2 pages that it takes at once, and has read 40":                                                     {Slots: 2, Busy: 1, Pages: 40},
		"the other server has 0 of the 1 page that it takes at once, and has read 0; 3 pages read here instead, the last because it hangs": {Slots: 1, Failures: 3, Problem: "it hangs"},
		"": nil,
	} {
		p := wellPair()
		p.Worker = w
		var out strings.Builder
		if err := describePair(&out, p, noon, false); err != nil {
			t.Fatal(err)
		}
		if told := strings.Contains(out.String(), "reads pages"); told != (w != nil) || !strings.Contains(out.String(), want) {
			t.Errorf("lacks %q:\n%s", want, out.String())
		}
	}
}

func TestNoWordOfAPairMovesTheCursor(t *testing.T) {
	p := wellPair()
	const evil = "a\x1b[2Jb\ntrouble  x"
	p.There.Name, p.There.URL, p.There.Mode.Cause, p.There.Cause, p.Events[0].What, p.First.Job = evil, evil, evil, evil, evil, evil
	p.Refused = &api.Problem{Code: evil, Detail: evil}
	var out strings.Builder
	if err := describePair(&out, p, noon, false); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsRune(out.String(), '\x1b') || strings.Contains(out.String(), "\ntrouble  x") {
		t.Errorf("printed %q", out.String())
	}
}

// GS31: each of the four causes is told apart from the others, and so is all else that keeps
// a pair from being well.
func TestWhatIsWrongWithAPairIsNamed(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*api.Pair)
		want  string
	}{
		"well":        {func(*api.Pair) {}, ""},
		"network":     {func(p *api.Pair) { p.Link.Linked = false }, "south is not heard"},
		"web":         {func(p *api.Pair) { p.There.Web = core.Item{State: "down", Cause: "no port"} }, "the web service of south is down (no port)"},
		"data":        {func(p *api.Pair) { p.There.Data = core.Item{State: "down", Cause: "disk full"} }, "the data service of south is down (disk full)"},
		"data here":   {func(p *api.Pair) { p.Here.Data = core.Item{State: "down"} }, "the data service of north is down"},
		"maintenance": {func(p *api.Pair) { p.There.Mode = core.Item{State: "maintenance", Cause: "operator"} }, "south is in the mode maintenance (operator)"},
		"draining":    {func(p *api.Pair) { p.Here.Mode = core.Item{State: "draining"} }, "north is in the mode draining"},
		"unprotected": {func(p *api.Pair) { p.Link.Protected = false }, "unprotected: what is taken now is on one server only"},
		"taken over":  {func(p *api.Pair) { p.There.Stand = "ours" }, "south works on the jobs of north"},
		"taken here":  {func(p *api.Pair) { p.Here.Stand = "ours" }, "north works on the jobs of south"},
		"parity":      {func(p *api.Pair) { p.Parity.At, p.Parity.Differences = false, 1 }, `not at parity: 1 difference; see "twinleaf parity"`},
		"compared":    {func(p *api.Pair) { p.Parity = &api.PairParity{} }, "the servers were not compared yet"},
		"withheld":    {func(p *api.Pair) { p.Withheld = 2 }, "2 jobs withheld because of that"},
		"licence":     {func(p *api.Pair) { p.There.License = &api.PairLicense{Code: 800002, State: "expired"} }, "licence of south: 800002 expired"},
		"out":         {func(p *api.Pair) { p.There.Phase = "out" }, "south is a second primary and left out"},
		"refused":     {func(p *api.Pair) { p.Refused = &api.Problem{Code: "other-version", Detail: "it is older"} }, "other-version: it is older"},
		"alone":       {func(p *api.Pair) { *p = api.Pair{} }, "this server is in no pair"},
	} {
		p := wellPair()
		c.spoil(&p)
		if got := strings.Join(pairTroubles(p), "; "); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}

// Every phase, stand and cause of the machine has words; unknown ones do no harm.
func TestAllOfThePairHasWords(t *testing.T) {
	for _, p := range []pair.Phase{pair.Meeting, pair.Restoring, pair.Returning, pair.Barrier, pair.Working, pair.Resting, pair.Out} {
		if phaseWords(string(p)) == "unknown" {
			t.Errorf("phase %s has no words", p)
		}
	}
	for _, s := range []pair.Stand{pair.Standby, pair.Taking, pair.Ours, pair.Giving, pair.Closing} {
		if standWords(string(s)) == "unknown" {
			t.Errorf("stand %s has no words", s)
		}
	}
	seen := map[string]bool{}
	for _, c := range []pair.Cause{pair.Network, pair.Web, pair.Data, pair.Maintenance, pair.Operator, pair.Engine} {
		words := causeWords(string(c))
		if words == string(c) || seen[words] {
			t.Errorf("cause %s: got %q", c, words)
		}
		seen[words] = true
	}
	if phaseWords("") != "unknown" || standWords("new") != "unknown" || causeWords("moon") != "moon" {
		t.Error("a word that is not known has changed its meaning")
	}
}

// pairServer is a server that answers as it is told, and remembers what it was asked.
type pairServer struct {
	stands api.Pair
	parity api.Parity
	refuse *api.Problem
	asked  []string
}

func (s *pairServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.asked = append(s.asked, strings.TrimSpace(r.Method+" "+r.URL.RequestURI()+" "+string(body)))
	var v any = s.stands
	w.Header().Set("Content-Type", "application/json")
	switch {
	case s.refuse != nil:
		w.Header().Set("Content-Type", api.ProblemMedia)
		w.WriteHeader(s.refuse.Status)
		v = s.refuse
	case r.URL.Path == "/v1/parity":
		v = s.parity
	}
	_ = json.NewEncoder(w).Encode(v)
}

func (s *pairServer) start(t *testing.T) string {
	t.Helper()
	hs := httptest.NewServer(s)
	t.Cleanup(hs.Close)
	return hs.URL
}

// GS33: managing failover is a command of its own; GS19: so is synchronising now.
func TestTheCommandsOfAPairAskTheServer(t *testing.T) {
	for _, c := range []struct{ line, asked, said string }{
		{"takeover", "POST /v1/pair/takeover", "north (primary) is active; its own jobs: works on them; the other server's: leaves them alone\nsouth"},
		{"handback", "POST /v1/pair/handback", "north"},
		{"maintenance on", `POST /v1/pair/maintenance {"on":true}`, "north"},
		{"maintenance off", `POST /v1/pair/maintenance {"on":false}`, "north"},
		{"sync", "POST /v1/pair/sync", "synchronised"},
	} {
		s := &pairServer{stands: wellPair()}
		args := append([]string{"--server", s.start(t) + ",http://127.0.0.1:1", "pair"}, strings.Fields(c.line)...)
		exit, out, errs := typed(t, "", args...)
		if exit != 0 || len(s.asked) != 1 || s.asked[0] != c.asked || !strings.Contains(out, c.said) {
			t.Errorf("%s: exit %d, asked %q, printed %q %q", c.line, exit, s.asked, out, errs)
		}
	}
}

// What is meant for a server that is down must not be done to the other one.
func TestOrdersGoToTheFirstServerOnly(t *testing.T) {
	other := &pairServer{stands: wellPair()}
	servers := "http://127.0.0.1:1," + other.start(t)
	for _, line := range []string{"takeover", "handback", "maintenance on", "sync"} {
		exit, _, errs := typed(t, "", append([]string{"--server", servers, "pair"}, strings.Fields(line)...)...)
		if exit != exitUnreachable || len(other.asked) > 0 {
			t.Errorf("%s: exit %d %s, and the other server was asked %q", line, exit, errs, other.asked)
		}
	}
	if exit, out, errs := typed(t, "", "--server", servers, "pair", "status"); exit != 0 || !strings.Contains(out, "well") {
		t.Errorf("status: exit %d, %s%s", exit, out, errs)
	}
}

func TestWhatAPairRefusesIsTold(t *testing.T) {
	s := &pairServer{refuse: api.NewProblem(409, "peer-resting", "end the maintenance of south first", "south is in maintenance")}
	exit, _, errs := typed(t, "", "--server", s.start(t), "pair", "maintenance", "on")
	if want := "twinleaf: maintenance on: south is in maintenance\nhint: end the maintenance of south first\n"; exit != exitFailed || errs != want {
		t.Errorf("exit %d, %q, want %q", exit, errs, want)
	}
	for _, args := range [][]string{{"maintenance"}, {"maintenance", "maybe"}, {"takeover", "now"}, {"status", "x"}, {}} {
		if exit, _, errs := typed(t, "", append([]string{"pair"}, args...)...); exit != exitUsage || !strings.Contains(errs, "hint: ") {
			t.Errorf("%v: exit %d, %s", args, exit, errs)
		}
	}
}

func TestStatusEndsAsThePairStands(t *testing.T) {
	unwell := wellPair()
	unwell.Link.Protected = false
	for name, c := range map[string]struct {
		p    api.Pair
		exit int
		said string
	}{
		"well": {wellPair(), 0, "verdict          well"}, "unprotected": {unwell, 1, "trouble          unprotected"}, "alone": {api.Pair{}, 1, "this server is in no pair"},
	} {
		url := (&pairServer{stands: c.p}).start(t)
		exit, out, errs := typed(t, "", "--server", url, "pair", "status")
		if exit != c.exit || !strings.Contains(out, c.said) || errs != "" {
			t.Errorf("%s: exit %d, %s%s", name, exit, out, errs)
		}
		exit, out, _ = typed(t, "", "--server", url, "pair", "status", "--json")
		var got api.Pair
		if err := json.Unmarshal([]byte(out), &got); err != nil || exit != c.exit || got.Paired != c.p.Paired {
			t.Errorf("%s as JSON: exit %d, %s (%v)", name, exit, out, err)
		}
	}
}

func TestParityWithoutArgumentsAsksTheServer(t *testing.T) {
	s := &pairServer{parity: api.Parity{At: true, Peer: "south", Differences: []api.Difference{}}}
	url := s.start(t)
	if exit, out, errs := typed(t, "", "--server", url, "parity"); exit != 0 || out != "at parity with south\n" || s.asked[0] != "GET /v1/parity" {
		t.Errorf("at parity: exit %d, %q %s, asked %q", exit, out, errs, s.asked)
	}
	s.parity = api.Parity{Peer: "south", Differences: []api.Difference{{Code: "missing", Severity: "difference", What: "plug-in zip", Here: "none", There: "1.0.0", Remedy: "add it here"}}}
	exit, out, _ := typed(t, "", "--server", url, "parity", "--deep")
	if want := "difference      plug-in zip: here none, there 1.0.0; add it here\nnot at parity with south\n"; exit != exitFailed || out != want || s.asked[1] != "GET /v1/parity?deep=true" {
		t.Errorf("exit %d, %q, want %q; asked %q", exit, out, want, s.asked)
	}
	exit, out, _ = typed(t, "", "--server", url, "parity", "--json")
	var got api.Parity
	if err := json.Unmarshal([]byte(out), &got); err != nil || exit != exitFailed || got.Differences[0].What != "plug-in zip" {
		t.Errorf("as JSON: exit %d, %s (%v)", exit, out, err)
	}
	s.refuse = api.NewProblem(409, api.CodeNoPair, "form one", "this server is in no pair")
	if exit, _, errs := typed(t, "", "--server", url, "parity"); exit != exitFailed || !strings.Contains(errs, "hint: form one") {
		t.Errorf("alone: exit %d, %s", exit, errs)
	}
	if exit, _, _ := typed(t, "", "--server", "http://127.0.0.1:1", "parity"); exit != exitUnreachable {
		t.Errorf("nobody there: exit %d", exit)
	}
}

// The plug-ins of a secondary are changed where they lie, and nowhere else.
func TestOnlyTheStoreOfTheServerItselfIsTouched(t *testing.T) {
	data := t.TempDir()
	t.Setenv("TWINLEAF_STATE", data)
	self, err := identity.Open(filepath.Join(data, serverFolder), "south", false)
	if err != nil {
		t.Fatal(err)
	}
	s := &pairServer{stands: wellPair()}
	url := s.start(t)
	asked := func(args ...string) (int, string, string) {
		s.asked = nil
		exit, _, errs := typed(t, "", append([]string{"--server", url, "pair", "sync"}, args...)...)
		return exit, strings.Join(s.asked, "; "), errs
	}
	if exit, asked, errs := asked(); exit != 0 || asked != "POST /v1/pair/sync" || errs != "" {
		t.Errorf("on a primary: exit %d, asked %s, %s", exit, asked, errs)
	}
	s.stands.Here, s.stands.There = s.stands.There, s.stands.Here
	if exit, asked, errs := asked(); exit != 0 || asked != "POST /v1/pair/sync" || !strings.Contains(errs, "not that of south\nhint: ") {
		t.Errorf("elsewhere: exit %d, asked %s, %s", exit, asked, errs)
	}
	s.stands.Here.ID = self.ID
	if exit, asked, errs := asked("--no-plugins"); exit != 0 || asked != "POST /v1/pair/sync" || errs != "" {
		t.Errorf("without plug-ins: exit %d, asked %s, %s", exit, asked, errs)
	}
	if exit, asked, errs := asked(); exit != exitFailed || asked != "POST /v1/pair/sync; GET /v1/pair/plugins" || !strings.Contains(errs, "lock") {
		t.Errorf("a lock that is none: exit %d, asked %s, %s", exit, asked, errs)
	}
}
