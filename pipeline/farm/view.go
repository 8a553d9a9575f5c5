package farm

import "time"

// View is a worker as people see it.
type View struct {
	Name     string    `json:"name"`
	Slots    int       `json:"slots"`               // pages that it takes at once; 0 while it rests
	Busy     int       `json:"busy"`                // pages that it has
	Pages    int64     `json:"pages"`               // that it has read since it joined
	Failures int64     `json:"failures"`            // times that it gave no text
	Problem  string    `json:"problem,omitempty"`   // the last reason why
	At       time.Time `json:"at,omitzero"`         // when that was
	Rests    time.Time `json:"restsUntil,omitzero"` // it gets no page before
}

// Workers are those that have joined, in that order.
func (p *Pool) Workers() []View {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := make([]View, len(p.members))
	for i, m := range p.members {
		all[i] = View{Name: m.Name(), Slots: m.slots(), Busy: m.busy, Pages: m.pages, Failures: m.failures, Problem: m.why, At: m.at}
		if time.Now().Before(m.rests) {
			all[i].Rests = m.rests
		}
	}
	return all
}

// Load is how many pages are being recognised in this server's own places, and how many
// wait for any place.
func (p *Pool) Load() (here, waiting int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.busy, len(p.queue)
}
