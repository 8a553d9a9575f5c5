package main

import (
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/license"
	"github.com/twinleaf-scan/twinleaf/core/pair"
	"github.com/twinleaf-scan/twinleaf/core/parity"
)

// numbers are the pair's, for its metrics.
func (m *membership) numbers() pairNumbers {
	mb := m.present()
	if mb == nil {
		return pairNumbers{}
	}
	s := mb.node.Status()
	n := pairNumbers{
		Metrics: mb.node.Metrics(), Paired: true, Role: s.Role, Mode: s.Mode,
		Skew: s.Skew, Sessions: mb.open(), Withheld: mb.withheld(),
	}
	if !s.UnprotectedSince.IsZero() {
		n.Alone = max(m.now().Sub(s.UnprotectedSince), time.Nanosecond)
	}
	if mb.checker.compared() {
		report, _ := mb.checker.found()
		n.Differences = map[parity.Severity]int{}
		for _, d := range report.Differences {
			n.Differences[d.Severity]++
		}
	}
	return n
}

// withheld counts the jobs of the peer that parity holds here.
func (m *paired) withheld() (n int) {
	m.pipe.Look(func(s *core.State) {
		for id := range s.Open() {
			if s.Withheld(id) != nil {
				n++
			}
		}
	})
	return n
}

// use is what the other server takes of the licence.
func (m *membership) use() peerUse {
	mb := m.present()
	if mb == nil {
		return peerUse{active: true}
	}
	is, _ := mb.checker.peerIs()
	s := mb.node.Status()
	u := peerUse{cores: is.Cores, active: s.Mode == pair.ModeActive, name: mb.formed.Peer.Name}
	if s.Linked && is.License != nil {
		u.role = license.Role(is.License.Role)
	}
	return u
}

// ended tells the pair that a session has ended.
func (m *membership) ended(session string) {
	if mb := m.present(); mb != nil {
		mb.sessionEnded(session)
	}
}
