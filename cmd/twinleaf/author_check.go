package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/twinleaf-scan/twinleaf/plugins/host/sandbox"
	"github.com/twinleaf-scan/twinleaf/sdk/conform"
)

// checkFlags are the flags of plugin test.
type checkFlags struct {
	cases, settings, level string
	calls                  int
	asJSON                 bool
}

// newPluginTest puts a plug-in through what a server does with it.
func newPluginTest(a *app) *cobra.Command {
	var f checkFlags
	c := &cobra.Command{
		Use: "test PROGRAM", Short: "Try a plug-in as a server will use it", Args: exactly(1, "a plug-in's program"),
		Long: "Starts the program in the strictest sandbox of this machine and checks what every plug-in must keep: the handshake,\n" +
			"the manifest, settings that are read strictly, answers of the right form with files in the right place, calls that\n" +
			"end when they are cancelled or late, no leaks, and an end that leaves nothing behind. Cases of your own are folders:\n" +
			"request.json, the files in in/, and what must come out, want.json and out/; see PLUGINS.md.",
		RunE: func(c *cobra.Command, args []string) error { return a.checkPlugin(c.Context(), args[0], f) },
	}
	fl := c.Flags()
	fl.StringVar(&f.cases, "cases", "", "folder of cases (default: testdata/cases, if it is there)")
	fl.StringVar(&f.settings, "settings", "", "file with settings, JSON, for the built-in cases (default: made up from the schema)")
	fl.StringVar(&f.level, "sandbox", "", "none, rlimit, landlock or full (default: the strictest that works here)")
	fl.IntVar(&f.calls, "calls", 100, "calls of the leak check")
	fl.BoolVar(&f.asJSON, "json", false, "print JSON, one check a line")
	return c
}

const defaultCases = "testdata/cases"

func (f checkFlags) options(bin string) (conform.Options, error) {
	o := conform.Options{Bin: bin, Calls: f.calls}
	if err := conform.Startable(bin); err != nil {
		return o, err
	}
	if f.calls < 1 {
		return o, usage("leave it out for 100", "--calls %d makes none", f.calls)
	}
	folder := f.cases
	if folder == "" {
		if _, err := os.Stat(defaultCases); err == nil {
			folder = defaultCases
		}
	}
	var err error
	if folder != "" {
		if o.Cases, err = conform.Load(folder); err != nil {
			return o, usage("each case is a folder with a request.json; see PLUGINS.md", "%s", err)
		}
	}
	if f.settings != "" {
		if o.Settings, err = os.ReadFile(f.settings); err != nil {
			return o, usage("", "--settings: %s", err)
		}
		if !json.Valid(o.Settings) {
			return o, usage("", "--settings: %s is no JSON", f.settings)
		}
	}
	return o, nil
}

func (a *app) checkPlugin(ctx context.Context, bin string, f checkFlags) error {
	o, err := f.options(bin)
	if err != nil {
		return err
	}
	walls, err := f.walls(ctx)
	if err != nil {
		return err
	}
	o.Launch = func(p conform.Place) (*exec.Cmd, error) { return confined(walls.Level, p) }
	made, failed := 0, 0
	report := func(r conform.Result) {
		made++
		if !r.OK {
			failed++
		}
		a.printCheck(r, f.asJSON)
	}
	report(sandboxResult(walls))
	if err := conform.Run(ctx, o, report); err != nil {
		return err
	}
	report(takenUp(ctx, bin))
	if failed > 0 {
		return fmt.Errorf("%s fails %d of %d checks", filepath.Base(bin), failed, made)
	}
	return nil
}

// walls are the sandbox that the checks run in.
func (f checkFlags) walls(ctx context.Context) (sandbox.Report, error) {
	if f.level == "" {
		return sandbox.Probe(ctx), nil
	}
	level, err := sandbox.ParseLevel(f.level)
	if err != nil {
		return sandbox.Report{}, usage("", "--sandbox: %s", err)
	}
	return sandbox.Assume(level), nil
}

func sandboxResult(r sandbox.Report) conform.Result {
	out := conform.Result{Check: "sandbox is at level " + r.Level.String(), OK: true, Detail: r.Why()}
	if r.Level < sandbox.Full {
		out.Hint = r.Hint()
	}
	return out
}

// takenUp checks that the plug-in host itself starts the program and takes its manifest.
func takenUp(ctx context.Context, bin string) conform.Result {
	begun := time.Now()
	r := conform.Result{Check: "a server takes it up", OK: true}
	if _, err := describeProgram(ctx, bin); err != nil {
		r.OK, r.Detail = false, err.Error()
	}
	r.Millis = time.Since(begun).Milliseconds()
	return r
}

func (a *app) printCheck(r conform.Result, asJSON bool) {
	if asJSON {
		raw, err := json.Marshal(r)
		if err == nil {
			fmt.Fprintln(a.std.out, string(raw))
		}
		return
	}
	word := "ok  "
	if !r.OK {
		word = "FAIL"
	}
	line := word + " " + r.Check
	if r.Detail != "" {
		line += ": " + printable(r.Detail)
	}
	fmt.Fprintln(a.std.out, line)
	if r.Hint != "" {
		fmt.Fprintln(a.std.out, "     hint: "+r.Hint)
	}
}

// confined makes the command that starts a program in a place, at a level of the sandbox.
func confined(level sandbox.Level, p conform.Place) (*exec.Cmd, error) {
	real, err := filepath.EvalSymlinks(p.Bin)
	if err != nil {
		return nil, err
	}
	user, err := hand(level, p)
	if err != nil {
		return nil, err
	}
	memory := p.Permissions.MemoryMB
	if memory <= 0 || memory > defaultMemoryMB {
		memory = defaultMemoryMB
	}
	return sandbox.Command(sandbox.Spec{
		Level: level, Path: real, Args: append([]string{p.Bin}, p.Args...), Env: p.Env, Dir: p.Tmp,
		Read: append([]string{p.In}, beside(real, p)...), Write: []string{p.Out, p.Tmp, p.Sockets}, Grants: []string{p.Grant},
		Exec: programs(p.Permissions.Exec), SharedMem: p.Permissions.SharedMem,
		Limits: sandbox.Limits{MemoryMB: memory + memory/2 + 128, CPUSeconds: p.Permissions.CPUSeconds, FileBytes: 8 << 30, OpenFiles: 1024, Processes: 128},
		UID:    user.uid, GID: user.gid,
	})
}

// beside is the folder of a program, whose other files an added plug-in may read. A
// folder that holds more than a plug-in is left out.
func beside(program string, p conform.Place) []string {
	dir := filepath.Dir(program)
	home, _ := os.UserHomeDir() // none: nothing is left out
	rel, err := filepath.Rel(dir, p.Dir)
	if dir == "/" || dir == home || err != nil || !strings.HasPrefix(rel, "..") {
		return nil
	}
	return []string{dir}
}

// defaultMemoryMB is what a server gives a process that asks for nothing, or for more.
const defaultMemoryMB = 2048

// programs are the paths of what a plug-in may run; what is not there is left out.
func programs(names []string) []string {
	var paths []string
	for _, name := range names {
		if path, err := sandbox.Resolve(name, "/usr/local/bin:/usr/bin:/bin"); err == nil {
			paths = append(paths, path)
		}
	}
	return paths
}

// owner is who a process runs as.
type owner struct{ uid, gid int }

// hand makes the folders of a place fit for a process at a level: under root it has a
// user of its own.
func hand(level sandbox.Level, p conform.Place) (owner, error) {
	if os.Geteuid() != 0 || level == sandbox.None {
		return owner{os.Geteuid(), os.Getegid()}, nil
	}
	who := owner{sandbox.FirstUser, sandbox.FirstUser}
	errs := []error{os.Chmod(filepath.Dir(p.Dir), 0o711), os.Chmod(p.Dir, 0o711), os.Chmod(p.In, 0o755)}
	for _, dir := range []string{p.Out, p.Tmp, p.Sockets, p.Grant} {
		errs = append(errs, os.Chown(dir, who.uid, who.gid))
	}
	return who, errors.Join(errs...)
}
