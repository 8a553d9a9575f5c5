package pipeline

import (
	"context"
	"slices"

	"github.com/twinleaf-scan/twinleaf/core"
)

// Images of pages that were made for the work, and are not bytes of an input, may
// be a hundred times as large as those: 9 MB a page. An hour of them fills a disk,
// so they go soon after the last stage has had them, and not with the sweep, which
// waits until no upload can be under way any more.

// made gives the blobs of a result that are images made for the work.
func made(b core.Body) []core.Ref {
	switch b := b.(type) {
	case core.PageRasterized:
		if !b.Image.Unchanged {
			return core.ResultRefs(b)
		}
		if b.Image.Shown != nil { // that one is the input's
			return []core.Ref{b.Image.Image.Ref}
		}
	case core.PageCleaned:
		return core.ResultRefs(b)
	}
	return nil
}

// apply folds an event and notes the images that it names. The caller holds mu.
func (p *Pipeline) apply(e core.Event) {
	p.state.Apply(e)
	for _, ref := range made(e.Body) {
		p.images[ref] = true
	}
}

// dropSpent deletes made images that nothing needs any more. It keeps what was put a
// short while ago: another page may have the same
// image, and its event is not written yet.
func (p *Pipeline) dropSpent(ctx context.Context) {
	if !p.complete() {
		return
	}
	spent := p.spent()
	n, size, err := p.blobs.Drop(ctx, spent, p.cfg.Now().Add(-p.cfg.SpentAge))
	if err != nil && ctx.Err() == nil {
		p.cfg.Log.Warn("images that are not needed any more stay for now", "err", err)
	}
	if n > 0 {
		p.cfg.Log.Debug("dropped images that are not needed any more", "blobs", n, "bytes", size)
	}
	gone := slices.DeleteFunc(spent, p.blobs.Has)
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, ref := range gone {
		delete(p.images, ref)
	}
}

// spent are the made images that nothing needs.
func (p *Pipeline) spent() []core.Ref {
	p.mu.RLock()
	none := len(p.images) == 0
	p.mu.RUnlock()
	if none {
		return nil
	}
	needed := p.Needed()
	p.mu.RLock()
	defer p.mu.RUnlock()
	var refs []core.Ref
	for ref := range p.images {
		if !needed[ref] {
			refs = append(refs, ref)
		}
	}
	return refs
}
