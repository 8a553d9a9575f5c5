package host

import (
	"context"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/twinleaf-scan/twinleaf/core"
)

// pidsOf gives the processes of the first plug-in in a state.
func pidsOf(h *Host, s State) []int {
	var pids []int
	for _, p := range h.List()[0].Processes {
		if p.State == s {
			pids = append(pids, p.PID)
		}
	}
	return pids
}

// freeze stops a process: it neither answers nor dies.
func freeze(t *testing.T, pid int) {
	t.Helper()
	must(t, unix.Kill(pid, unix.SIGSTOP))
}

// brisk notices soon that a process does not answer, and not before one that is well has
// had its turn on a machine that is busy with other tests.
func brisk() Config { return Config{Workers: 1, Heartbeat: 500 * time.Millisecond, Misses: 3} }

func TestACallOnAProcessThatStopsAnsweringFailsForNow(t *testing.T) {
	h := open(t, brisk(), "fault")
	result := make(chan error, 1)
	s := source(t, "hang")
	go func() { result <- cleanBy(context.Background(), t, h, s) }()
	eventually(t, "the call runs", func() bool { return len(pidsOf(h, Busy)) == 1 })
	pid := pidsOf(h, Busy)[0]
	freeze(t, pid)
	within(t, 20*time.Second, "noticing it", func() {
		wantFailure(t, <-result, core.CodePlugin, false, "engine none 0 of plug-in fault has not answered for")
	})
	got := h.List()[0]
	if got.Hung != 1 || got.Crashes != 0 || !strings.Contains(got.LastProblem, "has not answered") || time.Since(got.LastProblemAt) > time.Minute {
		t.Errorf("status = %+v", got)
	}
	wantFine(t, h)
	eventually(t, "the process is gone", func() bool { return !alive(pid) })
}

// GS35: it is noticed by its heartbeat, replaced and named.
func TestAnIdleProcessThatStopsAnsweringIsReplaced(t *testing.T) {
	h := open(t, brisk(), "fault")
	eventually(t, "the pool is warm", func() bool { return len(pidsOf(h, Idle)) == 2 })
	pid := pidsOf(h, Idle)[0]
	freeze(t, pid)
	eventually(t, "another is in its place", func() bool {
		s := h.List()[0]
		return s.Hung >= 1 && s.Idle == 2 && s.Restarts >= 1 && !alive(pid)
	})
	wantFine(t, h)
}

func TestProcessesAtWorkAreLeftAlone(t *testing.T) {
	h := open(t, brisk(), "fault")
	for do, limit := range map[string]time.Duration{"slow 5000": time.Minute, "spin": 5 * time.Second} { // three times as long as one may be silent
		s := source(t, do)
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		err := cleanBy(ctx, t, h, s)
		cancel()
		if do == "spin" {
			wantFailure(t, err, core.CodeTimeout, false, "did not finish in time")
		} else {
			must(t, err)
		}
	}
}

func TestHangsOnManyInputsLeadToQuarantine(t *testing.T) {
	c := brisk()
	c.Strikes = 2
	h := open(t, c, "fault")
	for n := range 2 {
		result := make(chan error, 1)
		s := source(t, "hang"+strings.Repeat(" ", n))
		go func() { result <- cleanBy(context.Background(), t, h, s) }()
		eventually(t, "the call runs", func() bool { return len(pidsOf(h, Busy)) == 1 })
		freeze(t, pidsOf(h, Busy)[0])
		wantFailure(t, <-result, core.CodePlugin, false, "has not answered")
	}
	if got := h.List()[0]; !got.Quarantined || !strings.Contains(got.Cause, "has not answered") {
		t.Errorf("status = %+v, want quarantine and why", got)
	}
}

// patientOf runs a shell command as a process of a pool, busy or idle.
func patientOf(t *testing.T, busy bool, command string) (*Host, patient) {
	t.Helper()
	config, err := Config{Dir: "/"}.withDefaults()
	must(t, err)
	h := &Host{config: config, log: config.Logger, life: context.Background()}
	cmd := exec.Command("sh", "-c", command)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	must(t, cmd.Start())
	p := newPool(h, newPlugin("/plugins/x"), 2)
	p.closed = true // nothing is replaced here
	w := &worker{process: &process{}}
	w.pid.Store(int64(cmd.Process.Pid))
	t.Cleanup(func() { w.kill(); _ = cmd.Wait() })
	if busy {
		p.busy[w] = struct{}{}
	} else {
		p.idle = append(p.idle, w)
	}
	return h, patient{p, w}
}

func TestSilenceWithWorkIsNoHang(t *testing.T) {
	for _, test := range []struct {
		name    string
		busy    bool
		command string
		ends    bool
	}{
		{"busy and computing", true, "while :; do :; done", false},
		{"busy and asleep", true, "sleep 60", true},
		{"idle and computing", false, "while :; do :; done", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			h, w := patientOf(t, test.busy, test.command)
			begin := cpuOf(int(w.pid.Load()))
			for range h.config.Misses {
				h.missed(w, time.Now())
				if strings.HasPrefix(test.command, "while") {
					have := cpuOf(int(w.pid.Load()))
					eventually(t, "it computes", func() bool { return cpuOf(int(w.pid.Load())) >= have+2*aliveCPU || w.gone() })
				}
			}
			if w.gone() != test.ends {
				t.Errorf("ended = %v, want %v; it used %s", w.gone(), test.ends, cpuOf(int(w.pid.Load()))-begin)
			}
		})
	}
}

// health1 is a health service that says what it is told to.
type health1 struct {
	healthv1.HealthClient
	err error
}

func (f health1) Check(context.Context, *healthv1.HealthCheckRequest, ...grpc.CallOption) (*healthv1.HealthCheckResponse, error) {
	return nil, f.err
}

func TestOnlySilenceCounts(t *testing.T) {
	for code, want := range map[codes.Code]struct {
		missed int
		asked  bool
	}{
		codes.OK: {0, true}, codes.NotFound: {0, true}, codes.Internal: {0, true},
		codes.DeadlineExceeded: {2, true}, codes.Unavailable: {2, true}, codes.Unimplemented: {1, false},
	} {
		h, w := patientOf(t, true, "sleep 60")
		w.pulse = pulse{client: health1{err: status.Error(code, "as asked")}, missed: 1}
		h.examine(w)
		if w.pulse.missed != want.missed || (w.pulse.client != nil) != want.asked {
			t.Errorf("%s: missed %d, asked again %v, want %+v", code, w.pulse.missed, w.pulse.client != nil, want)
		}
	}
}
