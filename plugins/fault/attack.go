package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/twinleaf-scan/twinleaf/sdk"
)

// An attack tries to do what a plug-in must not. It gives what it got hold of, or the
// error that stopped it.
type attack func(context.Context, deedCall) (string, error)

// attacks are all that fault tries to get out. The test of the host says what must
// become of each; see attack_table_test.go there.
func attacks() map[string]attack {
	return map[string]attack{
		"read": read, "list": list, "create": create, "overwrite": overwrite, "truncate": truncate,
		"chmod": chmod, "rename": rename, "link": link, "touch": touch,
		"overwrite-input": onInput(overwrite), "truncate-input": onInput(truncate), "chmod-input": onInput(chmod),
		"rename-input": onInput(rename), "touch-input": onInput(touch), "link-input": linkInput,

		"socket": socket, "tcp": tcp, "mptcp": mptcp, "udp": udp, "listen": listenTCP, "unix": unixSocket,
		"x32": foreignNumbers, "uring": ioURing, "proxy": proxy, "get": get, "reach": reach,

		"ptrace": ptrace, "vmread": vmRead, "getfd": getFD, "signal": signal, "prlimit": prlimit, "nice": nice, "affinity": affinity,
		"exec": run, "drop": drop, "root": becomeRoot, "capabilities": capabilities, "environment": environment, "descriptors": descriptors,

		"unshare": unshare, "mount": mount, "chroot": chroot, "setns": setNS, "keyctl": keyctl, "bpf": loadBPF, "perf": perf,
		"userfaultfd": userFault, "tiocsti": pushInput, "calls": privilegedCalls,

		"bomb": bomb, "threads": threads, "map": mapPrivate, "shared": mapShared, "memfd": memFD, "shm": sharedSegment,
		"queue": messageQueue, "open": openAll, "big": bigFile, "fill": fill, "unlinked": fillUnlinked, "many": manyFiles,
		"daemon": daemon,
	}
}

// try makes the attack that the first word of arg names, and answers with a file that
// says what came of it.
func try(ctx context.Context, c deedCall) (*sdk.File, error) {
	verb, arg, _ := strings.Cut(c.arg, " ")
	attack, known := attacks()[verb]
	if !known {
		return nil, sdk.Refuse("unknown-attack", "", "there is no attack called %q", verb)
	}
	c.arg = arg
	report := "got "
	got, err := attack(ctx, c)
	if err != nil {
		report, got = "stopped ", reason(err)
	}
	f := named(sdk.Out(ctx, "report"))
	if err := os.Remove(f.Path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	return f, os.WriteFile(f.Path, []byte(report+got), 0o600)
}

// reason is the name of the error number behind err, or its words.
func reason(err error) string {
	if errno, ok := errors.AsType[unix.Errno](err); ok {
		return unix.ErrnoName(errno)
	}
	if e, ok := errors.AsType[*sdk.Error](err); ok {
		return e.Code
	}
	return err.Error()
}

// word gives the n-th word of an argument.
func word(arg string, n int) string {
	if words := strings.Fields(arg); n < len(words) {
		return words[n]
	}
	return ""
}

// number reads the first word of an argument.
func number(arg string) (int, error) {
	var n int
	if _, err := fmt.Sscan(arg, &n); err != nil {
		return 0, sdk.Refuse("unknown-attack", "", "%q is no number", arg)
	}
	return n, nil
}
