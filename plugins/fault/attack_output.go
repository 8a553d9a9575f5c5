package main

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/twinleaf-scan/twinleaf/sdk"
)

// device answers with a device, or with a plain file where it may not make one.
func device(ctx context.Context, _ deedCall) (*sdk.File, error) {
	f := named(sdk.Out(ctx, "device"))
	const zero = 1<<8 | 5
	return f, syscall.Mknod(f.Path, syscall.S_IFCHR|0o666, zero)
}

// socketFile answers with a socket.
func socketFile(ctx context.Context, _ deedCall) (*sdk.File, error) {
	// The path of the folder may be longer than a socket's may be.
	if err := os.Chdir(filepath.Dir(sdk.Out(ctx, "x"))); err != nil {
		return nil, err
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: "socket", Net: "unix"})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false)
	return named(sdk.Out(ctx, "socket")), l.Close()
}

// sparse answers with a file that is big by its size and has nothing in it.
func sparse(ctx context.Context, c deedCall) (*sdk.File, error) {
	mb, err := number(c.arg)
	if err != nil {
		return nil, err
	}
	f := named(sdk.Out(ctx, "sparse"))
	if err := os.WriteFile(f.Path, []byte("x"), 0o600); err != nil {
		return nil, err
	}
	return f, os.Truncate(f.Path, int64(mb)<<20)
}

// setuid answers with a program that would run as its owner.
func setuid(ctx context.Context, _ deedCall) (*sdk.File, error) {
	f := named(sdk.Out(ctx, "setuid"))
	if err := os.WriteFile(f.Path, []byte("#!/bin/sh\n"), 0o755); err != nil {
		return nil, err
	}
	return f, os.Chmod(f.Path, 0o755|os.ModeSetuid|os.ModeSetgid)
}

// called answers with a file under a name that says more than a name: with a line
// break, with 300 letters or with words that move a terminal's cursor.
func called(ctx context.Context, c deedCall) (*sdk.File, error) {
	f := named(sdk.Out(ctx, "plain.bin"))
	f.Name = map[string]string{
		"break": "a\nb", "long": strings.Repeat("n", 300), "escape": "\x1b[2Jx", "dots": "..", "zero": "a\x00b", "absolute": "/etc/passwd",
	}[c.arg]
	return f, os.WriteFile(f.Path, []byte("x"), 0o600)
}

// flood makes as many files as arg says and answers with another.
func flood(ctx context.Context, c deedCall) (*sdk.File, error) {
	if _, err := upTo(c, "files", func(int) error {
		f, err := os.CreateTemp(filepath.Dir(sdk.Out(ctx, "x")), "flood-")
		if err != nil {
			return err
		}
		return f.Close()
	}); err != nil {
		return nil, err
	}
	return good(ctx, c)
}
