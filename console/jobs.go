package console

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/twinleaf-scan/twinleaf/console/api"
	"github.com/twinleaf-scan/twinleaf/core"
)

type jobInput struct {
	ID string `path:"id" maxLength:"128" doc:"Job id"`
}

type jobOutput struct{ Body api.Job }

func (s *Server) listJobs(ctx context.Context, in *struct {
	State string `query:"state" enum:"queued,running,held,completed,partial,failed,cancelled" doc:"Only jobs in this state"`
	Limit int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
	After string `query:"after" maxLength:"128" doc:"Go on after this job: next of the page before"`
}) (*struct{ Body api.List }, error) {
	if s.parts.Jobs == nil {
		return nil, missing("its list of jobs")
	}
	q := api.Query{State: core.JobState(in.State), Limit: in.Limit, After: core.JobID(in.After)}
	if who := callerOf(ctx); !who.Role.Allows(core.Operator) {
		q.User = who.Name
	}
	list, err := s.parts.Jobs.Jobs(ctx, q)
	if err != nil {
		return nil, s.problemOf(ctx, "list jobs", err)
	}
	if list.Jobs == nil {
		list.Jobs = []api.Job{}
	}
	return &struct{ Body api.List }{list}, nil
}

func (s *Server) getJob(ctx context.Context, in *jobInput) (*jobOutput, error) {
	if s.parts.Jobs == nil {
		return nil, missing("its list of jobs")
	}
	if err := s.own(ctx, core.JobID(in.ID)); err != nil {
		return nil, s.problemOf(ctx, "look up job "+in.ID, err)
	}
	job, err := s.parts.Jobs.Job(ctx, core.JobID(in.ID))
	if err != nil {
		return nil, s.problemOf(ctx, "look up job "+in.ID, err)
	}
	return &jobOutput{job}, nil
}

// action is one of retry, cancel, hold and release; it answers with the job as it
// is afterwards.
func (s *Server) action(verb string, do func(Actions, context.Context, core.JobID) error) func(context.Context, *jobInput) (*jobOutput, error) {
	return func(ctx context.Context, in *jobInput) (*jobOutput, error) {
		if s.parts.Actions == nil {
			return nil, missing("its data service")
		}
		if err := s.own(ctx, core.JobID(in.ID)); err != nil {
			return nil, s.problemOf(ctx, verb+" job "+in.ID, err)
		}
		if err := do(s.parts.Actions, ctx, core.JobID(in.ID)); err != nil {
			return nil, s.problemOf(ctx, verb+" job "+in.ID, err)
		}
		return s.getJob(ctx, in)
	}
}

func (s *Server) routeJobs(a huma.API) {
	operation(a, "list-jobs", http.MethodGet, "/v1/jobs", "List jobs, the newest first", s.listJobs)
	operation(a, "get-job", http.MethodGet, "/v1/jobs/{id}", "Look at a job", s.getJob)
	operation(a, "retry-job", http.MethodPost, "/v1/jobs/{id}/retry", "Try what failed once more; what is finished stays finished", s.action("retry", Actions.Retry))
	operation(a, "cancel-job", http.MethodPost, "/v1/jobs/{id}/cancel", "End a job for good", s.action("cancel", Actions.Cancel))
	operation(a, "hold-job", http.MethodPost, "/v1/jobs/{id}/hold", "Stop new work on a job", s.action("hold", Actions.Hold))
	operation(a, "release-job", http.MethodPost, "/v1/jobs/{id}/release", "Let a held job go on", s.action("release", Actions.Release))
}
