package delivertest

import (
	"net"
	"os/exec"
	"testing"
	"time"
)

// Start runs a server until the test ends, and waits until it listens at host:port. What
// it says goes to the test's output, unless cmd says otherwise.
func Start(t testing.TB, address string, cmd *exec.Cmd) {
	t.Helper()
	if cmd.Stdout == nil && cmd.Stderr == nil {
		cmd.Stdout, cmd.Stderr = t.Output(), t.Output()
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
	})
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	late := time.After(20 * time.Second)
	for {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			_ = conn.Close()
			return
		}
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("%s ended: %v", cmd.Path, err)
		case <-late:
			t.Fatalf("%s does not listen: %v", cmd.Path, err)
		case <-tick.C:
		}
	}
}
