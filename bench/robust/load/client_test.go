package load_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/bench/robust/load"
)

// answers is a server that answers in turn, and then always as the last time: 0 breaks
// the connection, anything else is a status with a code of problem.
type answers struct {
	list  []answer
	asked []string // Twinleaf-Failover of each request
}

type answer struct {
	status int
	code   string
}

func (a *answers) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.asked = append(a.asked, r.Header.Get("Twinleaf-Failover"))
	now := a.list[min(len(a.asked), len(a.list))-1]
	switch {
	case now.status == 0:
		panic(http.ErrAbortHandler)
	case now.status == http.StatusCreated:
		w.WriteHeader(now.status)
		fmt.Fprint(w, `{"id":"x-1","state":"queued","protected":true,"server":"x"}`)
	default:
		w.WriteHeader(now.status)
		fmt.Fprintf(w, `{"code":%q,"detail":"for a test"}`, now.code)
	}
}

func TestClientGoesOverAndTellsTheCause(t *testing.T) {
	for _, c := range []struct {
		name             string
		north            answer
		cause            string
		wantNorth, tries int
	}{
		{"connection breaks", answer{}, "network", 1, 2},
		{"web service fails", answer{500, "internal"}, "web", 1, 2},
		{"data service is down", answer{503, "data-down"}, "data", 1, 2},
		{"maintenance", answer{503, "maintenance"}, "maintenance", 1, 2},
		{"all is well", answer{201, ""}, "", 1, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			north, south := &answers{list: []answer{c.north}}, &answers{list: []answer{{201, ""}}}
			got, err := client(t, north, south).Submit(t.Context(), 1, 2)
			if err != nil || got.ID != "x-1" || !got.Protected || got.Tries != c.tries {
				t.Fatalf("answer %+v, error %v", got, err)
			}
			if c.tries == 2 && !slices.Equal(south.asked, []string{c.cause}) {
				t.Errorf("the second server was told %q, want %q", south.asked, c.cause)
			}
		})
	}
}

func TestClientStaysForItsSession(t *testing.T) {
	north, south := &answers{list: []answer{{503, "data-down"}, {201, ""}}}, &answers{list: []answer{{201, ""}}}
	c := client(t, north, south)
	for job := range 3 {
		if _, err := c.Submit(t.Context(), job+1, 1); err != nil {
			t.Fatal(err)
		}
	}
	if len(north.asked) != 1 || len(south.asked) != 3 {
		t.Errorf("north was asked %d times, south %d times", len(north.asked), len(south.asked))
	}
	c.Begin("another")
	if _, err := c.Submit(t.Context(), 4, 1); err != nil || len(north.asked) != 2 {
		t.Errorf("a new session began at south (%v)", err)
	}
}

func TestClientFollowsAStandbyWithoutACause(t *testing.T) {
	north, south := &answers{list: []answer{{0, ""}, {201, ""}}}, &answers{list: []answer{{503, "standby"}}}
	if got, err := client(t, north, south).Submit(t.Context(), 1, 1); err != nil || got.Tries != 3 {
		t.Errorf("answer %+v, error %v", got, err)
	}
	if !slices.Equal(north.asked, []string{"", ""}) {
		t.Errorf("north was told %q", north.asked)
	}
}

func TestClientGivesUpWhereItIsRefused(t *testing.T) {
	north, south := &answers{list: []answer{{409, "key-reused"}}}, &answers{list: []answer{{201, ""}}}
	if _, err := client(t, north, south).Submit(t.Context(), 1, 1); !errors.Is(err, load.ErrRefused) {
		t.Errorf("error %v", err)
	}
}

func TestClientTriesUntilItIsStopped(t *testing.T) {
	north, south := &answers{list: []answer{{}}}, &answers{list: []answer{{}}}
	ctx, cancel := context.WithTimeout(t.Context(), 350*time.Millisecond)
	defer cancel()
	got, err := client(t, north, south).Submit(ctx, 1, 1)
	if err == nil || got.Tries < 4 {
		t.Errorf("%d tries, error %v", got.Tries, err)
	}
}

func client(t *testing.T, north, south http.Handler) *load.Client {
	t.Helper()
	c := &load.Client{HTTP: load.NewHTTP("", 2*time.Second)}
	for i, h := range []http.Handler{north, south} {
		s := httptest.NewServer(h)
		t.Cleanup(s.Close)
		c.Servers[i] = load.Server{Name: []string{"north", "south"}[i], URL: s.URL}
	}
	return c
}
