package delivertest

import (
	"io"
	"net"
	"testing"
)

// Cut stands before a server: it is the address of a way there that breaks, in both
// directions and for good, when after bytes have gone to the server.
func Cut(t testing.TB, server string, after int64) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		left := after
		for left > 0 {
			client, err := l.Accept()
			if err != nil {
				return
			}
			left -= pass(client, server, left)
		}
		_ = l.Close()
	}()
	return l.Addr().String()
}

// pass hands on one connection, at most most bytes of it, and says how many went.
func pass(client net.Conn, server string, most int64) int64 {
	defer client.Close()
	there, err := net.Dial("tcp", server)
	if err != nil {
		return 0
	}
	back := make(chan struct{})
	go func() {
		defer close(back)
		_, _ = io.Copy(client, there)
		_ = client.Close() // the server has ended it
	}()
	n, _ := io.CopyN(there, client, most)
	_ = there.Close()
	_ = client.Close()
	<-back
	return n
}

// Survives delivers over ways that break, each a bit later than the last, and then over
// one that does not: the document has come once and whole. place gives a fresh place
// twice, reached over a way that breaks after so many bytes, and over one that does not.
func Survives(t *testing.T, step int64, place func(t *testing.T, after int64) (broken, whole Place)) {
	for after := step; ; after += step {
		broken, whole := place(t, after)
		r := Request(t, "k", "scan")
		_, cut := broken.Deliver(r, func(string) {})
		whole.send(t, r)
		whole.want(t, map[string]string{"scan.pdf": "the pdf of k", "scan.txt": "the text of k"})
		if t.Failed() {
			t.Fatalf("the way broke after %d bytes: %v", after, cut)
		}
		if cut == nil {
			if after == step {
				t.Error("the way never broke")
			}
			return
		}
	}
}
