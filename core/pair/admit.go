package pair

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
)

// Request is what decides whether a job is taken here.
type Request struct {
	Failover Cause // why the client did not submit to the peer; empty: it did not try
	Bound    bool  // its session is open here, see [Sessions]
	Device   bool  // it came through a receiver, which knows one address only
}

// Admit says why a job is not taken here; nil: it is. A server never turns away who
// could not reach the other, unless it could not keep the job.
func (m *Machine) Admit(r Request) *core.Failure {
	switch {
	case m.mode == ModeMaintenance:
		return refusal(core.CodeMaintenance, "submit to "+m.cfg.Peer, "server %q is in maintenance", m.cfg.Self)
	case !m.health.Data:
		return refusal(core.CodeDataDown, "submit to "+m.cfg.Peer, "the data service of server %q is down", m.cfg.Self)
	case m.phase == Out:
		return refusal(CodeSecondPrimary, "submit to "+m.cfg.Peer, "server %q is a second primary and stays out", m.cfg.Self)
	case !m.restored:
		return refusal(CodeStarting, "try again in a few seconds, or submit to "+m.cfg.Peer,
			"server %q has begun and does not know yet what its peer keeps for it", m.cfg.Self)
	case m.elsewhere() && r.Failover == "" && !r.Bound && !r.Device:
		return refusal(CodeStandby, "submit to "+m.cfg.Peer, "server %q is the standby", m.cfg.Self)
	}
	return nil
}

// elsewhere reports whether the peer is there to take jobs, and rather than this server.
func (m *Machine) elsewhere() bool {
	peer := m.ear.view
	if !m.linked() || peer.Phase != Working {
		return false
	}
	return m.phase == Resting || m.verdicts.Role == Secondary && peer.Web && peer.Data
}

// SessionIdle is how long nothing may happen in a session before it counts as ended.
const SessionIdle = 10 * time.Minute

// maxSessions bounds the memory of sessions; beyond it those end that are idle for longest.
const maxSessions = 10_000

// Sessions are the people and client processes that work on this server (GS6): who is
// here stays until log-out, who is new goes to the primary. The zero Sessions is empty.
// It is not safe for concurrent use.
type Sessions struct{ seen map[string]time.Time }

// Touch says that something happened in a session, which so begins or goes on.
func (s *Sessions) Touch(id string, now time.Time) {
	if s.seen == nil {
		s.seen = map[string]time.Time{}
	}
	if _, open := s.seen[id]; !open && len(s.seen) >= maxSessions {
		s.makeRoom()
	}
	s.seen[id] = now
}

// makeRoom ends a tenth of the sessions at once, so that it is seldom called.
func (s *Sessions) makeRoom() {
	ids := slices.SortedFunc(maps.Keys(s.seen), func(a, b string) int {
		return cmp.Or(s.seen[a].Compare(s.seen[b]), strings.Compare(a, b))
	})
	for _, id := range ids[:len(ids)/10] {
		delete(s.seen, id)
	}
}

// End ends a session: its person logged out.
func (s *Sessions) End(id string) { delete(s.seen, id) }

// Open reports whether a session is open here.
func (s *Sessions) Open(id string, now time.Time) bool {
	at, ok := s.seen[id]
	return ok && now.Sub(at) < SessionIdle
}

// Count is the number of sessions that are open here.
func (s *Sessions) Count(now time.Time) int {
	n := 0
	for id := range s.seen {
		if s.Open(id, now) {
			n++
		}
	}
	return n
}
