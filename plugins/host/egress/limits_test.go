package egress

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twinleaf-scan/twinleaf/sdk"
)

// say sends raw bytes to the proxy and gives all that it answers.
func say(t *testing.T, r *rig, words string) string {
	t.Helper()
	conn, err := net.Dial("unix", r.path)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, words) // the proxy may have hung up
	answer, _ := io.ReadAll(conn)
	return string(answer)
}

func TestNonsenseIsRefused(t *testing.T) {
	r := newRig(t, Config{HeaderTimeout: 2 * time.Second})
	for words, want := range map[string]string{
		"GET http://api.example.com/ HTTP/1.1\r\nHost: api.example.com\r\n\r\n":      "400 Bad Request",
		"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\nContent-Length: 3\r\n\r\nabc":          "400 Bad Request",
		"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\nTransfer-Encoding: chunked\r\n\r\n0":   "400 Bad Request",
		"CONNECT a:1 HTTP/1.1\r\nX: " + strings.Repeat("x", 9000) + "\r\n\r\n":       "longer than 8192 bytes",
		"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + strings.Repeat("\x00", 100): "",
		"CONNECT 127.1:1 HTTP/1.1\r\nHost: api.example.com:443\r\n\r\n":              "403 Forbidden",
		"CONNECT /etc/passwd HTTP/1.1\r\nHost: a:1\r\n\r\n":                          "40",
		"CONNECT a:1": "",
	} {
		if got := say(t, r, words); !strings.Contains(got, want) {
			t.Errorf("%.40q: answer %.200q, want … %s …", words, got, want)
		}
	}
}

func TestConnectionsAreBounded(t *testing.T) {
	r := newRig(t, Config{Connections: 3, HeaderTimeout: 2 * time.Second})
	server := echo(t)
	r.Allow(nil, []Address{server})
	var open []net.Conn
	for range 3 {
		conn, err := sdk.Dial(context.Background(), server.String())
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, conn)
	}
	if _, err := sdk.Dial(context.Background(), server.String()); err == nil || !strings.Contains(err.Error(), "more than 3 connections") {
		t.Errorf("a fourth: %v", err)
	}
	for range 20 { // a flood costs the proxy twice the bound at most
		conn, err := net.Dial("unix", r.path)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
	}
	eventually(t, "the flood is cut", func() bool { r.mu.Lock(); defer r.mu.Unlock(); return r.open <= 6 })
	open[0].Close()
	eventually(t, "there is room again", func() bool {
		conn, err := sdk.Dial(context.Background(), server.String())
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	for _, conn := range open {
		conn.Close()
	}
}

// through opens a tunnel of a proxy without a socket, in a bubble of its own time.
func through(t *testing.T, p *Proxy, g *grant, address string) net.Conn {
	t.Helper()
	conn, there := net.Pipe()
	t.Cleanup(func() { _ = conn.Close() })
	go func() {
		p.serve(there, g, false)
		_ = there.Close()
	}()
	in := bufio.NewReader(conn)
	if _, err := fmt.Fprintf(conn, "CONNECT %s HTTP/1.1\r\nHost: %[1]s\r\n\r\n", address); err != nil {
		t.Fatal(err)
	}
	if answer, err := http.ReadResponse(in, &http.Request{Method: http.MethodConnect}); err != nil || answer.StatusCode != http.StatusOK || in.Buffered() > 0 {
		t.Fatalf("got %+v, %v", answer, err)
	}
	return conn
}

// silent is a proxy whose hosts take everything and say nothing.
func silent(idle time.Duration) *Proxy {
	dial := func(context.Context, string, string) (net.Conn, error) {
		host, far := net.Pipe()
		go func() { _, _ = io.Copy(io.Discard, far) }()
		return host, nil
	}
	return &Proxy{config: Config{Idle: idle, Dial: dial}.withDefaults()}
}

// wantBusy writes for longer than any idle.
func wantBusy(t *testing.T, conn net.Conn) {
	t.Helper()
	for range 10 {
		if _, err := conn.Write([]byte("x")); err != nil {
			t.Fatalf("a tunnel in use was closed: %v", err)
		}
		time.Sleep(50 * time.Second)
	}
}

// wantEnd wants a tunnel to be closed when more time has passed.
func wantEnd(t *testing.T, conn net.Conn, more time.Duration) {
	t.Helper()
	begin := time.Now()
	_, err := io.ReadAll(conn)
	if took := time.Since(begin); took != more {
		t.Errorf("the quiet tunnel ended after %s more (%v), want %s", took, err, more)
	}
}

func TestQuietTunnelsAreClosedAndBusyOnesAreNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, g := silent(time.Minute), newGrant(nil, []Address{must(t, "nas.lan:22"), must(t, "nas.lan:50000")})
		conn := through(t, p, g, "nas.lan:22")
		wantBusy(t, conn) // one way only
		wantEnd(t, conn, 10*time.Second)
		quiet, busy := through(t, p, g, "nas.lan:22"), through(t, p, g, "nas.lan:50000")
		wantBusy(t, busy)
		wantEnd(t, quiet, 0) // long ago
		wantEnd(t, busy, 10*time.Second)
	})
}

// TestAConnectionForCommandsWaitsForTheFile: nothing is said there while a file goes over
// another port, for as long as that takes.
func TestAConnectionForCommandsWaitsForTheFile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, g := silent(time.Minute), newGrant(nil, []Address{must(t, "nas.lan:21"), {"nas.lan", High}})
		commands, file := through(t, p, g, "nas.lan:21"), through(t, p, g, "nas.lan:50000")
		wantBusy(t, file)
		wantBusy(t, commands)
		wantEnd(t, commands, 10*time.Second)
	})
}

func TestMegabytesArriveWhole(t *testing.T) {
	r := newRig(t, Config{})
	server := echo(t)
	r.Allow(nil, []Address{server})
	conn, err := sdk.Dial(context.Background(), server.String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	sent := bytes.Repeat([]byte("0123456789abcdef"), 1<<17)
	go func() {
		_, _ = conn.Write(sent)
		_ = conn.(interface{ CloseWrite() error }).CloseWrite()
	}()
	got, err := io.ReadAll(conn)
	if want := append(sent, "bye"...); err != nil || !bytes.Equal(got, want) {
		t.Errorf("got %d bytes, %v, want %d", len(got), err, len(want))
	}
}

func FuzzRequest(f *testing.F) {
	for _, seed := range []string{
		"CONNECT api.example.com:443 HTTP/1.1\r\nHost: api.example.com:443\r\n\r\nmore",
		"CONNECT [::1]:80 HTTP/1.1\r\n\r\n", "GET / HTTP/1.0\r\n\r\n", "CONNECT a:1 HTTP/1.1\r\nContent-Length: 9\r\n\r\n",
		"CONNECT //a:1 HTTP/1.1\r\nHost: b\r\n\r\n", "CONNECT 127.1:80 HTTP/1.1\nHost: x\n\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		const most = 4096
		in, to, err := readRequest(bytes.NewReader(raw), most)
		if err != nil {
			return
		}
		if again, err := Parse(to.String()); err != nil || again != to {
			t.Fatalf("%q asks for %v, and that for %v, %v", raw, to, again, err)
		}
		rest, err := io.ReadAll(in)
		if err != nil || !bytes.HasSuffix(raw, rest) {
			t.Fatalf("%q: %q follows, %v", raw, rest, err)
		}
		line := fmt.Sprintf("%.7s", raw[bytes.IndexFunc(raw, func(r rune) bool { return r > ' ' }):])
		if line != http.MethodConnect {
			t.Fatalf("%q was taken for a CONNECT", raw)
		}
	})
}
