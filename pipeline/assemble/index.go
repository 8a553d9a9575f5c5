package assemble

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
)

// index asks the indexers of the profile for the fields of a document. Of a field that
// two of them give the later one counts. An indexer that fails is asked again as other
// work is; when that is over, the document goes without its fields, and the job is
// partial.
func (s *Stage) index(ctx context.Context, p *part, pages []core.PageParts) error {
	steps := p.Options.Indexers
	if len(steps) == 0 {
		return nil
	}
	call := core.IndexCall{Job: p.Job, Name: p.Name}
	for _, page := range pages {
		if page.Text != nil {
			call.Texts = append(call.Texts, *page.Text)
		}
	}
	for _, step := range steps {
		call.Step = step
		found, err := s.ask(ctx, call, indexLimit(p.Options.Limits))
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err == nil {
			maps.Copy(p.fields, found)
			continue
		}
		f := core.AsFailure(err)
		if !f.Permanent && !p.Last {
			return err
		}
		p.unindexed = append(p.unindexed, core.IndexFailure{Indexer: step.String(), Part: p.number, Failure: f})
	}
	return nil
}

// indexLimit leaves time for the document itself.
func indexLimit(l core.Limits) time.Duration { return l.WithDefaults().JobTimeout / 4 }

func (s *Stage) ask(ctx context.Context, call core.IndexCall, limit time.Duration) (map[string]string, error) {
	ctx, stop := context.WithTimeout(ctx, limit)
	defer stop()
	found, err := s.indexer.Index(ctx, call)
	if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		err = &core.Failure{
			Code: core.CodeTimeout, Remedy: "retry the job, or raise limits.jobTimeout in its profile",
			Detail: fmt.Sprintf("indexer %s took longer than %v", call.Step, limit),
		}
	}
	return found, err
}
