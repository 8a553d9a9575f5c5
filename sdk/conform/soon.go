package conform

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pluginv2 "github.com/twinleaf-scan/twinleaf/sdk/proto/v2"
)

// cancels asks a call to stop as soon as it runs. It must end, with whatever last word,
// and the process must be good for another call.
func (s *suite) cancels(ctx context.Context, k Case) (string, error) {
	return s.soon(ctx, k, func(ctx context.Context, p *process, job *pluginv2.Job) error {
		_, err := p.rpc.Cancel(ctx, &pluginv2.CancelRequest{Id: job.Id})
		if status.Code(err) == codes.Unimplemented {
			return fail("serve Cancel, or every cancelled call costs a process", "it has no Cancel")
		}
		if err != nil {
			return fail("", "Cancel: %v", err)
		}
		return nil
	}, "watch ctx in long work and return when it ends")
}

// keepsDeadline makes a call whose time is over at once.
func (s *suite) keepsDeadline(ctx context.Context, k Case) (string, error) {
	return s.soon(ctx, k, nil, "end the call when its deadline (Job.deadline_unix_nanos, ctx in Go) has passed")
}

// soon makes a call that has little time, and another one after it.
func (s *suite) soon(ctx context.Context, k Case, stop func(context.Context, *process, *pluginv2.Job) error, hint string) (string, error) {
	p, err := s.start(ctx)
	if err != nil {
		return "", err
	}
	defer p.end()
	k, err = s.inspected(p, k, func(first Case) ([]byte, error) {
		o, err := s.make(ctx, p, first)
		if err == nil && o.refusal != nil {
			err = fail("", "inspect refuses the document: %s", o.refusal.Detail)
		}
		return o.result, err
	})
	if err != nil {
		return "", err
	}
	job, err := s.prepare(p, k)
	if err != nil {
		return "", err
	}
	const little = 50 * time.Millisecond
	if stop == nil {
		job.DeadlineUnixNanos = time.Now().Add(little).UnixNano()
	}
	answers := make(chan answer, 1)
	begun := time.Now()
	go func() { answers <- p.call(ctx, job) }()
	if stop != nil {
		if err := stop(ctx, p, job); err != nil {
			return "", err
		}
	}
	select {
	case a := <-answers:
		if a.err != nil {
			return "", a.err
		}
	case <-time.After(patience + little):
		return "", fail(hint, "the call goes on for %s after that", patience)
	}
	took := time.Since(begun)
	if _, err := s.make(ctx, p, k); err != nil {
		return "", fmt.Errorf("the next call on the process: %w", err)
	}
	return took.Round(time.Millisecond).String(), nil
}

// leakTime bounds the leak check of a slow plug-in; it then has fewer calls.
const leakTime = 20 * time.Second

// Growth that a process may show between its first calls and its last.
const (
	warmUp        = 20       // calls before the first look
	growthKB      = 32 << 10 // resident memory
	growthFiles   = 3
	growthThreads = 16 // a runtime adds some under load
)

// leaks makes many calls on one process and compares what it holds.
func (s *suite) leaks(ctx context.Context, k Case) (string, error) {
	p, err := s.start(ctx)
	if err != nil {
		return "", err
	}
	defer p.end()
	var before usage
	measured, begun := false, time.Now()
	n := 0
	for ; n < s.Calls && (n < 2 || time.Since(begun) < leakTime); n++ {
		if !measured && (n >= min(warmUp, s.Calls/2) || time.Since(begun) > leakTime/2) {
			before, measured = use(p.cmd.Process.Pid)
		}
		if _, err := s.make(ctx, p, k); err != nil {
			return "", fmt.Errorf("call %d on one process: %w", n+1, err)
		}
	}
	after, ok := use(p.cmd.Process.Pid)
	if !ok || !measured {
		return "what it holds cannot be measured on this system", nil
	}
	held := fmt.Sprintf("%d MB, %d files, %d threads, %d children", after.memoryKB>>10, after.files, after.threads, after.children)
	if n < s.Calls {
		held = fmt.Sprintf("%d calls only in %s; %s", n, leakTime, held)
	}
	return held, before.grown(after)
}

func (u usage) grown(now usage) error {
	allowed := max(growthKB, u.memoryKB/4)
	switch {
	case now.memoryKB-u.memoryKB > allowed:
		return fail("a process is replaced after 200 calls, but memory must not grow with each", "memory grew from %d MB to %d MB", u.memoryKB>>10, now.memoryKB>>10)
	case now.files-u.files > growthFiles:
		return fail("close what a call opens", "open files grew from %d to %d", u.files, now.files)
	case now.threads-u.threads > growthThreads:
		return fail("end what a call begins", "threads grew from %d to %d", u.threads, now.threads)
	case now.children > u.children:
		return fail("wait for the programs that you start", "children grew from %d to %d", u.children, now.children)
	}
	return nil
}

// usage is what a process and its children hold. A count of -1 could not be read.
type usage struct{ memoryKB, files, threads, children int }
