package sandbox

import (
	"os/exec"
	"testing"

	"golang.org/x/sys/unix"
)

func TestWhoIsNicerStaysSo(t *testing.T) {
	for _, c := range []struct{ has, asked, want int }{{0, 10, 10}, {15, 10, 15}, {10, 10, 10}} {
		sleeper := exec.Command("sleep", "60")
		if err := sleeper.Start(); err != nil {
			t.Fatal(err)
		}
		pid := sleeper.Process.Pid
		t.Cleanup(func() { _ = sleeper.Process.Kill(); _ = sleeper.Wait() })
		if err := unix.Setpriority(unix.PRIO_PROCESS, pid, c.has); err != nil {
			t.Skipf("priorities cannot be set here: %v", err)
		}
		if err := GiveWay(unix.PRIO_PROCESS, pid, c.asked); err != nil {
			t.Errorf("nice %d, asked for %d: %v", c.has, c.asked, err)
		}
		if got, err := unix.Getpriority(unix.PRIO_PROCESS, pid); err != nil || 20-got != c.want {
			t.Errorf("nice %d, asked for %d: now %d (%v), want %d", c.has, c.asked, 20-got, err, c.want)
		}
	}
}
