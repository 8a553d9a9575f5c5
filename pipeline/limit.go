package pipeline

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
)

// limit is how long a task may take.
func (d *dispatcher) limit(t core.Task) time.Duration {
	switch poolOf(t.Stage) {
	case pages:
		return t.Options.Limits.WithDefaults().PageTimeout
	case documents:
		return t.Options.Limits.WithDefaults().JobTimeout
	}
	return d.cfg.DeliverLimit * time.Duration(documentsIn(t.Document.Outputs))
}

// documentsIn is how many documents a delivery hands over, at least one.
func documentsIn(outputs []core.Output) int {
	most := 1
	for _, o := range outputs {
		most = max(most, o.Part)
	}
	return most
}

// failureOf is why an attempt failed, that it took too long included.
func failureOf(o outcome, limit time.Duration) core.Failure {
	f := core.AsFailure(o.err)
	late := errors.Is(o.cause, context.DeadlineExceeded)
	if late && (f.Code == core.CodeInternal || errors.Is(o.err, context.DeadlineExceeded)) {
		return core.Failure{
			Code:   core.CodeTimeout,
			Detail: fmt.Sprintf("stage %s took longer than %v", o.task.Stage, limit),
			Remedy: "retry the job, or raise the time limit in its profile",
		}
	}
	return f
}
