package host

import (
	"os"
	"os/exec"
	"slices"
	"testing"
)

func TestMemoryIsThatOfAProcessWithItsChildren(t *testing.T) {
	child := exec.Command("sleep", "60")
	if err := child.Start(); err != nil {
		t.Skipf("no process to look at: %v", err)
	}
	t.Cleanup(func() {
		_ = child.Process.Kill()
		_ = child.Wait()
	})
	pid := child.Process.Pid
	eventually(t, "the child holds something", func() bool { return ownResidentKB(pid) > 0 })
	if children := childrenOf(os.Getpid()); !slices.Contains(children, pid) {
		t.Errorf("process %d is not among the children %v", pid, children)
	}
	if kb := ownResidentKB(1 << 30); kb != 0 {
		t.Errorf("a process that is not there holds %d KB", kb)
	}
}
