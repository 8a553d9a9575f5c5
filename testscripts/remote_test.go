package testscripts

import "github.com/rogpeppe/go-internal/testscript"

// freeport VAR: sets VAR to 127.0.0.1:PORT, which nobody listens to and the system gives to nobody.
func freePortCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: freeport VAR")
	}
	ts.Setenv(args[0], freeAddress(ts))
}
