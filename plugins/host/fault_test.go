package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/twinleaf-scan/twinleaf/core"
)

// within runs f and fails if it takes longer than most.
func within(t testing.TB, most time.Duration, what string, f func()) {
	t.Helper()
	begin := time.Now()
	f()
	if took := time.Since(begin); took > most {
		t.Errorf("%s took %s, want at most %s", what, took, most)
	}
}

func cleanBy(ctx context.Context, t testing.TB, h *Host, s core.Source) error {
	t.Helper()
	_, err := h.Clean(ctx, core.CleanCall{Image: s, Dir: t.TempDir()})
	return err
}

func wantFine(t testing.TB, h *Host) {
	t.Helper()
	if _, _, err := clean(t, h, "fine"); err != nil {
		t.Errorf("the call after: %v", err)
	}
}

func TestOneCrashIsInvisible(t *testing.T) {
	folder := openFolder(t)
	h := open(t, Config{Workers: 2, open: []string{folder}}, "fault")
	marker := filepath.Join(folder, "crashed")
	const calls = 400
	errs := make(chan error, calls)
	var all sync.WaitGroup
	gate := make(chan struct{}, 4)
	for n := range calls {
		do := "fine"
		if n == calls/2 {
			do = "crash-once " + marker
		}
		s := source(t, do)
		all.Go(func() {
			gate <- struct{}{}
			defer func() { <-gate }()
			errs <- cleanBy(context.Background(), t, h, s)
		})
	}
	all.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			t.Errorf("visible error: %v", err)
		}
	}
	if _, err := os.Stat(marker); err != nil {
		t.Errorf("the crash did not happen: %v", err)
	}
	if got := h.List()[0]; got.Crashes != 1 || got.Calls != calls+1 {
		t.Errorf("crashes = %d, calls = %d, want 1 and %d", got.Crashes, got.Calls, calls+1)
	}
}

func TestAPoisonInputFailsAfterTwoProcessesAndSpoilsNothingElse(t *testing.T) {
	for _, do := range []string{"crash", "segfault", "exit"} {
		t.Run(do, func(t *testing.T) {
			h := open(t, Config{Workers: 1}, "fault")
			poison := source(t, do)
			for range 4 { // as often as it comes: one bad input is no reason for quarantine
				wantFailure(t, cleanBy(context.Background(), t, h, poison), core.CodePlugin, false, "crashed in clean")
			}
			if got := h.List()[0]; got.Crashes != 8 || got.Quarantined {
				t.Errorf("crashes = %d, quarantined = %v, want 8 and false", got.Crashes, got.Quarantined)
			}
			wantFine(t, h)
		})
	}
}

func TestACallThatDoesNotEndIsKilledAtItsDeadline(t *testing.T) {
	for _, do := range []string{"hang", "spin", "stop", "wait"} {
		t.Run(do, func(t *testing.T) {
			h := open(t, Config{Workers: 1}, "fault")
			s := source(t, do)
			within(t, 5*time.Second, do+" with a deadline of 300 ms", func() {
				ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
				defer cancel()
				wantFailure(t, cleanBy(ctx, t, h, s), core.CodeTimeout, false, "")
			})
			wantFine(t, h)
			if got := h.List()[0]; got.Crashes != 0 {
				t.Errorf("crashes = %d, want 0: a deadline is no crash and is not tried again", got.Crashes)
			}
		})
	}
}

func TestACancelledCallThatStopsKeepsItsProcess(t *testing.T) {
	h := open(t, Config{Workers: 1, Pool: nil}, "fault")
	eventually(t, "the pool is warm", func() bool { return h.List()[0].Idle == 2 })
	before := h.List()[0].Starts
	cancelAfter(t, h, "wait")
	eventually(t, "the process is back", func() bool { return h.List()[0].Idle == 2 })
	wantFine(t, h)
	if got := h.List()[0].Starts; got != before {
		t.Errorf("%d starts, want still %d", got, before)
	}
}

func TestACancelledCallThatDoesNotStopLosesItsProcess(t *testing.T) {
	h := open(t, Config{Workers: 1, Grace: 50 * time.Millisecond}, "fault")
	eventually(t, "the pool is warm", func() bool { return h.List()[0].Idle == 2 })
	before := h.List()[0].Starts
	cancelAfter(t, h, "hang")
	eventually(t, "the process is replaced", func() bool { s := h.List()[0]; return s.Starts > before && s.Idle == 2 })
	wantFine(t, h)
}

func cancelAfter(t *testing.T, h *Host, do string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(100*time.Millisecond, cancel)
	s := source(t, do)
	within(t, 2*time.Second, "a cancelled call", func() {
		if err := cleanBy(ctx, t, h, s); !errors.Is(err, context.Canceled) {
			t.Errorf("error = %v, want context.Canceled", err)
		}
	})
}

func TestFloodsAreHarmless(t *testing.T) {
	h := open(t, Config{Workers: 1}, "fault")
	for _, do := range []string{"stdout", "stderr"} {
		s := source(t, do)
		within(t, 10*time.Second, do, func() {
			if err := cleanBy(context.Background(), t, h, s); err != nil {
				t.Errorf("%s: %v", do, err)
			}
		})
	}
	wantFine(t, h)
}

func TestAnAnswerOf200MBDoesNotFillTheHost(t *testing.T) {
	h := open(t, Config{Workers: 1}, "lie-giant")
	before := peakKB(t)
	_, _, err := clean(t, h, "fine")
	wantFailure(t, err, core.CodePlugin, false, "larger than 16 MB")
	if grew := peakKB(t) - before; grew > 30<<10 {
		t.Errorf("the host's peak memory grew by %d MB", grew>>10)
	} else {
		t.Logf("the host's peak memory grew by %d KB", grew)
	}
}

func peakKB(t *testing.T) int {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	kb, err := strconv.Atoi(strings.Fields(rest)[0])
	if err != nil {
		t.Fatal(err)
	}
	return kb
}

func TestMemoryIsLimited(t *testing.T) {
	h := open(t, Config{Workers: 1, MemoryMB: 200}, "fault")
	s := source(t, "leak")
	within(t, 20*time.Second, "two leaks of 200 MB", func() {
		wantFailure(t, cleanBy(context.Background(), t, h, s), core.CodeOverLimit, true, "over-limit memory")
	})
	wantFine(t, h)
}

// A document of which every page crashes the engine must not take it from all others.
func TestTheManyPagesOfOneJobDoNotLeadToQuarantine(t *testing.T) {
	h := open(t, Config{Workers: 1, Strikes: 3}, "fault")
	for n := range 5 {
		s := source(t, fmt.Sprintf("crash page %d", n))
		_, err := h.Clean(t.Context(), core.CleanCall{Job: "job-1", Image: s, Dir: t.TempDir()})
		wantFailure(t, err, core.CodePlugin, false, "crashed")
	}
	if got := h.List()[0]; got.Crashes != 10 || got.Quarantined {
		t.Errorf("crashes = %d, quarantined = %v, want 10 and false", got.Crashes, got.Quarantined)
	}
	wantFine(t, h)
}

func TestCrashesOnManyInputsLeadToQuarantine(t *testing.T) {
	h := open(t, Config{Workers: 1, Strikes: 3, Quarantine: 2 * time.Second}, "fault")
	for n := range 3 {
		wantFailure(t, cleanBy(context.Background(), t, h, source(t, fmt.Sprintf("crash %d", n))), core.CodePlugin, false, "")
	}
	s := source(t, "fine")
	within(t, time.Second, "a call in quarantine", func() {
		wantFailure(t, cleanBy(context.Background(), t, h, s), core.CodePlugin, false, "in quarantine")
	})
	if !h.List()[0].Quarantined {
		t.Error("List does not show the quarantine")
	}
	eventually(t, "it is tried again and good", func() bool { return cleanBy(context.Background(), t, h, s) == nil })
	if h.List()[0].Quarantined {
		t.Error("List shows a quarantine that is over")
	}
}

func TestNoChildOutlivesItsPlugin(t *testing.T) {
	folder := openFolder(t)
	h := open(t, Config{Workers: 1, open: []string{folder}}, "fault")
	pidFile := filepath.Join(folder, "pid")
	s := source(t, "orphan "+pidFile)
	before := h.plugins[0].pool.idle[0].slot.dir
	within(t, 10*time.Second, "a crash with a child that holds the pipes", func() {
		wantFailure(t, cleanBy(context.Background(), t, h, s), core.CodePlugin, false, "crashed")
	})
	wantFine(t, h)
	if _, err := os.Stat(pidFile); err != nil {
		t.Fatalf("there was no child: %v", err)
	}
	eventually(t, "the child is gone", func() bool { return len(processesIn(t, before)) == 0 })
}

// alive reports whether a process runs; a zombie does not.
func alive(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, after, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(after, "Z") && unix.Kill(pid, 0) == nil
}

func TestWornProcessesAreReplacedBeforeAnyoneWaits(t *testing.T) {
	h := open(t, Config{Workers: 1, Recycle: 10}, "fault")
	eventually(t, "several processes were used", func() bool {
		wantFine(t, h)
		s := h.List()[0]
		if s.Crashes != 0 || s.Idle+s.Busy > s.Size {
			t.Fatalf("after %d calls: %+v", s.Calls, s)
		}
		return s.Starts >= 6 && s.Restarts >= 4
	})
}

func TestLyingHandshakesAreRefused(t *testing.T) {
	checkLies(t, Config{Workers: 1, StartTimeout: 30 * time.Second}, map[string]string{
		"garbage": "no handshake: \"warning: libfoo is old", "endless": "no handshake", "closed": "no handshake", "exits": "exit status 7",
		"tcp": "not on a unix socket", "foreign": "outside the folder", "dots": "outside the folder", "netrpc": "not grpc",
		"generation": "generation", "core": "core protocol", "link": "not a socket", "file": "not a socket", "nothing": "no such file",
		"http": "HTTP/1.1", "manifest": "manifest", "name": "plug-in name",
	})
}

func TestPluginsThatNeverGetReadyAreGivenUp(t *testing.T) {
	within(t, 10*time.Second, "opening them", func() {
		checkLies(t, Config{Workers: 1, StartTimeout: 500 * time.Millisecond}, map[string]string{
			"silent": "not ready after 500ms", "deaf": "not ready after", "cert": "not ready after",
		})
	})
}

// checkLies opens a host on liars and looks for the words of each one's problem.
func checkLies(t *testing.T, c Config, lies map[string]string) {
	t.Helper()
	var names []string
	for lie := range lies {
		names = append(names, "lie-"+lie)
	}
	for _, s := range open(t, c, names...).List() {
		words := lies[strings.TrimPrefix(s.Name, "lie-")]
		if s.Problem == "" || !strings.Contains(s.Problem, words) {
			t.Errorf("%s: problem = %q, want … %s …", s.Name, s.Problem, words)
		}
	}
}
