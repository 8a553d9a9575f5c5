// Package testscripts holds what users type and what they see, as scripts that
// drive the programs themselves: `go test ./testscripts`. An operator accepts an
// installed server with the same scripts:
//
//	TWINLEAF_BIN=/usr/bin/twinleaf go test ./testscripts
package testscripts

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestScripts(t *testing.T) {
	areas, err := filepath.Glob("*/*.txtar")
	if err != nil || len(areas) == 0 {
		t.Fatalf("no scripts found: %v", err)
	}
	bin := binary(t)
	testscript.Run(t, testscript.Params{
		Files:               areas,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("TWINLEAF", bin)
			env.Setenv("PATH", filepath.Dir(bin)+string(os.PathListSeparator)+os.Getenv("PATH")+string(os.PathListSeparator)+testPrograms(t))
			env.Setenv("DATA", filepath.Join(root(t), "testdata"))
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("XDG_STATE_HOME", filepath.Join(env.WorkDir, "state"))
			env.Setenv("NO_COLOR", "1")
			env.Setenv("PLATFORM", runtime.GOOS+"_"+runtime.GOARCH)
			env.Values[serverKey{}] = &server{}
			env.Values[receiverKey{}] = &receiver{}
			env.Values[pairKey{}] = newPairServers()
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"server":        serverCommand,
			"pair":          pairCommand,
			"eventually":    eventuallyCommand,
			"await":         awaitCommand,
			"slowly":        slowlyCommand,
			"words":         wordsCommand,
			"exit":          exitCommand,
			"count":         countCommand,
			"reads":         readsCommand,
			"gocaches":      goCachesCommand,
			"stamp":         stampCommand,
			"smuggle":       smuggleCommand,
			"flip":          flipCommand,
			"oldplugins":    oldPluginsCommand,
			"plugins":       pluginsCommand,
			"receiver":      receiverCommand,
			"freeport":      freePortCommand,
			"nats-operator": natsOperatorCommand,
			"keep":          keepCommand,
		},
		Condition: func(cond string) (bool, error) {
			switch cond {
			case "grpcio":
				return hasGRPCIO(), nil
			case "multicore":
				return runtime.GOMAXPROCS(0) > 1, nil
			}
			return hasProgram(cond)
		},
	})
}

// hasProgram makes [have:NAME] true where NAME is on the PATH.
func hasProgram(cond string) (bool, error) {
	const prefix = "have:"
	if len(cond) <= len(prefix) || cond[:len(prefix)] != prefix {
		return false, os.ErrInvalid
	}
	name := cond[len(prefix):]
	if _, err := exec.LookPath(name); err == nil {
		return true, nil
	}
	_, err := exec.LookPath(filepath.Join("..", testFolder, name))
	return err == nil, nil
}

// testFolder is where make puts programs that only tests need.
const testFolder = "bin/test"

func testPrograms(t testing.TB) string { return filepath.Join(root(t), testFolder) }

// binary is the program under test: TWINLEAF_BIN, else bin/twinleaf as built.
func binary(t testing.TB) string {
	t.Helper()
	bin := os.Getenv("TWINLEAF_BIN")
	if bin == "" {
		bin = filepath.Join(root(t), "bin", "twinleaf")
	}
	bin, err := filepath.Abs(bin)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(bin); err != nil {
		t.Fatalf("%v\nhint: run \"make build\" first, or set TWINLEAF_BIN", err)
	}
	return bin
}

// root is the folder that holds go.mod.
func root(t testing.TB) string {
	t.Helper()
	dir, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}
