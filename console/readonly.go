package console

import (
	"cmp"
	"context"
	"net/http"

	"github.com/twinleaf-scan/twinleaf/console/api"
)

// effect is what a route does.
type effect int

const (
	shared effect = iota // changes data that both servers share, which the primary writes
	asks                 // changes nothing
	works                // sends a job in, or manages jobs
	local                // changes this server, or manages the pair
)

// does is the table of what a route does, as it is registered: of these, a secondary
// refuses the shared ones (GS10, GS11). A route that is not in it counts as shared, and
// fails a test.
func does(route string) (what effect, listed bool) {
	switch route {
	case "PUT /v1/profiles/{name}", "DELETE /v1/profiles/{name}", "PUT /v1/destinations/{name}", "DELETE /v1/destinations/{name}",
		"PUT /v1/settings", "DELETE /v1/settings",
		"PUT /v1/users/{name}", "DELETE /v1/users/{name}", "PUT /v1/session/password",
		"POST /v1/tokens", "DELETE /v1/tokens/{name}":
		return shared, true

	case "GET /{$}", "GET /healthz", "GET /readyz", "GET /metrics",
		"GET /openapi.json", "GET /openapi.yaml", "GET /openapi-3.0.json", "GET /openapi-3.0.yaml",
		"GET /v1/jobs", "GET /v1/jobs/{id}", "GET /v1/jobs/{id}/events", "GET /v1/jobs/{id}/outputs/{kind}",
		"GET /v1/session", "GET /v1/users", "GET /v1/tokens", "GET /v1/license",
		"GET /v1/profiles", "GET /v1/profiles/{name}", "GET /v1/destinations", "GET /v1/destinations/{name}",
		"GET /v1/settings", "GET /v1/plugins",
		"GET /v1/pair", "GET /v1/pair/plugins", "GET /v1/pair/plugins/{digest}", "GET /v1/parity",
		"GET /v1/log", "GET /v1/log/level", "GET /v1/log/export":
		return asks, true

	case "POST /v1/jobs",
		"POST /v1/jobs/{id}/retry", "POST /v1/jobs/{id}/cancel", "POST /v1/jobs/{id}/hold", "POST /v1/jobs/{id}/release":
		return works, true

	case "POST /v1/session", "DELETE /v1/session", "POST /v1/license", "DELETE /v1/license",
		"POST /v1/pair/takeover", "POST /v1/pair/handback", "POST /v1/pair/maintenance", "POST /v1/pair/sync",
		"POST /v1/pair/init", "DELETE /v1/pair/init", "POST /v1/pair/join", "DELETE /v1/pair",
		"PUT /v1/log/level", "POST /v1/log/rotate":
		return local, true
	}
	return shared, false
}

// writable says why a route does nothing on this server, or nil. The answer's head then
// tells where it would.
func (s *Server) writable(ctx context.Context, head http.Header, route string) *api.Problem {
	if what, _ := does(route); what != shared || s.parts.ReadOnly == nil {
		return nil
	}
	primary, readOnly := s.parts.ReadOnly()
	if !readOnly {
		return nil
	}
	if primary != "" {
		head.Set(api.PrimaryHeader, primary)
	}
	s.log.InfoContext(ctx, "change refused on a secondary", "route", route, "by", callerOf(ctx).Name)
	return api.NewProblem(http.StatusConflict, api.CodeReadOnly,
		"change it on the primary"+cmp.Or(bracketed(primary), ", whose address this server does not know yet")+"; it comes over by itself",
		"this server is the secondary of a pair, and settings, users and tokens are changed on the primary only")
}

func bracketed(url string) string {
	if url == "" {
		return ""
	}
	return " (" + url + ")"
}
