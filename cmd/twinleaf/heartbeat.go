package main

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
)

// codeHeartbeat is the code of a server of a pair whose heartbeat is not heard.
const codeHeartbeat = "no-heartbeat"

// heartbeat is the alarm on the other server's heartbeat (EP14): a pair of which one server
// is not heard protects nothing. One goroutine uses it.
type heartbeat struct {
	peer  string        // name of the other server
	limit time.Duration // without a heartbeat before that is an alarm
	log   *slog.Logger

	since time.Time // nothing is heard since then; zero: it is
	told  bool
}

// note takes in whether the other server is heard at a time, and when it was heard last;
// zero: never since the start.
func (h *heartbeat) note(linked bool, last, now time.Time) {
	switch {
	case linked:
		if h.told {
			h.log.Info("heartbeat of the other server is back", "away", now.Sub(h.since).Round(time.Millisecond))
		}
		h.since, h.told = time.Time{}, false
		return
	case h.since.IsZero() && last.IsZero():
		h.since = now
	case h.since.IsZero():
		h.since = last
	}
	if !h.told && now.Sub(h.since) >= h.limit {
		h.told = true
		h.log.Error("heartbeat of the other server is missing", "error", missingHeartbeat(h.peer, h.since))
	}
}

// missingHeartbeat is what is wrong with a pair of which one server is not heard.
func missingHeartbeat(peer string, since time.Time) *core.Failure {
	return &core.Failure{
		Code:   codeHeartbeat,
		Detail: fmt.Sprintf("nothing is heard of %s since %s: the pair is unprotected, what is taken now is on this server only", peer, since.Format(time.DateTime)),
		Remedy: "see whether its server runs and whether the network between the servers is well; twinleaf pair status shows when it is back",
	}
}
