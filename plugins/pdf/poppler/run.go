// Package poppler runs the programs that draw, list and repair PDFs: poppler's
// pdftoppm, pdfimages and pdftotext, and qpdf. Packages source, read and graft
// call it with files from strangers, so every run has a deadline, a ceiling for
// CPU time, memory and the size of files, and answers that are read with a limit.
//
// The programs stay in the process group of the caller: whoever ends the plug-in's
// group ends them too.
package poppler

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/twinleaf-scan/twinleaf/sdk"
)

// Tools says how far the programs may go. The zero value is ready to use.
type Tools struct {
	Time     time.Duration // of one run, wall and CPU; default 90 s
	MemoryMB int           // address space of one run; default 1024
	FileMB   int           // size of a file that a run writes; default 2048
}

func (t Tools) withDefaults() Tools {
	if t.Time <= 0 {
		t.Time = 90 * time.Second
	}
	if t.MemoryMB <= 0 {
		t.MemoryMB = 1024
	}
	if t.FileMB <= 0 {
		t.FileMB = 2048
	}
	return t
}

// maxStderr is how much of a program's complaints is kept.
const maxStderr = 4096

// limits is run by sh: it lowers the limits of its own process and becomes the program.
const limits = `ulimit -c 0; ulimit -t "$1"; ulimit -f "$2"; ulimit -v "$3" 2>/dev/null; shift 3; exec "$@"`

// What ends a run beside its status.
var (
	ErrTime    = errors.New("took too long")  // longer than Tools.Time
	ErrNothing = errors.New("wrote no image") // though it ended well
)

// ExitError is a program that ended with a status other than 0.
type ExitError struct {
	Program string
	Status  int    // -1: ended by a signal, e.g. at a limit
	Said    string // the last lines of its standard error, which no person need see
}

func (e *ExitError) Error() string {
	return fmt.Sprintf("%s ended with status %d", e.Program, e.Status)
}

// run runs a program with the given standard input and gives its standard output,
// at most max bytes of it.
func (t Tools) run(ctx context.Context, stdin string, max int, program string, args ...string) ([]byte, error) {
	t = t.withDefaults()
	path, err := exec.LookPath(program)
	if err != nil {
		return nil, &sdk.Error{Detail: "the program " + program + " is not installed", Temporary: true,
			Remedy: "install the packages poppler-utils and qpdf; twinleaf doctor looks for them"}
	}
	timed, cancel := context.WithTimeoutCause(ctx, t.Time, ErrTime)
	defer cancel()
	seconds := int(t.Time/time.Second) + 1
	wrapped := append([]string{"-c", limits, "sh", strconv.Itoa(seconds), strconv.Itoa(t.FileMB * 2048), strconv.Itoa(t.MemoryMB * 1024), path}, args...)
	cmd := exec.CommandContext(timed, "/bin/sh", wrapped...)
	cmd.WaitDelay = time.Second
	cmd.Stdin = strings.NewReader(stdin)
	out, said := &capped{max: max}, &capped{max: maxStderr}
	cmd.Stdout, cmd.Stderr = out, said
	err = cmd.Run()
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("run %s: %w", program, ctx.Err())
	case timed.Err() != nil:
		return nil, fmt.Errorf("run %s: %w (%v)", program, ErrTime, t.Time)
	}
	var status *exec.ExitError
	if errors.As(err, &status) {
		exit := &ExitError{Program: program, Status: status.ExitCode(), Said: tidy(said.b.String())}
		sdk.Log(ctx).Debug("a program complained about a PDF", "program", program, "status", exit.Status, "said", exit.Said)
		return out.b.Bytes(), exit
	}
	if err != nil {
		return nil, fmt.Errorf("run %s: %w", program, err)
	}
	return out.b.Bytes(), nil
}

// capped keeps the first max bytes and drops the rest.
type capped struct {
	b   bytes.Buffer
	max int
}

func (c *capped) Write(p []byte) (int, error) {
	c.b.Write(p[:min(len(p), c.max-c.b.Len())])
	return len(p), nil
}

// tidy makes one line of what a program said: its last three lines, printable only.
func tidy(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	lines = lines[max(0, len(lines)-3):]
	clean := strings.Map(func(r rune) rune {
		if r < 0x20 || r == 0x7F || r == '\uFFFD' {
			return ' '
		}
		return r
	}, strings.Join(lines, "; "))
	return strings.TrimSpace(clean)
}
