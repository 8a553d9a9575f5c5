package main

import (
	"context"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/pipeline"
)

// spare has no more processes held than the one document needs that is made: the others
// that recognise are started when there is a second page for them, and all of them end when
// the pages are done and the document is being put together.
func (e *engine) spare(all map[core.Stage]pipeline.Stage) {
	ingest, assemble := all[core.Ingest], all[core.Assemble]
	all[core.Ingest] = stageFunc(func(ctx context.Context, t core.Task) (core.Result, error) {
		r, err := ingest.Run(ctx, t)
		if found, ok := r.(core.DocumentIngested); ok && countPages(found) > 1 {
			e.host.Warm()
		}
		return r, err
	})
	all[core.Assemble] = stageFunc(func(ctx context.Context, t core.Task) (core.Result, error) {
		e.host.Rest()
		return assemble.Run(ctx, t)
	})
}

func countPages(d core.DocumentIngested) int {
	n := 0
	for _, in := range d.Inputs {
		n += len(in.Pages)
	}
	return n
}
