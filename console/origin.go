package console

import (
	"net/http"
	"slices"
	"strings"

	"github.com/twinleaf-scan/twinleaf/console/api"
	"github.com/twinleaf-scan/twinleaf/core"
)

// maxSession bounds the id that a client gives itself, in bytes.
const maxSession = 64

// originOf is how a submission came: why it was not sent to the other server, and in
// whose session. A person who logged in is one session, whatever programs they use; the
// others are one for each client process.
func originOf(r *http.Request) (core.Origin, *api.Problem) {
	var o core.Origin
	var p *api.Problem
	if o.Failover, p = single(r, api.FailoverHeader); p != nil {
		return o, p
	}
	if o.Failover != "" && !slices.Contains(api.FailoverCauses(), o.Failover) {
		return o, badHeader("send one of "+strings.Join(api.FailoverCauses(), ", ")+", or leave it out", "%s has a value that means nothing", api.FailoverHeader)
	}
	if o.Session, p = single(r, api.SessionHeader); p != nil {
		return o, p
	}
	if !isSessionID(o.Session) {
		return o, badHeader("send 1 to 64 letters, digits, dots, dashes and underscores, or leave it out", "%s is no id of a client", api.SessionHeader)
	}
	if session := requestOf(r.Context()).session; session != nil && session.ID != "" {
		o.Session = personal(session)
	}
	return o, nil
}

// personal is the session of a person who logged in. No client can give itself this id.
func personal(s *api.Session) string { return "login/" + s.ID }

// single is the value of a header that may be sent once.
func single(r *http.Request, name string) (string, *api.Problem) {
	values := r.Header.Values(name)
	if len(values) > 1 {
		return "", badHeader("send it once", "%s is there %d times", name, len(values))
	}
	return r.Header.Get(name), nil
}

func isSessionID(s string) bool {
	return len(s) <= maxSession && !strings.ContainsFunc(s, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("._-", r))
	})
}

func badHeader(remedy, format string, a ...any) *api.Problem {
	return api.NewProblem(http.StatusBadRequest, core.CodeBadRequest, remedy, format, a...)
}
