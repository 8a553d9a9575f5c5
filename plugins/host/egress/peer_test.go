package egress

import (
	"os"
	"testing"

	"github.com/twinleaf-scan/twinleaf/sdk"
)

func TestOthersProcessesGetNoAnswer(t *testing.T) {
	var seen []int
	r := newRig(t, Config{Mine: func(pid int) bool { seen = append(seen, pid); return false }})
	server := echo(t)
	r.Allow(nil, []Address{server})
	if conn, err := sdk.Dial(t.Context(), server.String()); err == nil {
		conn.Close()
		t.Error("a process that is not the plug-in's is connected")
	}
	if len(seen) != 1 || seen[0] != os.Getpid() {
		t.Errorf("asked about %v, want %d", seen, os.Getpid())
	}
	if n := r.dialled.Load(); n != 0 {
		t.Errorf("%d connections were made", n)
	}
}
