package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
)

// healLimit is how long getting the lost blobs of one task may take.
const healLimit = 10 * time.Minute

// errLost is in the chain of the error of an attempt whose blobs are lost: it rests.
var errLost = errors.New("a blob is lost")

// heal gets those of a task's blobs that are lost from elsewhere, if there is a way.
func (p *Pipeline) heal(ctx context.Context, t core.Task) error {
	if p.cfg.Heal == nil {
		return nil
	}
	ctx, stop := context.WithTimeout(ctx, healLimit)
	defer stop()
	for ref := range t.Refs() {
		if p.blobs.Has(ref) {
			continue
		}
		err := p.cfg.Heal(ctx, ref)
		if err == nil && !p.blobs.Has(ref) {
			err = errors.New("it is still not there")
		}
		if err != nil {
			p.cfg.Log.Warn("a blob is lost and cannot be got at present", "job", t.Job, "stage", t.Stage, "page", t.Page, "blob", ref, "err", err)
			return fmt.Errorf("get blob %s from the peer: %w: %w", ref, errLost, err)
		}
		p.cfg.Log.Info("got a lost blob from the peer", "job", t.Job, "stage", t.Stage, "page", t.Page, "blob", ref)
	}
	return nil
}
