package main

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/twinleaf-scan/twinleaf/pipeline/farm/overnats"
)

func TestAWorkerLooksForAServerThatIsAwayWhileAnotherIsThere(t *testing.T) {
	refused := fmt.Errorf("%w: refused", overnats.ErrUnreachable)
	cases := []struct {
		name   string
		events []error // in turn of the servers 0 and 1; nil: it is found
		code   int     // of the last one
		lines  int     // of the log
	}{
		{"one is away", []error{refused, nil}, exitOK, 1},
		{"it stays away", []error{refused, nil, refused, nil, refused}, exitOK, 1},
		{"another reason", []error{refused, nil, overnats.ErrNoServer}, exitOK, 2},
		{"it is away anew", []error{refused, nil, nil, nil, refused}, exitOK, 2},
		{"none was found", []error{refused, overnats.ErrNoServer}, exitUnreachable, 1},
		{"later all are away", []error{nil, refused, refused}, exitOK, 2},
		{"a wrong token", []error{nil, overnats.ErrToken}, exitFailed, 0},
		{"a wrong pin while the other is away", []error{refused, overnats.ErrPin}, exitFailed, 1},
		{"two answer", []error{nil, overnats.ErrTwoServers}, exitUsage, 0},
	}
	for _, c := range cases {
		var log strings.Builder
		s := newServers(workerFlags{urls: []string{"tls://north:4222", "tls://south:4222"}}, overnats.Dial{Token: "t"}, slog.New(slog.NewTextHandler(&log, nil)))
		var err error
		for i, event := range c.events {
			if event == nil {
				s.met(i % 2)
			} else {
				err = s.missed(i%2, event)
			}
		}
		if code(err) != c.code || err != nil && !strings.Contains(err.Error(), "hint: ") && c.code != exitUsage {
			t.Errorf("%s: got %v, exit %d; want exit %d", c.name, err, code(err), c.code)
		}
		if got := strings.Count(log.String(), "\n"); got != c.lines {
			t.Errorf("%s: %d lines in the log, want %d\n%s", c.name, got, c.lines, log.String())
		}
	}
}

func TestAWorkerThatReachesNobodySaysItOfEach(t *testing.T) {
	s := newServers(workerFlags{urls: []string{"tls://north:4222", "tls://south:4222"}}, overnats.Dial{}, slog.New(slog.DiscardHandler))
	err := errors.Join(s.missed(0, overnats.ErrUnreachable), s.missed(1, overnats.ErrNoServer))
	for _, want := range []string{"tls://north:4222: nobody answers", "tls://south:4222: no server answers there", "nats.listen", "nats.url"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want it to say %q", err, want)
		}
	}
}
