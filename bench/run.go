package bench

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/twinleaf-scan/twinleaf/internal/procs"
)

// Limits bound one run of a program and all processes that it starts.
type Limits struct {
	Time   time.Duration // 0: none
	Memory int64         // bytes of all its processes together; 0: none
}

// Outcome is what became of a run.
type Outcome struct {
	Exit   int    // exit code; -1 if it was killed
	Killed string // why it was killed: time, memory; empty: it ended by itself
	Stderr string
	Wall   time.Duration
	CPU    time.Duration // of the program and of children that it waited for
	Peak   int64         // bytes, sampled every 50 ms, or as seldom as [lookShare] says
}

// FirstLine is the first line of standard error.
func (o Outcome) FirstLine() string {
	line, _, _ := strings.Cut(strings.TrimSpace(o.Stderr), "\n")
	return line
}

// maxStderr bounds what is kept of standard error, in bytes.
const maxStderr = 64 << 10

const sampleEvery = 50 * time.Millisecond

// lookShare is the part of the time that looking takes at most. To add up the memory of
// ten processes takes some milliseconds of a core, which the program that is measured
// lacks.
const lookShare = 50

// Run starts a program and watches it until it ends or passes a limit, when all
// its processes are killed. The error says that it could not be started.
func Run(ctx context.Context, l Limits, program string, args ...string) (Outcome, error) {
	if l.Time > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, l.Time)
		defer cancel()
	}
	cmd := exec.Command(program, args...)
	stderr := &head{limit: maxStderr}
	cmd.Stderr = stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.WaitDelay = time.Second
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return Outcome{}, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	out := watch(ctx, l, cmd.Process.Pid, ended)
	out.Wall = time.Since(start)
	out.Stderr = stderr.String()
	out.Exit = cmd.ProcessState.ExitCode()
	out.CPU = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return out, nil
}

// watch samples memory until the program has ended.
func watch(ctx context.Context, l Limits, pid int, ended <-chan error) Outcome {
	var out Outcome
	tick := time.NewTicker(sampleEvery)
	defer tick.Stop()
	stop := ctx.Done()
	for {
		select {
		case <-ended:
			return out
		case <-stop:
			out.Killed, stop = "time", nil
			if errors.Is(ctx.Err(), context.Canceled) {
				out.Killed = "interrupt"
			}
			kill(procs.Tree(pid))
		case <-tick.C:
			began := time.Now()
			all := procs.Tree(pid)
			held, _ := procs.Sum(all)
			out.Peak = max(out.Peak, held)
			if l.Memory > 0 && out.Peak > l.Memory && out.Killed == "" {
				out.Killed = "memory"
				kill(all)
			}
			tick.Reset(max(sampleEvery, lookShare*time.Since(began)))
		}
	}
}

// kill ends processes, children last, so that none of them starts another.
func kill(all []procs.Process) {
	for _, process := range all {
		if p, err := os.FindProcess(process.PID); err == nil {
			_ = p.Kill() // it may have ended meanwhile
		}
	}
}

// head keeps the first bytes that are written to it.
type head struct {
	bytes.Buffer
	limit int
}

func (h *head) Write(p []byte) (int, error) {
	h.Buffer.Write(p[:max(0, min(len(p), h.limit-h.Len()))])
	return len(p), nil
}
