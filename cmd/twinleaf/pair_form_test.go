package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/console"
	"github.com/twinleaf-scan/twinleaf/console/api"
	"github.com/twinleaf-scan/twinleaf/core"
)

// script answers GET /v1/pair with one answer after the other, and then the last; it
// counts what else is asked.
type script struct {
	mu      sync.Mutex // guards what follows
	answers []any      // api.Pair or *api.Problem
	asked   []string
}

func (s *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out any = api.PairCode{Code: "20R00-1M7QK", Expires: time.Now().Add(time.Minute)}
	switch {
	case r.Method == http.MethodGet && r.URL.Path == "/v1/pair":
		out = s.answers[0]
		s.answers = s.answers[min(1, len(s.answers)-1):]
	default:
		s.asked = append(s.asked, r.Method+" "+r.URL.Path)
	}
	w.Header().Set("Content-Type", "application/json")
	if p, ok := out.(*api.Problem); ok {
		w.Header().Set("Content-Type", api.ProblemMedia)
		w.WriteHeader(p.Status)
	}
	_ = json.NewEncoder(w).Encode(out)
}

func (s *script) serve(t *testing.T) (address string) {
	t.Helper()
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return server.URL
}

func stage(name, peer string) api.Pair {
	return api.Pair{Window: &api.PairWindow{Stage: name, Peer: peer}}
}

func opening() *api.Problem {
	return api.NewProblem(http.StatusServiceUnavailable, core.CodeDataDown, "try again", "the pair has changed")
}

func TestInitShowsTheCodeAndWaitsUntilThePairIsFormed(t *testing.T) {
	s := &script{answers: []any{stage("waiting", ""), opening(), stage("checking", "south"), stage("formed", "south")}}
	exit, out, errs := typed(t, "", "pair", "init", "--server", s.serve(t))
	if exit != 0 || out != "\n    20R00-1M7QK\n\npaired with south\n" {
		t.Errorf("exit %d, %q", exit, out)
	}
	for _, want := range []string{"Type this on the other server", "twinleaf pair join 20R00-1M7QK", "waiting for the other server", "south and this server are compared"} {
		if !strings.Contains(errs, want) {
			t.Errorf("lacks %q: %s", want, errs)
		}
	}
}

func TestInitTellsWhyNoPairWasFormed(t *testing.T) {
	closed := stage("closed", "")
	closed.Window.Why = &api.Problem{Code: "pair-refused", Detail: "north and south cannot be a pair", Remedy: "mend it"}
	s := &script{answers: []any{closed}}
	if exit, _, errs := typed(t, "", "pair", "init", "--server", s.serve(t)); exit != 1 || !strings.Contains(errs, "cannot be a pair\nhint: mend it") {
		t.Errorf("exit %d, %s", exit, errs)
	}
	s = &script{answers: []any{api.Pair{}}}
	if exit, _, errs := typed(t, "", "pair", "init", "--server", s.serve(t)); exit != 1 || !strings.Contains(errs, "was it started again?") {
		t.Errorf("exit %d, %s", exit, errs)
	}
}

func TestInitDetachedPrintsTheCodeAlone(t *testing.T) {
	s := &script{}
	if exit, out, _ := typed(t, "", "pair", "init", "--detach", "--server", s.serve(t)); exit != 0 || out != "20R00-1M7QK\n" {
		t.Errorf("exit %d, %q", exit, out)
	}
}

func TestAMistypedCodeIsToldBeforeAnyServerIsAsked(t *testing.T) {
	s := &script{}
	exit, _, errs := typed(t, "", "pair", "join", "20R00-1M7QK", "--server", s.serve(t))
	if exit != exitUsage || !strings.Contains(errs, "group 1 (20R00)") || len(s.asked) > 0 {
		t.Errorf("exit %d, asked %v, %s", exit, s.asked, errs)
	}
}

func TestJoinWaitsForTheServersPart(t *testing.T) {
	code := "2H409-PZR0F-000ND-ACCM5-XD805"
	s := &script{answers: []any{opening(), api.Pair{}, api.Pair{Paired: true, There: &api.PairServer{Name: "north"}}}}
	exit, out, errs := typed(t, "", "pair", "join", strings.ReplaceAll(strings.ToLower(code), "-", " "), "--server", s.serve(t))
	if exit != 0 || out != "paired with north\n" || len(s.asked) != 1 || s.asked[0] != "POST /v1/pair/join" {
		t.Errorf("exit %d, %q, asked %v, %s", exit, out, s.asked, errs)
	}
	strange := api.NewProblem(http.StatusUnauthorized, api.CodeUnauthorized, "log in", "who are you?")
	s = &script{answers: []any{strange}}
	exit, out, errs = typed(t, "", "pair", "join", code, "--server", s.serve(t))
	if exit != 0 || out != "paired with the other server\n" || !strings.Contains(errs, "the pair is formed") {
		t.Errorf("exit %d, %q, %s", exit, out, errs)
	}
}

func TestLeaveSaysThatThereAreTwo(t *testing.T) {
	s := &script{}
	exit, out, errs := typed(t, "", "pair", "leave", "--server", s.serve(t))
	if exit != 0 || !strings.Contains(out, "in no pair any more") || !strings.Contains(errs, "on the other server, too") || s.asked[0] != "DELETE /v1/pair" {
		t.Errorf("exit %d, %q, %s", exit, out, errs)
	}
}

func TestAServerSaysHowItIsReached(t *testing.T) {
	for _, c := range []struct {
		pair         pairConfig
		web          console.Config
		address, url string
	}{
		{pairConfig{Listen: ":8443", Address: "north:9000"}, console.Config{}, "north:9000", "http://127.0.0.1:8080"},
		{pairConfig{Listen: "192.0.2.7:8443"}, console.Config{Listen: ":80"}, "192.0.2.7:8443", "http://192.0.2.7:80"},
		{pairConfig{Listen: "0.0.0.0:8443", Address: "[2001:db8::1]:8443"}, console.Config{Listen: "0.0.0.0:443", TLSCert: "c"}, "[2001:db8::1]:8443", "https://[2001:db8::1]:443"},
		{pairConfig{Listen: "north:8443", URL: "https://scan.example.org"}, console.Config{Listen: "192.0.2.7:80"}, "north:8443", "https://scan.example.org"},
		{pairConfig{Listen: ":8443"}, console.Config{Listen: "[::]:80"}, "127.0.0.1:8443", "http://127.0.0.1:80"},
	} {
		conf := config{Pair: c.pair, Web: c.web}
		address, err := peerAddress(conf, "127.0.0.1:1") // to this machine one comes from itself
		if url := publicURL(conf, address); err != nil || address != c.address || url != c.url {
			t.Errorf("%+v: %s %s (%v), want %s %s", c.pair, address, url, err, c.address, c.url)
		}
	}
}

func TestRemovedSettingsAreProposedToo(t *testing.T) {
	got := proposedSettings([]core.Setting{{Key: "a", Value: []byte(`1`), Revision: 2}, {Key: "b", Revision: 3}})
	if len(got) != 2 || len(got[0].Digest) != 64 || got[0].Revision != 2 || got[1].Digest != "" || got[1].Revision != 3 {
		t.Errorf("got %+v", got)
	}
}

// Whose jobs are whose after pairs were left, by what lies in the data folder.
func TestFormerPeers(t *testing.T) {
	data := t.TempDir()
	if heir, left, err := former(data, "north"); err != nil || heir != nil || left != nil {
		t.Errorf("in no pair ever: %v, %v, %v", heir, left, err)
	}
	for _, id := range []string{"north", "east", "west"} {
		if err := os.MkdirAll(filepath.Join(data, peerFolder, id), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(data, peerFolder, "east", inherited), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	heir, left, err := former(data, "north")
	if err != nil || !slices.Equal(heir, []string{"east"}) || !slices.Equal(left, []string{"west"}) {
		t.Errorf("inherited from %v, left %v, %v", heir, left, err)
	}
}
