package client

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/twinleaf-scan/twinleaf/console/api"
)

// ErrUnreachable says that no server answered. The error that wraps it names each
// address and why.
var ErrUnreachable = errors.New("no server could be reached")

// ErrUnsure says that a server broke off while it was asked for a change, so that
// nobody knows whether it was made.
var ErrUnsure = errors.New("it is not known whether it was done")

// Cause is why a client asks another server than it would.
type Cause string

// The causes.
const (
	Network     Cause = api.FailoverNetwork     // refused, unreachable, reset, cut off, no TLS, or too late
	Web         Cause = api.FailoverWeb         // it takes connections and does not answer, or not as Twinleaf does
	Data        Cause = api.FailoverData        // it says that its data service is down
	Maintenance Cause = api.FailoverMaintenance // it says that it is in maintenance, or has just started
)

// Move is a client's going over from one server to another.
type Move struct {
	From, To string // hosts
	Cause    Cause  // empty: From is the standby and sent the client on
	Why      string // what is the matter with From, e.g. "does not answer (connection refused)"
}

// String is the move in a line for people.
func (m Move) String() string { return fmt.Sprintf("%s %s; using %s", m.From, m.Why, m.To) }

// fault is why one server did not do what was asked.
type fault struct {
	server *server
	cause  Cause
	state  string // what is the matter with the server: goes on from its name
	err    error  // *api.Problem if the server answered
	acted  bool   // it may have done what was asked all the same
	at     time.Time
}

func (f *fault) Error() string { return f.server.name + " " + f.state }
func (f *fault) Unwrap() error { return f.err }

func (f *fault) answered() bool {
	var p *api.Problem
	return errors.As(f.err, &p)
}

// localError is the caller's own file's, not a server's.
type localError struct{ error }

func (e *localError) Unwrap() error { return e.error }

// noServer is the error of a request that none of the servers took.
type noServer struct{ faults []*fault }

func (e *noServer) unreachable() bool {
	for _, f := range e.faults {
		if f.answered() {
			return false
		}
	}
	return true
}

func (e *noServer) Is(target error) bool { return target == ErrUnreachable && e.unreachable() }

func (e *noServer) Unwrap() []error {
	var all []error
	for _, f := range e.faults {
		all = append(all, f.err)
	}
	return all
}

func (e *noServer) Error() string {
	var tried []string
	if e.unreachable() {
		for _, f := range e.faults {
			tried = append(tried, fmt.Sprintf("%s: %s", f.server.url, plain(f.err)))
		}
		return fmt.Sprintf("%s (%s)", ErrUnreachable, strings.Join(tried, "; "))
	}
	hint := ""
	for _, f := range e.faults {
		tried = append(tried, f.Error())
		if p := (*api.Problem)(nil); errors.As(f.err, &p) && p.Remedy != "" {
			hint = "\nhint: " + p.Remedy
		}
	}
	return fmt.Sprintf("no server takes this now (%s)%s", strings.Join(tried, "; "), hint)
}

// none is the error for faults of all servers that were asked.
func none(faults []*fault) error {
	last := faults[len(faults)-1]
	if p := (*api.Problem)(nil); len(faults) == 1 && errors.As(last.err, &p) {
		return p
	}
	return &noServer{faults}
}

// unsure is the error of a change that a server may have made before it broke off.
func unsure(f *fault) error {
	if p := (*api.Problem)(nil); errors.As(f.err, &p) {
		return p
	}
	return fmt.Errorf("%w: %s\nhint: look whether it was done before you try again", ErrUnsure, f)
}
