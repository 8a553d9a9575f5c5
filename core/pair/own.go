package pair

import "time"

// ownStep takes the own jobs one phase further, if there is reason to.
func (m *Machine) ownStep() bool {
	was := m.phase
	switch {
	case m.second() && m.phase != Out:
		m.leave(Out)
		m.refuse(refuseSecondPrimary(m.cfg.Peer))
	case m.phase == Out:
		m.outside()
	case m.wantsRest() != "" && m.phase != Resting:
		m.rest = m.wantsRest()
		m.leave(Resting)
		m.note("the own jobs are left to the peer", m.rest, m.epoch)
	default:
		m.workStep()
	}
	return m.phase != was
}

// workStep is the way back to work.
func (m *Machine) workStep() {
	peer, reconciled := m.ear.view, m.reconciled || m.cfg.bug == activateBeforeRestore
	switch m.phase {
	case Meeting:
		if m.linked() {
			m.phase, m.waits = Restoring, m.clock.awake
		}
	case Restoring:
		if m.linked() && reconciled {
			m.phase, m.returns = Returning, m.beat+1
		}
	case Returning:
		if m.linked() && reconciled && peer.Met && peer.Echo.Beat >= m.returns && !m.lost() {
			m.barrier = max(m.barrier, peer.End)
			m.phase = Barrier
		}
	case Barrier:
		if m.linked() && m.lost() {
			m.phase, m.returns = Returning, m.beat+1
		} else if m.folded >= m.barrier && reconciled || m.cfg.bug == skipBarrier {
			m.work()
		}
	case Working:
		if m.linked() && m.lost() {
			m.leave(Restoring)
			m.waits = m.clock.awake
		}
	case Resting:
		m.rest = m.wantsRest()
		if m.rest == "" {
			m.phase = Meeting
		}
	}
	if m.phase != Working && m.phase != Resting && m.alone() {
		m.restored = true
		m.note("the peer does not answer; working alone", Network, m.epoch)
		m.work()
	}
}

// work begins with the own jobs.
func (m *Machine) work() {
	m.phase, m.barrier = Working, 0
	m.restored = m.restored || m.cfg.bug == activateBeforeRestore
	m.say(Activate{OwnJobs, ParitySame})
}

// leave ends work on the own jobs.
func (m *Machine) leave(to Phase) {
	m.phase, m.idle = to, false
	if to == Resting {
		m.say(Drain{OwnJobs})
		return
	}
	m.say(Stop{OwnJobs})
}

// lost reports whether the peer has the own jobs.
func (m *Machine) lost() bool { return m.ear.view.Taken > m.returned }

// alone reports whether there is nobody to wait for: nothing was heard for long, not
// even from somebody who has the own jobs but cannot be spoken to, or who says that another
// server is this one, whose jobs they are.
func (m *Machine) alone() bool {
	held := m.hostile() && (m.ear.enemy.Server == m.cfg.Peer && m.ear.enemy.Taken > 0 || m.refused == CodeCopiedServer)
	return m.silence() >= m.cfg.Silence && !held || m.stranded()
}

// stranded reports whether the peer's data service is down, so that it does not work,
// and this server has waited long enough for what it wrote before.
func (m *Machine) stranded() bool {
	waits := m.phase == Restoring || m.phase == Returning || m.phase == Barrier
	return waits && m.linked() && m.health.Data && !m.ear.view.Data && m.clock.awake-max(m.waits, m.wellAt) >= m.cfg.Silence
}

// givenBack is the peer's word that it works on the own jobs no more.
func (m *Machine) givenBack(g GiveBack) {
	if m.phase != Returning || g.Run != m.ear.view.Run || g.Epoch < m.ear.view.Taken {
		return
	}
	m.returned = max(m.returned, g.Epoch)
	m.barrier = max(m.barrier, g.End)
	m.note("the peer handed back", "", g.Epoch)
}

// wantsRest is why this server leaves its jobs to the peer, if it does. Maintenance is
// absolute; for all else the peer has to be there and able.
func (m *Machine) wantsRest() Cause {
	switch {
	case m.mode == ModeMaintenance:
		return Maintenance
	case !m.linked():
		return ""
	case m.lent && (m.ear.view.Taken > m.returned || m.clock.awake-m.lentAt < m.cfg.Silence):
		return Operator
	case !m.ear.view.Able:
		return ""
	case m.down(m.sick[0]):
		return Data
	case m.down(m.sick[1]):
		return Web
	case m.verdicts.Lacking:
		return Engine
	}
	return ""
}

// second reports whether this server is a second primary: the one that works stays,
// of two equal ones the one with the smaller id.
func (m *Machine) second() bool {
	peer := m.ear.view
	if !m.linked() || m.verdicts.Role != Primary || peer.Role != Primary || peer.Phase == Out {
		return false
	}
	here, there := m.phase == Working, peer.Phase == Working
	if here != there {
		return there
	}
	return m.cfg.Self > m.cfg.Peer
}

// outside lets a second primary in again once the other is gone, or is none any more.
func (m *Machine) outside() {
	if m.verdicts.Role != Primary || m.linked() && m.ear.view.Role != Primary || m.alone() {
		m.phase = Meeting
		m.mended(CodeSecondPrimary)
	}
}

// healthy reports whether nothing keeps this server from the work of both.
func (m *Machine) healthy() bool {
	return m.phase == Working && m.health.Data && m.health.Web && m.mode != ModeMaintenance
}

// able reports whether this server would take over if the peer asked for it.
func (m *Machine) able() bool {
	return m.healthy() && !m.cfg.Manual && m.verdicts.Licence == nil && m.verdicts.Parity != ParityUnknown
}

// patience is how long nothing is heard before the peer counts as gone.
func (m *Machine) patience() time.Duration {
	if m.evidence {
		return m.cfg.Evidence
	}
	return m.cfg.Silence
}
