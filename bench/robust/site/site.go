// Package site runs real Twinleaf servers as an operator would: it makes their folders,
// configurations and licences, starts `twinleaf serve`, forms a pair with the commands
// for that, and ends, kills or freezes the processes. Nothing of the server's code is
// in it; the fault run and the demonstration of the pair meet the program from outside.
package site

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Programs are the files that a site is run with.
type Programs struct {
	Twinleaf string // the program
	Faults   string // the same, built with the tag faults; empty: there is none
	Plugins  string // plug-in folder
}

// Run runs the program as a command and gives its standard output. The error holds what
// it said on standard error.
func (p Programs) Run(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, p.Twinleaf, args...)
	cmd.Env = append(os.Environ(), "NO_COLOR=1")
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("twinleaf %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(said.String()))
	}
	return out.String(), nil
}

// Folder makes a plug-in folder with the named ones of the installed plug-ins.
func Folder(dir, installed string, names []string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, name := range names {
		path, err := filepath.Abs(filepath.Join(installed, name))
		if err != nil {
			return err
		}
		if _, err := os.Stat(path); err != nil {
			return err
		}
		if err := os.Symlink(path, filepath.Join(dir, filepath.Base(path))); err != nil && !errors.Is(err, os.ErrExist) {
			return err
		}
	}
	return nil
}

// FreeAddress is an address of this machine on which nobody listens now.
func FreeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// Final is an error after which nothing gets better by waiting.
type Final struct{ Err error }

func (f *Final) Error() string { return f.Err.Error() }
func (f *Final) Unwrap() error { return f.Err }

// Eventually asks until there is no error or a [Final] one, or until the patience is over.
func Eventually(ctx context.Context, patience time.Duration, what string, ask func(context.Context) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("not within %v", patience))
	defer cancel()
	for {
		err := ask(ctx)
		if err == nil {
			return nil
		}
		if errors.As(err, new(*Final)) {
			return fmt.Errorf("%s: %w", what, err)
		}
		if Pause(ctx, 25*time.Millisecond) != nil {
			return fmt.Errorf("%s: %w: %w", what, context.Cause(ctx), err)
		}
	}
}

// Pause returns after d, or with an error when ctx ends before.
func Pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
