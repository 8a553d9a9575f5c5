package ports

import (
	"errors"
	"net"
	"syscall"
	"testing"
)

func TestAKeptAddressIsFreeForWhoNamesIt(t *testing.T) {
	at := Keep(t)
	for range 3 { // a server that is started anew
		if _, err := net.Dial("tcp", at); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Fatalf("nobody listens: %v", err)
		}
		l, err := net.Listen("tcp", at)
		if err != nil {
			t.Fatal(err)
		}
		conn, err := net.Dial("tcp", at)
		if err != nil {
			t.Fatal(err)
		}
		there, err := l.Accept()
		if err := errors.Join(err, there.Close(), conn.Close(), l.Close()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAKeptAddressIsGivenToNobodyElse(t *testing.T) {
	at, err := net.ResolveTCPAddr("tcp", Keep(t))
	if err != nil {
		t.Fatal(err)
	}
	far, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	// As the system gives a port to who connects: to one socket, which shares it with none.
	if conn, err := (&net.Dialer{LocalAddr: at}).Dial("tcp", far.Addr().String()); !errors.Is(err, syscall.EADDRINUSE) {
		if err == nil {
			conn.Close()
		}
		t.Errorf("the port went to a connection: %v", err)
	}
}
