package main

import (
	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/blob"
	"github.com/twinleaf-scan/twinleaf/pipeline"
	"github.com/twinleaf-scan/twinleaf/pipeline/assemble"
	"github.com/twinleaf-scan/twinleaf/pipeline/clean"
	"github.com/twinleaf-scan/twinleaf/pipeline/deliver"
	"github.com/twinleaf-scan/twinleaf/pipeline/ingest"
	"github.com/twinleaf-scan/twinleaf/pipeline/rasterize"
	"github.com/twinleaf-scan/twinleaf/pipeline/recognize"
	"github.com/twinleaf-scan/twinleaf/pipeline/reuse"
)

// stages are the steps of a job. Each asks one plug-in through the host; text comes from
// who reads. What memory has is not asked again; nil: it has nothing.
func stages(h secretsHost, reads recognize.Recognizer, b *blob.Store, memory *reuse.Memory) map[core.Stage]pipeline.Stage {
	return map[core.Stage]pipeline.Stage{
		core.Ingest:    ingest.New(b, h),
		core.Rasterize: rasterize.New(b, h),
		core.Clean:     clean.New(b, h).Reusing(memory),
		core.Recognize: recognize.New(b, reads, h).Reusing(memory),
		core.Assemble:  assemble.New(b, h, h),
		core.Deliver:   deliver.New(b, h),
	}
}
