package procs

import (
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

func TestTreeHoldsThisProcess(t *testing.T) {
	for _, p := range Tree(syscall.Getppid()) {
		if p.PID != os.Getpid() {
			continue
		}
		if n, exact := Memory(p); n < 1<<20 || !exact {
			t.Errorf("this process is said to hold %d bytes, exact %v", n, exact)
		}
		return
	}
	t.Errorf("process %d is not among those of its parent", os.Getpid())
}

// A process is in its own memory: that is the one case of two in one memory which needs no
// child that stays half started.
func TestWhatRunsInItsParentsMemoryHoldsNothing(t *testing.T) {
	if n, exact := Memory(Process{PID: os.Getpid(), Parent: os.Getpid()}); n != 0 || !exact {
		t.Errorf("got %d bytes, exact %v, want what the parent holds to count for it alone", n, exact)
	}
	child := exec.Command("sleep", "60")
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = child.Wait() }()
	defer func() { _ = child.Process.Kill() }()
	if n, _ := Memory(Process{PID: child.Process.Pid, Parent: os.Getpid()}); n == 0 {
		t.Error("a child with memory of its own is said to hold nothing")
	}
}

func TestAChildThatHasEndedCountsForItsParent(t *testing.T) {
	before := CPU(Tree(os.Getpid()))
	child := exec.Command("sh", "-c", "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done")
	if err := child.Run(); err != nil {
		t.Fatal(err)
	}
	used := child.ProcessState.UserTime() + child.ProcessState.SystemTime()
	if got := CPU(Tree(os.Getpid())) - before; got < used-4*time.Second/ticksPerSecond || used < 2*time.Second/ticksPerSecond {
		t.Errorf("got %v for a child that used %v", got, used)
	}
}

func TestAProcessThatIsGoneHoldsNothing(t *testing.T) {
	const none = 1 << 30
	if n, exact := Memory(Process{PID: none}); n != 0 || !exact {
		t.Errorf("got %d bytes, exact %v", n, exact)
	}
	if all := Tree(none); len(all) != 0 {
		t.Errorf("got %v", all)
	}
	if n, exact := Sum(nil); n != 0 || !exact || CPU(nil) != 0 {
		t.Errorf("nobody holds %d bytes, exact %v", n, exact)
	}
}

func TestAStatLineIsReadWhateverTheProgramIsCalled(t *testing.T) {
	cases := []struct {
		line string
		want Process
		ok   bool
	}{
		{"7 (a) b (c) S 3 7 7 0 -1 4194560 1 2 3 4 150 50 25 75 20 0 1 0 9", Process{PID: 7, Parent: 3, Name: "a) b (c", CPU: 3 * time.Second}, true},
		{"7 (sh) S 3 7 7 0 -1 0 1 2 3 4 1 0 0 0", Process{PID: 7, Parent: 3, Name: "sh", CPU: 10 * time.Millisecond}, true},
		{"7 (sh) S 3 7 7 0 -1 0 1 2 3 4 1 0 0", Process{}, false},
		{"7 (sh) S 3 7 7 0 -1 0 1 2 3 4 x 0 0 0", Process{}, false},
		{"7 (sh", Process{}, false},
		{"", Process{}, false},
	}
	for _, c := range cases {
		if got, ok := parse([]byte(c.line)); got != c.want || ok != c.ok {
			t.Errorf("%q: got %+v, %v, want %+v, %v", c.line, got, ok, c.want, c.ok)
		}
	}
}
