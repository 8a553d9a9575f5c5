package room_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/bench/robust/room"
)

// listenKey makes the test's own program a web server on the address that it holds.
const listenKey = "ROOM_TEST_LISTEN"

func TestMain(m *testing.M) {
	if address := os.Getenv(listenKey); address != "" {
		err := http.ListenAndServe(address, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			host, _, _ := net.SplitHostPort(r.RemoteAddr)
			fmt.Fprint(w, host)
		}))
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func TestRouterDropsWhatIsCut(t *testing.T) {
	ctx := t.Context()
	r, err := room.Open(ctx)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	for _, who := range []string{room.North, room.South} {
		line := append(r.Exec(who), os.Args[0])
		cmd := exec.Command(line[0], line[1:]...)
		cmd.Env = append(os.Environ(), listenKey+"="+r.Address(who)+":8080")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			_ = cmd.Process.Kill()
			_ = cmd.Wait()
		})
	}
	for end := time.Now().Add(5 * time.Second); !reach(ctx, r, room.Desk, room.North) || !reach(ctx, r, room.Desk, room.South); {
		if time.Now().After(end) {
			t.Fatal("the servers are not reached")
		}
	}
	for _, cut := range []struct{ from, to string }{{room.Clients, room.North}, {room.North, room.Clients}} {
		if err := r.Cut(ctx, cut.from, cut.to); err != nil {
			t.Fatal(err)
		}
		if reach(ctx, r, room.Clients, room.North) {
			t.Errorf("clients reach north with %s to %s cut", cut.from, cut.to)
		}
		if !reach(ctx, r, room.Clients, room.South) || !reach(ctx, r, room.Desk, room.North) {
			t.Errorf("others are cut off with %s to %s cut", cut.from, cut.to)
		}
		if err := r.MendAll(ctx); err != nil {
			t.Fatal(err)
		}
		if !reach(ctx, r, room.Clients, room.North) {
			t.Errorf("%s to %s is not mended", cut.from, cut.to)
		}
	}
}

// reach reports whether somebody at the caller's machine gets an answer from a server soon.
func reach(ctx context.Context, r *room.Room, from, to string) bool {
	d := &net.Dialer{Timeout: 300 * time.Millisecond, LocalAddr: &net.TCPAddr{IP: net.ParseIP(r.Address(from))}}
	c := &http.Client{Timeout: time.Second, Transport: &http.Transport{DialContext: d.DialContext, DisableKeepAlives: true}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+r.Address(to)+":8080/", nil)
	if err != nil {
		return false
	}
	resp, err := c.Do(req)
	if err != nil {
		return false
	}
	return resp.Body.Close() == nil
}
