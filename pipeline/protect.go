package pipeline

import (
	"context"
	"slices"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/journal"
)

// proofs is what is known of which jobs both servers have.
type proofs struct {
	submitted map[core.JobID]journal.Seq // own journal's entry that the peer must have
	copied    map[core.JobID]bool        // whose submission stands in the copy of the peer's journal
}

// submittedAt notes the entry of a submission in the own journal.
func (p *proofs) submittedAt(id core.JobID, seq journal.Seq) {
	if p.submitted == nil {
		p.submitted = map[core.JobID]journal.Seq{}
	}
	if _, known := p.submitted[id]; !known {
		p.submitted[id] = seq
	}
}

func (p *proofs) copiedNow(id core.JobID) {
	if p.copied == nil {
		p.copied = map[core.JobID]bool{}
	}
	p.copied[id] = true
}

// tidy drops what is known of jobs that are not known any more.
func (p *proofs) tidy(s *core.State) {
	for id := range p.submitted {
		if s.Server(id) == "" {
			delete(p.submitted, id)
		}
	}
	for id := range p.copied {
		if s.Server(id) == "" {
			delete(p.copied, id)
		}
	}
}

// protected reports whether both servers have a job that was submitted under these ids: the
// peer has the own journal's entry of its submission, or its submission came from the peer.
func (p *proofs) protected(has func(journal.Seq) bool, id core.JobID, aliases []core.JobID) bool {
	both := func(id core.JobID) bool {
		seq := p.submitted[id]
		return p.copied[id] || seq > 0 && has(seq)
	}
	return both(id) || slices.ContainsFunc(aliases, both)
}

// shipped is how far the peer has the own journal. It is asked without holding mu, for
// whoever answers may be looking at the state.
func (p *Pipeline) shipped() journal.Seq {
	if p.cfg.Shipped == nil {
		return 0
	}
	return p.cfg.Shipped()
}

// seen is a job as it is shown. The caller holds mu, at least for reading.
func (p *Pipeline) seen(v core.JobView, shipped journal.Seq) core.JobView {
	has := func(seq journal.Seq) bool { return seq <= shipped && (p.cfg.Without == nil || !p.cfg.Without(seq)) }
	v.Protected = p.proofs.protected(has, v.ID, v.Aliases)
	return v
}

// protectAgain waits for the protection of a job that was accepted before, and is asked for
// again. One of the peer's is not answered as protected by being found: that the copy has
// it does not say that its owner has it still.
func (p *Pipeline) protectAgain(ctx context.Context, id core.JobID) bool {
	if p.cfg.Protect == nil {
		return false
	}
	p.mu.RLock()
	seq := p.proofs.submitted[id]
	for _, alias := range p.state.Aliases(id) {
		if at := p.proofs.submitted[alias]; at > 0 && (seq == 0 || at < seq) {
			seq = at
		}
	}
	p.mu.RUnlock()
	return seq > 0 && p.cfg.Protect(ctx, seq)
}
