package testscripts

import (
	"net"

	"github.com/rogpeppe/go-internal/testscript"
)

// freeport VAR: sets VAR to 127.0.0.1:PORT, which nobody listened to a moment ago.
func freePortCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: freeport VAR")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Setenv(args[0], l.Addr().String())
	ts.Check(l.Close())
}
