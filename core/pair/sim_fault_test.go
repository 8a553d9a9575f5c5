package pair

import "time"

// fault is something bad, or a person.
type fault struct {
	name   string
	weight int
	do     func(w *world, s *server)
}

// faults is all that can happen to a world; s is a server that the dice chose.
func faults() []fault {
	return []fault{
		{"crash", 12, func(w *world, s *server) {
			s.crash()
			w.after(w.between(100*time.Millisecond, 7*time.Second), s.boot)
		}},
		{"crash of both", 3, func(w *world, s *server) {
			for _, s := range w.servers {
				s.crash()
				w.after(w.between(100*time.Millisecond, 7*time.Second), s.boot)
			}
		}},
		{"wiped disk", 4, func(w *world, s *server) {
			w.wipe(s)
			w.after(w.between(500*time.Millisecond, 6*time.Second), s.boot)
		}},
		{"restart one by one", 3, func(w *world, s *server) {
			s.crash()
			w.after(time.Second, s.boot)
			w.after(4*time.Second, func() {
				if !w.healed {
					s.peer().crash()
				}
			})
			w.after(5*time.Second, s.peer().boot)
		}},
		{"frozen", 8, func(w *world, s *server) {
			s.tell("freezes")
			s.frozen = w.now + w.between(300*time.Millisecond, 8*time.Second)
		}},
		{"partition", 8, func(w *world, s *server) {
			w.partition(0, w.between(300*time.Millisecond, 9*time.Second))
			w.partition(1, w.between(300*time.Millisecond, 9*time.Second))
		}},
		{"partition one way", 5, func(w *world, s *server) {
			w.partition(s.n, w.between(300*time.Millisecond, 9*time.Second))
		}},
		{"flapping", 4, func(w *world, s *server) {
			for range 6 {
				w.after(w.between(0, 6*time.Second), func() { w.partition(s.n, w.between(50*time.Millisecond, 1500*time.Millisecond)) })
			}
		}},
		{"loss", 5, func(w *world, s *server) {
			w.net.loss = 10 + w.dice.IntN(40)
			w.after(w.between(time.Second, 5*time.Second), func() { w.net.loss = 0 })
		}},
		{"slow", 4, func(w *world, s *server) {
			w.net.slow = w.between(50*time.Millisecond, 1200*time.Millisecond)
			w.after(w.between(time.Second, 5*time.Second), func() { w.net.slow = 0 })
		}},
		{"full disk", 5, func(w *world, s *server) {
			s.disk.full = true
			w.after(w.between(500*time.Millisecond, 6*time.Second), func() { s.disk.full = false })
		}},
		{"clock", 4, func(w *world, s *server) {
			s.skew += []time.Duration{-5 * time.Second, 5 * time.Second}[w.dice.IntN(2)]
		}},
		{"web service", 5, func(w *world, s *server) {
			s.web = false
			w.after(w.between(500*time.Millisecond, 8*time.Second), func() { s.web = true })
		}},
		{"client cut off", 5, func(w *world, s *server) {
			w.net.cutIn[s.n]++
			w.after(w.between(500*time.Millisecond, 8*time.Second), func() { w.net.cutIn[s.n]-- })
		}},
		{"maintenance", 5, func(w *world, s *server) {
			s.told(Command{MaintenanceOn})
			w.after(w.between(500*time.Millisecond, 8*time.Second), func() { s.told(Command{MaintenanceOff}) })
		}},
		{"operator", 4, func(w *world, s *server) {
			s.told(Command{TakeOver})
			w.after(w.between(500*time.Millisecond, 8*time.Second), func() { s.told(Command{HandBack}) })
		}},
		{"parity unknown", 2, func(w *world, s *server) {
			s.told(Verdicts{Role: s.role()})
			w.after(w.between(time.Second, 6*time.Second), func() { s.told(Verdicts{Role: s.role(), Parity: ParitySame}) })
		}},
	}
}

// told is what people say to a server, while there are bad times.
func (s *server) told(in Input) {
	s.awake(func() {
		if !s.w.healed {
			s.step(in)
		}
	})
}

func (w *world) partition(from int, d time.Duration) {
	w.net.cut[from]++
	w.after(d, func() { w.net.cut[from]-- })
}

// chaos plans what happens.
func (w *world) chaos(until time.Duration) {
	all, sum := faults(), 0
	for _, f := range all {
		sum += f.weight
	}
	most := 7
	if w.chance(15) {
		most = 25 // everything at once
	}
	for range w.dice.IntN(most) {
		n := w.dice.IntN(sum)
		for _, f := range all {
			if n -= f.weight; n < 0 {
				s := w.servers[w.dice.IntN(2)]
				w.after(w.between(0, until), func() {
					if !w.healed {
						w.say("FAULT: %s, %s", f.name, s.id)
						f.do(w, s)
					}
				})
				break
			}
		}
	}
}

// heal ends all faults, but for a server that is gone for good.
func (w *world) heal() {
	w.say("HEALED")
	w.healed = true
	w.net.loss, w.net.slow = 0, 0
	w.net.cut, w.net.cutIn = [2]int{-1 << 30, -1 << 30}, [2]int{-1 << 30, -1 << 30}
	if w.lonely >= 0 {
		w.servers[w.lonely].crash()
	}
	for _, s := range w.servers {
		s.disk.full, s.web = false, true
		s.boot()
	}
}

// settle is what an operator does in the end.
func (w *world) settle() {
	for _, s := range w.servers {
		if !s.up {
			continue
		}
		if mode, _, _ := s.state.Mode(s.id); mode == ModeMaintenance || s.m.mode == ModeMaintenance {
			s.step(Command{MaintenanceOff})
		}
		s.step(Verdicts{Role: s.role(), Parity: ParitySame})
		s.step(Command{HandBack})
	}
}
