package console

import (
	"context"
	"net/http"

	"github.com/twinleaf-scan/twinleaf/console/api"
	"github.com/twinleaf-scan/twinleaf/core"
)

// everybody needs no role: these routes say nothing about jobs.
const everybody core.Role = ""

// needs is the table of who may do what: the least role for a route, as it is registered.
// A route that is not in it is an administrator's, and fails a test.
func needs(route string) (role core.Role, listed bool) {
	switch route {
	case "GET /{$}", "GET /healthz", "GET /readyz", "GET /openapi.json",
		"POST /v1/session", "DELETE /v1/session":
		return everybody, true

	case "POST /v1/jobs", "GET /v1/jobs", "GET /v1/jobs/{id}", "GET /v1/jobs/{id}/events",
		"GET /v1/jobs/{id}/outputs/{kind}", "POST /v1/jobs/{id}/cancel", // of their own; see own
		"GET /v1/session", "PUT /v1/session/password",
		"GET /openapi.yaml", "GET /openapi-3.0.json", "GET /openapi-3.0.yaml":
		return core.Submitter, true

	case "POST /v1/jobs/{id}/retry", "POST /v1/jobs/{id}/hold", "POST /v1/jobs/{id}/release",
		"GET /v1/profiles", "GET /v1/profiles/{name}", "GET /v1/destinations", "GET /v1/destinations/{name}",
		"GET /v1/pair", "POST /v1/pair/takeover", "POST /v1/pair/handback", "POST /v1/pair/maintenance", "GET /v1/parity",
		"GET /v1/log", "GET /v1/log/level",
		"GET /metrics":
		return core.Operator, true

	case "PUT /v1/profiles/{name}", "DELETE /v1/profiles/{name}", "PUT /v1/destinations/{name}", "DELETE /v1/destinations/{name}",
		"GET /v1/settings", "PUT /v1/settings", "DELETE /v1/settings", "GET /v1/plugins",
		"GET /v1/users", "PUT /v1/users/{name}", "DELETE /v1/users/{name}",
		"GET /v1/tokens", "POST /v1/tokens", "DELETE /v1/tokens/{name}",
		"GET /v1/license", "POST /v1/license", "DELETE /v1/license",
		"POST /v1/pair/sync", "POST /v1/pair/init", "DELETE /v1/pair/init", "POST /v1/pair/join", "DELETE /v1/pair",
		"GET /v1/pair/plugins", "GET /v1/pair/plugins/{digest}",
		"GET /v1/log/export", "PUT /v1/log/level", "POST /v1/log/rotate":
		return core.Administrator, true
	}
	return core.Administrator, false
}

// allowed says why whoever asks may not use a route, or nil.
func allowed(ctx context.Context, route string) *api.Problem {
	role, _ := needs(route)
	who := callerOf(ctx)
	if role == everybody || who.Role.Allows(role) {
		return nil
	}
	return api.NewProblem(http.StatusForbidden, api.CodeForbidden, "ask an administrator to do it, or for another role",
		"%s has the role %s, and this takes that of an %s", who.Name, who.Role, role)
}

// own says that a job is none of whoever asks, in the words of one that is not there.
// Submitters see the jobs that they submitted.
func (s *Server) own(ctx context.Context, id core.JobID) error {
	who := callerOf(ctx)
	if who.Role.Allows(core.Operator) || s.parts.Jobs == nil {
		return nil
	}
	job, err := s.parts.Jobs.Job(ctx, id)
	if err != nil && core.AsFailure(err).Code != core.CodeUnknown {
		return err
	}
	if err != nil || job.User != who.Name {
		return core.Refuse(core.CodeUnknown, `list your jobs with "twinleaf jobs"`, "there is no job %q of yours", id)
	}
	return nil
}
