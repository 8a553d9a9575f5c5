package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/twinleaf-scan/twinleaf/sdk"
)

// upTo does something at most as often as arg says. It is stopped when it fails before.
func upTo(c deedCall, what string, do func(n int) error) (string, error) {
	most, err := number(c.arg)
	if err != nil {
		return "", err
	}
	for n := range most {
		if err := do(n); err != nil {
			return "", fmt.Errorf("%s at %d", reason(err), n)
		}
	}
	return fmt.Sprintf("%d %s", most, what), nil
}

// bomb starts processes that stay.
func bomb(_ context.Context, c deedCall) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	return upTo(c, "processes", func(int) error { return exec.Command(self, sleepArg).Start() })
}

// threads starts threads that stay; the runtime ends the process when it gets no more.
func threads(_ context.Context, c deedCall) (string, error) {
	return upTo(c, "threads", func(int) error {
		started := make(chan struct{})
		go func() {
			runtime.LockOSThread()
			close(started)
			_ = syscall.Pause()
		}()
		<-started
		return nil
	})
}

func mapPrivate(_ context.Context, c deedCall) (string, error) {
	gb, err := number(c.arg)
	if err != nil {
		return "", err
	}
	b, err := unix.Mmap(-1, 0, gb<<30, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d GB of address space", gb), unix.Munmap(b)
}

// mapShared takes memory that would go on being counted to nobody, in pieces of 16 MB.
func mapShared(_ context.Context, c deedCall) (string, error) {
	return upTo(c, "times 16 MB", func(int) error {
		b, err := unix.Mmap(-1, 0, 16<<20, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_SHARED)
		if err != nil {
			return err
		}
		fillPages(b)
		return nil
	})
}

func fillPages(b []byte) {
	for i := 0; i < len(b); i += os.Getpagesize() {
		b[i] = 1
	}
}

// memFD takes memory that is a file which nothing maps.
func memFD(_ context.Context, c deedCall) (string, error) {
	fd, err := unix.MemfdCreate("evil", unix.MFD_CLOEXEC)
	if err != nil {
		return "", err
	}
	defer unix.Close(fd)
	piece := make([]byte, 1<<20)
	return upTo(c, "MB", func(int) error { _, err := unix.Write(fd, piece); return err })
}

// sharedSegment takes memory that stays when the process has ended.
func sharedSegment(context.Context, deedCall) (string, error) {
	id, err := unix.SysvShmGet(unix.IPC_PRIVATE, 1<<20, unix.IPC_CREAT|0o600)
	if err != nil {
		return "", err
	}
	_, err = unix.SysvShmCtl(id, unix.IPC_RMID, nil)
	return "a segment", err
}

// messageQueue makes a queue in the kernel that stays when the process has ended.
func messageQueue(context.Context, deedCall) (string, error) {
	id, _, errno := unix.Syscall(unix.SYS_MSGGET, unix.IPC_PRIVATE, unix.IPC_CREAT|0o600, 0)
	if errno != 0 {
		return "", errno
	}
	_, _, errno = unix.Syscall(unix.SYS_MSGCTL, id, unix.IPC_RMID, 0)
	if errno != 0 {
		return "", errno
	}
	return "a queue", nil
}

// openAll opens files until there is no descriptor left.
func openAll(_ context.Context, c deedCall) (string, error) {
	var all []*os.File
	defer func() {
		for _, f := range all {
			_ = f.Close()
		}
	}()
	return upTo(c, "open files", func(int) error {
		f, err := os.Open("/dev/null")
		all = append(all, f)
		return err
	})
}

// bigFile makes one file of as many MB as arg says.
func bigFile(ctx context.Context, c deedCall) (string, error) {
	f, err := os.Create(sdk.Out(ctx, "big"))
	if err != nil {
		return "", err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	piece := make([]byte, 1<<20)
	return upTo(c, "MB", func(int) error { _, err := f.Write(piece); return err })
}

// fill writes as many files of 1 MB as arg says, and stays.
func fill(ctx context.Context, c deedCall) (string, error) {
	dir := word(c.arg, 1)
	if dir == "" {
		dir = filepath.Dir(sdk.Out(ctx, "x"))
	}
	piece := bytes.Repeat([]byte("x"), 1<<20)
	got, err := upTo(c, "MB", func(n int) error {
		return os.WriteFile(filepath.Join(dir, "twinleaf-attack-"+strconv.Itoa(n)), piece, 0o600)
	})
	return stay(ctx, got, err)
}

// fillUnlinked writes as many MB as arg says into a file that has no name any more, and
// stays.
func fillUnlinked(ctx context.Context, c deedCall) (string, error) {
	piece := bytes.Repeat([]byte("x"), 1<<20)
	var held []*os.File
	got, err := upTo(c, "MB", func(int) error {
		f, err := os.Create(sdk.Out(ctx, "unlinked"))
		if err != nil {
			return err
		}
		held = append(held, f)
		_, err = f.Write(piece)
		return errors.Join(err, os.Remove(f.Name()))
	})
	got, err = stay(ctx, got, err)
	runtime.KeepAlive(held)
	return got, err
}

// manyFiles makes as many empty files as arg says, and stays.
func manyFiles(ctx context.Context, c deedCall) (string, error) {
	got, err := upTo(c, "files", func(n int) error { return os.WriteFile(sdk.Out(ctx, strconv.Itoa(n)), nil, 0o600) })
	return stay(ctx, got, err)
}

// stay keeps what was got until the call is over.
func stay(ctx context.Context, got string, err error) (string, error) {
	if err != nil {
		return "", err
	}
	<-ctx.Done()
	return got, nil
}
