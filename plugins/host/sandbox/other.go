//go:build !linux

package sandbox

import (
	"context"
	"os/exec"
)

// Main does nothing: there is no sandbox here.
func Main() {}

// Command starts the program as it is; only level none is there.
func Command(s Spec) (*exec.Cmd, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	cmd := exec.Command(s.Path)
	cmd.Args, cmd.Env, cmd.Dir = s.Args, s.Env, s.Dir
	return cmd, nil
}

// Probe finds none.
func Probe(context.Context) Report {
	r := Assume(None)
	r.Missing = []Reason{{Level: RLimit, Why: "the sandbox needs Linux"}}
	return r
}

// Assume is a report for a level that is given, not found out.
func Assume(level Level) Report {
	return Report{Level: level, Unenforced: []string{"anything: a plug-in may do what the server's user may"}}
}
