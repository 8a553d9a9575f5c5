package pair

import "github.com/twinleaf-scan/twinleaf/core"

// peerStep takes the peer's jobs one stand further, if there is reason to.
func (m *Machine) peerStep() bool {
	was, busy := m.stand, m.busy
	switch m.stand {
	case Standby:
		m.consider()
	case Ours:
		m.keep()
	case Closing:
		m.close()
	}
	return m.stand != was || m.busy != busy
}

// consider begins a takeover if there is a cause and nothing against it.
func (m *Machine) consider() {
	cause := m.wants()
	if cause == "" {
		m.mended(m.hindered)
	}
	if cause == "" || m.clock.awake < m.retry || !m.may(cause) {
		return
	}
	m.stand, m.cause, m.asked = Taking, cause, false
	m.epoch++
	m.taken = m.epoch
	m.say(Append{core.TakeoverBegan{Epoch: m.taken, Of: m.cfg.Peer, Cause: string(cause)}})
}

// wants is why the peer's jobs should be taken over, if they should. A peer that
// leaves them has drained, and what it did is folded, before they are begun here; one
// that cannot even do that is waited for as long as for one that is silent.
func (m *Machine) wants() Cause {
	peer := m.ear.view
	switch {
	case !m.linked() && m.hostile():
		return ""
	case !m.linked() && m.ordered:
		return Operator
	case !m.linked() && m.silence() >= m.patience():
		return Network
	case m.linked() && peer.Rest != "" && (m.rested() || m.dropped()):
		return peer.Rest
	}
	return ""
}

// rested reports whether the peer has drained and everything it did is folded here.
func (m *Machine) rested() bool {
	peer := m.ear.view
	return peer.Idle && peer.Met && m.folded >= peer.End
}

// dropped reports whether the peer left its jobs long ago and cannot even drain or
// ship, for its data service is down.
func (m *Machine) dropped() bool {
	return !m.ear.view.Data && m.clock.awake-max(m.ear.rests, m.wellAt) >= m.cfg.Silence
}

// may holds a takeover against the verdicts and says what is in the way.
func (m *Machine) may(cause Cause) bool {
	why := m.against(cause)
	if why == nil {
		m.mended(m.hindered)
		return true
	}
	m.hindered = why.Code
	m.refuse(why)
	return false
}

func (m *Machine) against(cause Cause) *core.Failure {
	switch {
	case !m.healthy():
		return refuseUnwell(m.phase, m.health, m.mode)
	case m.verdicts.Licence != nil:
		return m.verdicts.Licence
	case m.verdicts.Parity == ParityUnknown:
		return refuseParity(m.cfg.Peer)
	case m.cfg.Manual && cause != Maintenance && cause != Operator:
		return refuseManual(m.cfg.Peer, cause)
	}
	return nil
}

// keep works on the peer's jobs until they have to be given back: when the peer
// asks, when it works on them all the same, when this server itself leaves work.
func (m *Machine) keep() {
	working := m.linked() && m.ear.view.Phase == Working
	leaving := m.linked() && (m.phase == Resting || m.phase == Out)
	switch {
	case (m.asked || working || leaving) && m.restored:
		m.stand = Giving
		m.say(Drain{PeerJobs})
	case m.busy && (m.mode == ModeMaintenance || !m.health.Data):
		m.pause()
	case !m.busy && m.wants() != "" && m.may(m.wants()):
		m.begin()
	}
}

// begin works on the peer's jobs.
func (m *Machine) begin() {
	m.busy, m.ordered = true, false
	m.say(Activate{PeerJobs, m.verdicts.Parity})
	m.note("the peer's jobs are worked on here", m.cause, m.taken)
}

// pause ends work on the peer's jobs without giving them back.
func (m *Machine) pause() {
	m.busy = false
	m.say(Stop{PeerJobs})
}

// close writes that the takeover is over, again if it could not be written.
func (m *Machine) close() {
	if m.clock.awake < m.retry || !m.restored {
		return
	}
	m.retry = m.clock.awake + m.cfg.Evidence
	m.say(Append{core.HandedBack{Epoch: m.taken, Of: m.cfg.Peer}})
}

// drained is the word of the pipeline that nothing is under way any more.
func (m *Machine) drained(jobs Whose) {
	switch {
	case jobs == OwnJobs && m.phase == Resting:
		m.idle = true
	case jobs == PeerJobs && m.stand == Giving:
		m.busy, m.stand, m.retry = false, Closing, 0
	}
}

// appended takes in that an event is durable.
func (m *Machine) appended(body core.Body) {
	switch b := body.(type) {
	case core.TakeoverBegan:
		if m.stand == Taking && b.Epoch == m.taken {
			m.stand = Ours // keep looks whether the cause is still there
		}
	case core.HandedBack:
		if m.stand == Closing && b.Epoch == m.taken {
			m.stand, m.asked, m.retry = Standby, false, 0
			m.note("handed back", "", b.Epoch)
			m.answerBack(b.Epoch)
		}
	case core.ModeChanged:
		m.mode, m.modes = b.Mode, max(m.modes, b.Count)
		m.note("mode: "+b.Mode, Cause(b.Cause), m.epoch)
	}
}

// appendFailed lets go of what could not be written; it is tried again later.
func (m *Machine) appendFailed(body core.Body) {
	m.retry = m.clock.awake + m.cfg.Evidence
	switch b := body.(type) {
	case core.TakeoverBegan:
		if m.stand == Taking {
			m.stand = Standby
		}
	case core.HandedBack:
		if m.stand == Closing && m.asked {
			m.answerBack(b.Epoch) // nothing is worked on: the word counts, the event follows
		}
	case core.ModeChanged:
		m.say(Refuse{refuseUnwritten(b.Mode)})
	}
}

// askedBack is the peer's wish to have its jobs back. One that was fulfilled before is
// answered again, for the answer may have been lost.
func (m *Machine) askedBack(ask AskBack) {
	if !m.linked() || !m.restored || !m.asksNow(ask) {
		return
	}
	switch m.stand {
	case Standby:
		m.answerBack(ask.Epoch)
	default:
		m.asked = true
	}
}

// asksNow reports whether the peer still wants what it asked for: a later hello says
// so, or it is the latest that is known, and then a hello of before counts no more.
func (m *Machine) asksNow(ask AskBack) bool {
	peer := &m.ear.view
	switch {
	case ask.Run != peer.Run:
		return false
	case ask.Beat > peer.Beat:
		peer.Phase, peer.Rest, peer.Idle, peer.Beat = Returning, "", false, ask.Beat-1
	}
	return peer.Phase == Returning
}

// answerBack says that the jobs are the peer's again, if it can know by now up to
// where to fold; else it asks again.
func (m *Machine) answerBack(epoch int) {
	if m.reconciled {
		m.say(Send{GiveBack{Run: m.cfg.Run, Epoch: epoch}})
	}
}
