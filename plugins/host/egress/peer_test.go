package egress

import (
	"os"
	"testing"

	"github.com/twinleaf-scan/twinleaf/sdk"
)

func TestOthersProcessesGetNoAnswer(t *testing.T) {
	asked := make(chan int, 10)
	r := newRig(t, Config{Mine: func(pid int) bool { asked <- pid; return false }})
	server := echo(t)
	r.Allow(nil, []Address{server})
	if conn, err := sdk.Dial(t.Context(), server.String()); err == nil {
		conn.Close()
		t.Error("a process that is not the plug-in's is connected")
	}
	if pid := <-asked; pid != os.Getpid() || len(asked) > 0 {
		t.Errorf("asked about %d, want %d, and about no other", pid, os.Getpid())
	}
	if n := r.dialled.Load(); n != 0 {
		t.Errorf("%d connections were made", n)
	}
}
