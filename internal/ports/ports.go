// Package ports is for tests that have to know an address before somebody listens there:
// a server that is another program, or one that is started anew.
package ports

import (
	"fmt"
	"net"
	"syscall"
	"testing"
)

// Keep gives an address of this machine that is the test's until it ends. Nobody listens
// there: who connects is refused until the test, or a program that it starts, does listen.
//
// A port that was only found free goes to the next one who asks for any, which is each
// connection of each test that runs beside this one. One that a socket is bound to, and
// that does not listen, the system gives to nobody but who names it.
func Keep(t testing.TB) (address string) {
	t.Helper()
	s, port, err := bind()
	if err != nil {
		t.Fatalf("keep a port: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Close(s) })
	return fmt.Sprintf("127.0.0.1:%d", port)
}

// bind binds a socket to a free port, beside which others may listen to it.
func bind() (socket, port int, err error) {
	syscall.ForkLock.RLock()
	s, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(s)
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return -1, 0, err
	}
	defer func() {
		if err != nil {
			_ = syscall.Close(s)
		}
	}()
	if err = syscall.SetsockoptInt(s, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
		return -1, 0, err
	}
	if err = syscall.Bind(s, &syscall.SockaddrInet4{Addr: [4]byte(net.IPv4(127, 0, 0, 1).To4())}); err != nil {
		return -1, 0, err
	}
	at, err := syscall.Getsockname(s)
	if err != nil {
		return -1, 0, err
	}
	return s, at.(*syscall.SockaddrInet4).Port, nil
}
