package console

import (
	"net/http"
	"strings"

	"github.com/twinleaf-scan/twinleaf/console/api"
)

// health is the server's own word on whether it takes new jobs. Each item that
// stands in the way is named.
func (s *Server) health() api.Health {
	h := s.parts.Health()
	out := api.Health{Web: h.Web, Data: h.Data, Mode: h.Mode}
	var causes []string
	note := func(ok bool, what string, state, cause string) {
		if ok {
			return
		}
		text := what + " is " + state
		if cause != "" {
			text += " (" + cause + ")"
		}
		causes = append(causes, text)
	}
	note(h.Web.State == "up", "the web service", h.Web.State, h.Web.Cause)
	note(h.Data.State == "up", "the data service", h.Data.State, h.Data.Cause)
	note(h.Mode.State == "active", "the server", h.Mode.State, h.Mode.Cause)
	out.Ready = len(causes) == 0
	out.Cause = strings.Join(causes, "; ")
	return out
}

// readyz tells balancers and people whether new jobs are taken: web service, data
// service and mode each for itself.
func (s *Server) readyz(w http.ResponseWriter, _ *http.Request) {
	h := s.health()
	w.Header().Set("Cache-Control", "no-store")
	if h.Ready {
		writeJSON(w, http.StatusOK, h)
		return
	}
	w.Header().Set("Retry-After", retryAfter)
	if h.Mode.State != "active" {
		s.elsewhere(w.Header(), api.CodeStandby)
	}
	writeJSON(w, http.StatusServiceUnavailable, h)
}

// elsewhere says in an answer's head where new jobs are taken instead, if they are not
// here because the other server works.
func (s *Server) elsewhere(head http.Header, code string) {
	if code != api.CodeStandby || s.parts.Active == nil {
		return
	}
	if url := s.parts.Active(); url != "" {
		head.Set(api.ActiveHeader, url)
	}
}

// healthz says that the process answers, nothing else.
func (s *Server) healthz(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
}
