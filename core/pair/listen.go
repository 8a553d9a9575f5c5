package pair

import "time"

// clock counts the time during which a server was awake.
type clock struct {
	started bool
	last    time.Time
	awake   time.Duration
}

// nap is the longest time between two steps that counts as having listened.
const nap = time.Second

// to moves the clock. A step back counts as no time; a long step forward, in which
// the server was frozen or its clock was put, as a nap and no more.
func (c *clock) to(now time.Time) (slept, back bool) {
	if !c.started {
		c.started, c.last, c.awake = true, now, 1
		return false, false
	}
	d := now.Sub(c.last)
	c.last = now
	switch {
	case d < 0:
		return false, true
	case d > nap:
		c.awake += nap
		return true, false
	}
	c.awake += d
	return false, false
}

// ear is what was heard of the peer.
type ear struct {
	view    View          // the latest that answered something fresh
	at      time.Duration // when; 0: never, or not since a sleep
	silent  time.Duration // from when silence is counted
	rests   time.Duration // from when the peer leaves its jobs, if it does
	echo    Echo          // the latest that was said, fresh or not
	refused time.Duration // when somebody was last refused; 0: never
	enemy   View          // who
	twin    twin

	said [16]time.Duration // when the last beats were sent
}

// foe keeps that somebody speaks as the peer who is not, or with whom no pair can be.
func (e *ear) foe(at time.Duration, v View) { e.refused, e.enemy = at, v }

// hear takes in a hello and answers it.
func (m *Machine) hear(h Hello) {
	v, e := h.View, &m.ear
	if why := m.unfit(v); why != nil {
		e.foe(m.clock.awake, v)
		m.refuse(why)
		return
	}
	if m.isTwin(v) {
		return
	}
	if v.Run != e.echo.Run || v.Beat > e.echo.Beat {
		e.echo = Echo{v.Run, v.Beat}
	}
	if m.isFresh(v) {
		m.heard(v)
	}
	if !h.Answer {
		m.hello(true)
	}
}

// isFresh reports whether the view is the newest of its run and answers something
// that was said a moment ago. A view of another run than the latest is newer only if
// it answers something that was said later: else it is an earlier run's, come late.
func (m *Machine) isFresh(v View) bool {
	e := &m.ear
	if v.Run == e.view.Run && v.Beat <= e.view.Beat || v.Run != e.view.Run && v.Echo.Beat <= e.view.Echo.Beat {
		return false
	}
	if v.Echo.Run != m.cfg.Run || v.Echo.Beat > m.beat || v.Echo.Beat+uint64(len(e.said)) <= m.beat {
		return false
	}
	return m.clock.awake-e.said[v.Echo.Beat%uint64(len(e.said))] <= m.cfg.Evidence
}

// heard takes in a view that proves the link.
func (m *Machine) heard(v View) {
	e := &m.ear
	anew := !m.linked() || v.Run != e.view.Run
	if v.Rest == "" || e.view.Rest == "" {
		e.rests = m.clock.awake
	}
	e.view, e.at, e.silent = v, m.clock.awake, m.clock.awake
	m.evidence = false
	m.epoch = max(m.epoch, v.Epoch)
	well := m.peerWell()
	if well && (anew || !m.well) {
		m.firstJob, m.came = false, "" // the next failover has its own first job
	}
	m.well = well
	if !anew {
		return
	}
	m.reconciled, m.barrier, m.returned, m.refused = false, 0, 0, ""
	if m.phase == Returning || m.phase == Barrier {
		m.phase = Restoring
	}
	m.say(Meet{})
}

// peerWell reports whether the peer works on its jobs, as far as is known.
func (m *Machine) peerWell() bool {
	return m.linked() && m.ear.view.Phase == Working && m.stand == Standby
}

// linked reports whether the peer was heard a moment ago.
func (m *Machine) linked() bool {
	return m.ear.at > 0 && m.clock.awake-m.ear.at <= m.cfg.Evidence
}

// Hears reports whether a run is the peer's latest that was heard. What an earlier one
// asked for, and was under way since, is not to be done any more: a server that lost
// its disk may have begun another journal since then.
func (m *Machine) Hears(run uint64) bool { return m.ear.at > 0 && m.ear.view.Run == run }

// silence is for how long nothing was heard of the peer while this server listened.
func (m *Machine) silence() time.Duration { return m.clock.awake - m.ear.silent }

// hostile reports whether somebody was refused a moment ago: he is there, but no peer.
func (m *Machine) hostile() bool {
	return m.ear.refused > 0 && m.clock.awake-m.ear.refused < m.cfg.Silence
}

// wake is what a server does first after it slept: it does not know what happened, so
// it neither works on nor counts silence until it has listened.
func (m *Machine) wake() {
	m.ear.at, m.ear.silent = 0, m.clock.awake
	m.evidence = false
	m.note("the server slept", "", 0)
	if m.phase == Working {
		m.say(Stop{OwnJobs})
		m.phase = Meeting
	}
	if m.busy {
		m.pause()
	}
}

// greet says hello when it is time, and when there is news.
func (m *Machine) greet() {
	v := m.view()
	if m.clock.awake < m.nextBeat && v == m.shown {
		return
	}
	m.nextBeat = m.clock.awake + m.cfg.Beat
	m.hello(false)
	if m.phase == Returning && m.linked() {
		m.say(Send{AskBack{m.cfg.Run, m.beat, m.ear.view.Taken}})
	}
}

func (m *Machine) hello(answer bool) {
	m.shown = m.view()
	m.beat++
	m.ear.said[m.beat%uint64(len(m.ear.said))] = m.clock.awake
	v := m.shown
	v.Beat, v.Echo = m.beat, m.ear.echo
	m.say(Send{Hello{v, answer}})
}

// view is what there is to tell, without what changes with each hello.
func (m *Machine) view() View {
	v := View{
		Server: m.cfg.Self, Pair: m.cfg.Pair, Role: m.verdicts.Role, Protocol: m.cfg.Protocol, Run: m.cfg.Run,
		Phase: m.phase, Able: m.able(), Data: m.health.Data, Web: m.health.Web, Met: m.reconciled, Epoch: m.epoch,
	}
	if m.phase == Resting {
		v.Rest, v.Idle = m.rest, m.idle
	}
	if m.stand != Standby {
		v.Taken = m.taken
	}
	return v
}
