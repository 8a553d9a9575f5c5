package testscripts

import (
	"os/exec"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// gocaches: go builds from the caches of whoever runs the scripts, offline and outside
// any workspace, as an author without a network does.
func goCachesCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: gocaches")
	}
	out, err := exec.Command("go", "env", "GOMODCACHE", "GOCACHE").Output()
	ts.Check(err)
	caches := strings.Fields(string(out))
	if len(caches) != 2 {
		ts.Fatalf("go env gave %q, want two folders", out)
	}
	ts.Setenv("GOMODCACHE", caches[0])
	ts.Setenv("GOCACHE", caches[1])
	ts.Setenv("GOPROXY", "off")
	ts.Setenv("GOWORK", "off")
	ts.Setenv("GOFLAGS", "-mod=readonly -trimpath")
}

// hasGRPCIO reports whether Debian's Python can speak to a server.
func hasGRPCIO() bool { return exec.Command("/usr/bin/python3", "-c", "import grpc").Run() == nil }
