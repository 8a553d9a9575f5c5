package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/twinleaf-scan/twinleaf/sdk"
)

// deedCall is what a deed knows.
type deedCall struct {
	arg      string // after the deed's name
	input    sdk.File
	settings Settings
}

// A deed may make an output file, fail, or never come back.
type deed func(context.Context, deedCall) (*sdk.File, error)

// deeds are all that fault can do.
func deeds() map[string]deed {
	return map[string]deed{
		"fine":       func(context.Context, deedCall) (*sdk.File, error) { return nil, nil },
		"crash":      func(context.Context, deedCall) (*sdk.File, error) { crash(); return nil, nil },
		"crash-once": crashOnce,
		"exit":       func(context.Context, deedCall) (*sdk.File, error) { os.Exit(0); return nil, nil },
		"segfault":   segfault,
		"panic":      func(context.Context, deedCall) (*sdk.File, error) { panic("as asked") },
		"hang":       func(context.Context, deedCall) (*sdk.File, error) { select {} },
		"stop":       stop,
		"spin":       spin,
		"wait":       func(ctx context.Context, _ deedCall) (*sdk.File, error) { <-ctx.Done(); return nil, ctx.Err() },
		"slow":       slow,
		"leak":       leak,
		"refuse":     refuse,
		"temporary":  temporary,
		"stdout":     stdoutFlood,
		"stderr":     stderrFlood,
		"orphan":     orphan,
		"env":        env,
		"echo":       echo,
		"good":       good,
		"sheet":      nothing, // a page that is wider than high is a separator sheet with that code
		"show":       nothing, // the page is shown as the filter gets it
		"missing":    func(ctx context.Context, _ deedCall) (*sdk.File, error) { return named(sdk.Out(ctx, "missing")), nil },
		"elsewhere":  func(context.Context, deedCall) (*sdk.File, error) { return named("/etc/hostname"), nil },
		"dots":       dots,
		"symlink":    symlink,
		"hardlink":   hardlink,
		"twonames":   twoNames,
		"fifo":       fifo,
		"folder":     folder,
		"writer":     writer,
		"badname":    badName,
		"dial":       dial,
		"write":      write,
		"keep":       keep,
		"attack":     try,
		"device":     device,
		"socket":     socketFile,
		"sparse":     sparse,
		"setuid":     setuid,
		"called":     called,
		"flood":      flood,
	}
}

func nothing(context.Context, deedCall) (*sdk.File, error) { return nil, nil }

func named(path string) *sdk.File { return &sdk.File{Path: path, Name: filepath.Base(path)} }

// crash ends the process with a stack trace, past all recovering.
func crash() {
	go func() { panic("crash as asked") }()
	select {}
}

// crashOnce crashes unless the file that arg names exists, and makes it.
func crashOnce(_ context.Context, c deedCall) (*sdk.File, error) {
	f, err := os.OpenFile(c.arg, os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, os.ErrExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	_ = f.Close()
	crash()
	return nil, nil
}

// segfault reads memory that may not be read.
func segfault(context.Context, deedCall) (*sdk.File, error) {
	forbidden, err := syscall.Mmap(-1, 0, os.Getpagesize(), syscall.PROT_NONE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return nil, err
	}
	return nil, fmt.Errorf("read %d, and nobody cared", forbidden[0])
}

// stop stops the process, so that it neither answers nor dies.
func stop(context.Context, deedCall) (*sdk.File, error) {
	_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP)
	select {}
}

func spin(context.Context, deedCall) (*sdk.File, error) {
	for n := 0; ; n++ {
		if n < 0 {
			return nil, nil
		}
	}
}

func slow(_ context.Context, c deedCall) (*sdk.File, error) {
	ms, err := strconv.Atoi(c.arg)
	time.Sleep(time.Duration(ms) * time.Millisecond)
	return nil, err
}

// leak takes 1 MB after the other until it is stopped.
func leak(_ context.Context, c deedCall) (*sdk.File, error) {
	var held [][]byte
	for range cmp.Or(c.settings.MemoryMB, 4096) {
		held = append(held, bytes.Repeat([]byte{1}, 1<<20))
	}
	return nil, fmt.Errorf("leaked %d MB and nobody cared", len(held))
}

// keep leaves behind a file that stays open and a goroutine that sits on a megabyte.
func keep(_ context.Context, c deedCall) (*sdk.File, error) {
	f, err := os.Open(c.input.Path)
	if err != nil {
		return nil, err
	}
	held := bytes.Repeat([]byte{1}, 1<<20)
	go func() {
		for range time.Tick(time.Hour) {
			_, _ = f.Write(held)
		}
	}()
	return nil, nil
}

func refuse(_ context.Context, c deedCall) (*sdk.File, error) {
	return nil, sdk.Refuse("damaged", "scan it again", "refused as asked: %s", c.arg)
}

func temporary(context.Context, deedCall) (*sdk.File, error) {
	return nil, sdk.Temporary(errors.New("not today"))
}

// stdoutFlood writes to the real standard output, as a C library would.
func stdoutFlood(context.Context, deedCall) (*sdk.File, error) {
	_, err := syscall.Write(1, bytes.Repeat([]byte("x"), 5<<20))
	return nil, err
}

func stderrFlood(context.Context, deedCall) (*sdk.File, error) {
	for range 200_000 {
		if _, err := syscall.Write(2, []byte("flood \x1b[31mred\x1b[0m\n")); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// sleepArg makes a process of this program sleep until it is killed.
const sleepArg = "sleep"

// orphan leaves a child that holds the pipes and outlives the process, and
// writes its number to the file that arg names, in its scratch folder if that is but a
// name; then it crashes.
func orphan(_ context.Context, c deedCall) (*sdk.File, error) {
	path, then, _ := strings.Cut(c.arg, " ")
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, sleepArg) // the one program that it may always run
	stdout, stderr := os.NewFile(1, "stdout"), os.NewFile(2, "stderr")
	cmd.Stdout, cmd.Stderr = stdout, stderr
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	_ = os.Remove(path) // another user may have written it before
	if err := os.WriteFile(path, []byte(strconv.Itoa(cmd.Process.Pid)), 0o600); err != nil {
		return nil, err
	}
	if then == "hang" {
		select {}
	}
	crash()
	return nil, nil
}

// env answers with the process's environment.
func env(ctx context.Context, _ deedCall) (*sdk.File, error) {
	f := named(sdk.Out(ctx, "env"))
	return f, os.WriteFile(f.Path, []byte(strings.Join(os.Environ(), "\n")), 0o600)
}

// echo answers with its input, unchanged.
func echo(_ context.Context, c deedCall) (*sdk.File, error) {
	return &sdk.File{Path: c.input.Path, Name: "echo.bin"}, nil
}

func good(ctx context.Context, _ deedCall) (*sdk.File, error) {
	f := named(sdk.Out(ctx, "good.bin"))
	return f, os.WriteFile(f.Path, []byte("good"), 0o600)
}

func dots(ctx context.Context, _ deedCall) (*sdk.File, error) {
	return &sdk.File{Path: sdk.Out(ctx, "x") + "/../../../secret", Name: "x"}, nil
}

func symlink(ctx context.Context, _ deedCall) (*sdk.File, error) {
	f := named(sdk.Out(ctx, "link"))
	return f, os.Symlink("/etc/passwd", f.Path)
}

func hardlink(ctx context.Context, c deedCall) (*sdk.File, error) {
	f := named(sdk.Out(ctx, "hard"))
	return f, os.Link(c.input.Path, f.Path)
}

// twoNames answers with a file that has another name beside it.
func twoNames(ctx context.Context, _ deedCall) (*sdk.File, error) {
	f := named(sdk.Out(ctx, "one"))
	if err := os.WriteFile(f.Path, []byte("x"), 0o600); err != nil {
		return nil, err
	}
	return f, os.Link(f.Path, sdk.Out(ctx, "other"))
}

func fifo(ctx context.Context, _ deedCall) (*sdk.File, error) {
	f := named(sdk.Out(ctx, "fifo"))
	return f, syscall.Mkfifo(f.Path, 0o600)
}

func folder(ctx context.Context, _ deedCall) (*sdk.File, error) {
	f := named(sdk.Out(ctx, "folder"))
	return f, os.Mkdir(f.Path, 0o700)
}

// writer answers with a file that it goes on writing to; it makes the file that
// arg names when it has.
func writer(ctx context.Context, c deedCall) (*sdk.File, error) {
	f := named(sdk.Out(ctx, "writer"))
	w, err := os.Create(f.Path)
	if err != nil {
		return nil, err
	}
	if _, err := w.WriteString("before"); err != nil {
		return nil, err
	}
	go func() {
		time.Sleep(200 * time.Millisecond)
		_, _ = w.WriteAt([]byte("after!"), 0)
		_ = os.WriteFile(c.arg, nil, 0o600)
	}()
	return f, nil
}

func badName(ctx context.Context, _ deedCall) (*sdk.File, error) {
	f := named(sdk.Out(ctx, "plain.bin"))
	f.Name = "../../evil"
	return f, os.WriteFile(f.Path, []byte("x"), 0o600)
}

// dial says "hello" to the host that arg names, and answers with what that says.
func dial(ctx context.Context, c deedCall) (*sdk.File, error) {
	conn, err := sdk.Dial(ctx, c.arg)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "hello\n"); err != nil {
		return nil, err
	}
	heard, err := bufio.NewReader(conn).ReadString('\n')
	if err != nil {
		return nil, err
	}
	f := named(sdk.Out(ctx, "heard"))
	return f, os.WriteFile(f.Path, []byte(heard), 0o600)
}

// write makes the file that arg names.
func write(_ context.Context, c deedCall) (*sdk.File, error) {
	return nil, os.WriteFile(c.arg, []byte("written"), 0o600)
}
