// Command twinleaf turns scans into searchable PDFs: once (ocr), or as a server
// (serve) with its clients. It is the only place where the parts meet.
//
// Results go to standard output, everything else to standard error. An error is
// one or two lines and a hint; the exit code says what kind it was.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/twinleaf-scan/twinleaf/console/api"
	"github.com/twinleaf-scan/twinleaf/console/client"
	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/plugins/host/sandbox"
)

func main() {
	sandbox.Main()
	os.Exit(run(streams{os.Stdin, os.Stdout, os.Stderr}, os.Args[1:]))
}

// streams are a program's three.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// run is main without the process around it.
func run(std streams, args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := newRoot(std, stop)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err != nil {
		explain(std.err, err)
	}
	return code(err)
}

// Exit codes of the contract.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitRefused     = 3
	exitPartly      = 4
	exitUnreachable = 5
)

// code is the exit code that an error means.
func code(err error) int {
	var (
		usage   *usageError
		partly  *partlyError
		failure *core.Failure
		problem *api.Problem
		worst   *worstError
	)
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &worst):
		return worst.code
	case errors.As(err, &usage):
		return exitUsage
	case errors.Is(err, client.ErrUnreachable):
		return exitUnreachable
	case errors.As(err, &partly):
		return exitPartly
	case errors.As(err, &failure) && failure.Refused():
		return exitRefused
	case errors.As(err, &problem) && problem.Failure().Refused():
		return exitRefused
	}
	return exitFailed
}

// usageError is a command line that cannot be right.
type usageError struct {
	text string
	hint string
}

func (e *usageError) Error() string {
	if e.hint == "" {
		return e.text
	}
	return e.text + "\nhint: " + e.hint
}

func usage(hint, format string, a ...any) error {
	return &usageError{fmt.Sprintf(format, a...), hint}
}

// partlyError is a document of which some pages are images only.
type partlyError struct{ text string }

func (e *partlyError) Error() string { return e.text }

// worstError stands for several errors that were told when they happened.
type worstError struct{ code int }

func (e *worstError) Error() string { return "" }

// worst keeps the graver of two exit codes: for several inputs the worst one wins.
// Failed is graver than refused, and refused than partly done.
func worse(a, b int) int {
	rank := map[int]int{exitOK: 0, exitPartly: 1, exitRefused: 2, exitFailed: 3, exitUnreachable: 4, exitUsage: 5}
	if rank[b] > rank[a] {
		return b
	}
	return a
}

// explain writes an error for people.
func explain(w io.Writer, err error) {
	if errors.Is(err, context.Canceled) {
		fmt.Fprintln(w, "twinleaf: stopped")
		return
	}
	if text := err.Error(); text != "" {
		for line := range strings.SplitSeq("twinleaf: "+withHint(err, text), "\n") {
			fmt.Fprintln(w, printable(strings.ReplaceAll(line, "\t", " ")))
		}
	}
}

// withHint adds the remedy of a failure that lies deep in the chain and whose
// outer words do not tell it.
func withHint(err error, text string) string {
	var f *core.Failure
	if errors.Is(err, client.ErrUnreachable) && !strings.Contains(text, "hint: ") {
		return text + "\nhint: is the server running? name its address with --server"
	}
	if errors.As(err, &f) && f.Remedy != "" && !strings.Contains(text, "hint: ") {
		return text + "\nhint: " + f.Remedy
	}
	return text
}
