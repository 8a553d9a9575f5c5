// Package conform puts a built plug-in through what a server will do with it and
// through what can go wrong there. `twinleaf plugin test` and [plugintest.Conform]
// run it; both print a line for each check.
//
// It starts the program as a server does, one or more processes one after the other,
// and leaves none of them behind. Every wait is bounded.
//
// [plugintest.Conform]: https://pkg.go.dev/github.com/twinleaf-scan/twinleaf/sdk/plugintest
package conform

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"github.com/twinleaf-scan/twinleaf/sdk"
)

// Options say what is tested. With Bin alone it works.
type Options struct {
	Bin      string          // the program
	Cases    []Case          // besides the built-in ones
	Settings json.RawMessage // for the built-in cases; nil: the fields that the schema requires, made up
	Calls    int             // of the leak check; default 100

	StartTimeout time.Duration // from the start to the handshake; default 10 s
	CallTimeout  time.Duration // of one call; default 1 min

	// Launch makes the command that starts the program, without its standard streams;
	// nil: the program itself, with no sandbox.
	Launch func(Place) (*exec.Cmd, error)
}

// Place is where a process works: its folders and its environment.
type Place struct {
	Bin     string
	Args    []string // of the program, without its name
	Dir     string   // holds in, out and tmp
	In      string   // inputs of the current call; read only to the plug-in
	Out     string   // takes the files of an answer
	Tmp     string   // scratch and working directory
	Sockets string   // where its socket must lie
	Grant   string   // the folder that made-up settings name where they are a grant to write
	Env     []string // complete

	Permissions sdk.Permissions // what the manifest asks for; empty for the first process
}

// Result is the outcome of one check.
type Result struct {
	Check  string `json:"check"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail,omitempty"` // what was seen; of a failed check why it failed
	Hint   string `json:"hint,omitempty"`   // what the author can do
	Millis int64  `json:"ms"`
}

// Run makes all checks in turn and reports each when it is done. The error says why
// they could not be made; a failed check is no error.
func Run(ctx context.Context, o Options, report func(Result)) error {
	bin, err := filepath.Abs(o.Bin)
	if err != nil {
		return err
	}
	if err := Startable(bin); err != nil {
		return err
	}
	o.Bin = bin
	o.Calls = cmp.Or(o.Calls, 100)
	o.StartTimeout = cmp.Or(o.StartTimeout, 10*time.Second)
	o.CallTimeout = cmp.Or(o.CallTimeout, time.Minute)
	base, err := os.MkdirTemp(shortTemp(), "tlt")
	if err != nil {
		return fmt.Errorf("folder for the test: %w", err)
	}
	s := &suite{Options: o, base: base, report: report}
	s.all(ctx)
	return errors.Join(ctx.Err(), os.RemoveAll(base))
}

// Startable says why a file is no program that can be tested.
func Startable(path string) error {
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() || info.Mode().Perm()&0o111 == 0 {
		return fmt.Errorf("%s is no program that can be started\nhint: build the plug-in first; a script must be executable", path)
	}
	return nil
}

// shortTemp is a folder whose path leaves room for the 108 bytes of a socket's.
func shortTemp() string {
	if dir := os.TempDir(); len(dir) < 40 {
		return dir
	}
	return "/tmp"
}

// suite is one run.
type suite struct {
	Options
	base   string
	report func(Result)
	places int // made so far

	described []byte       // what `describe` printed
	manifest  sdk.Manifest // of the first process
	passed    []Case       // that gave a result
	refused   []Case       // that were refused, as they may be
}

// trouble is a failed check: why, and what helps.
type trouble struct{ why, hint string }

func (t *trouble) Error() string { return t.why }

func fail(hint, format string, a ...any) error { return &trouble{fmt.Sprintf(format, a...), hint} }

// check runs one check and reports it; it says whether it passed.
func (s *suite) check(ctx context.Context, name string, run func(context.Context) (string, error)) bool {
	if ctx.Err() != nil {
		return false
	}
	begun := time.Now()
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	detail, err := run(ctx)
	r := Result{Check: name, OK: err == nil, Detail: detail, Millis: time.Since(begun).Milliseconds()}
	if err != nil {
		r.Detail = err.Error()
		if t, ok := errors.AsType[*trouble](err); ok {
			r.Hint = t.hint
		}
	}
	s.report(r)
	return r.OK
}

// How long things may take.
const (
	checkTimeout = 5 * time.Minute
	patience     = 2 * time.Second // for what must happen soon
)

// all makes the checks in the order in which an author wants to hear of failures.
func (s *suite) all(ctx context.Context) {
	s.check(ctx, "refuses to run by hand", s.byHand)
	s.check(ctx, "describe prints the manifest", s.describe)
	if !s.check(ctx, "starts and shakes hands", s.starts) {
		return
	}
	s.check(ctx, "manifest is well-formed", s.wellFormed)
	for _, c := range s.manifest.Components {
		s.check(ctx, "settings of "+c.ID+" are strict", func(ctx context.Context) (string, error) { return s.strict(ctx, c) })
	}
	for _, c := range s.Cases {
		s.check(ctx, "case "+c.Name, func(ctx context.Context) (string, error) { return s.golden(ctx, c) })
	}
	for _, c := range s.manifest.Components {
		s.component(ctx, c)
	}
	s.check(ctx, "ends when the server asks it to", s.shutsDown)
	s.check(ctx, "ends when its server is gone", s.leashed)
	s.check(ctx, "leaves no process behind", s.leavesNothing)
}

// component makes the checks of what a component does. Those of many calls are made with
// the first case that passed: the author's own where there are some.
func (s *suite) component(ctx context.Context, c sdk.ComponentManifest) {
	for _, k := range s.casesOf(c) {
		s.check(ctx, "built-in case "+k.Name, func(ctx context.Context) (string, error) { return s.golden(ctx, k) })
	}
	all := slices.Concat(s.passed, s.refused)
	i := slices.IndexFunc(all, func(k Case) bool { return s.serves(c, k) })
	if i < 0 {
		return
	}
	k := all[i]
	s.check(ctx, c.ID+" gives the same answer in a second process", func(ctx context.Context) (string, error) { return s.again(ctx, c, k) })
	s.check(ctx, c.ID+" stops soon when it is cancelled", func(ctx context.Context) (string, error) { return s.cancels(ctx, k) })
	s.check(ctx, c.ID+" keeps its deadline", func(ctx context.Context) (string, error) { return s.keepsDeadline(ctx, k) })
	s.check(ctx, fmt.Sprintf("%s leaks nothing in %d calls", c.ID, s.Calls), func(ctx context.Context) (string, error) { return s.leaks(ctx, k) })
}
