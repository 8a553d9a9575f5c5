package pair

import (
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
)

// twin is a second run that speaks as the peer while the peer is there: its data folder was
// copied, and both copies run.
type twin struct {
	run         uint64        // 0: nobody does
	first, last time.Duration // when it spoke, without a pause in between
	told        bool
}

// Twin is what is wrong with a run that speaks as the peer beside the peer itself; nil:
// nothing is known against it. The answer is for the run itself: it must not take the
// silence for the death of this server.
func (m *Machine) Twin(run uint64) *core.Failure {
	if t := m.ear.twin; t.told && t.run == run {
		return m.refuseTwin()
	}
	return nil
}

// isTwin takes in that a run speaks and reports whether it is known not to be the peer. A
// peer that was started again speaks beside its former run for a moment at most.
func (m *Machine) isTwin(v View) bool {
	t, now := &m.ear.twin, m.clock.awake
	if t.run != 0 && (!m.linked() || now-t.last > m.cfg.Silence) {
		if t.told {
			m.mended(CodeCopiedServer)
		}
		*t = twin{}
	}
	if v.Run == m.ear.view.Run || !m.linked() {
		return false
	}
	if v.Run != t.run || now-t.last > m.cfg.Evidence {
		*t = twin{run: v.Run, first: now}
	}
	t.last = now
	if now-t.first >= 2*m.cfg.Evidence {
		t.told = true
		m.refuse(m.refuseTwin())
	}
	return t.told
}

func (m *Machine) refuseTwin() *core.Failure {
	return refusal(CodeCopiedServer, "stop one of them; a server that is to be another one begins with an empty data folder",
		"two servers speak as %q: the data folder of one is a copy of the other's", m.cfg.Peer)
}
