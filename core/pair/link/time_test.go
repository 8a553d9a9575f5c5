package link

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twinleaf-scan/twinleaf/core/journal"
	"github.com/twinleaf-scan/twinleaf/core/pair"
)

func TestAddressesAreTriedInTurn(t *testing.T) {
	onWires(t, nil, func(t *testing.T, r *rig, w *wires) {
		w.mute(t, "mute")
		c := r.as(t, func(cfg *ClientConfig) { cfg.Addresses = []string{"mute", "nobody", r.address} })
		began := time.Now()
		if err := c.Send(t.Context(), pair.AskRest{}); err != nil {
			t.Fatal(err)
		}
		if d := time.Since(began); d != time.Second/3 {
			t.Errorf("it took %v, want the share of one of three addresses", d)
		}
		c.Close()
		began = time.Now()
		if err := c.Send(t.Context(), pair.AskRest{}); err != nil {
			t.Fatal(err)
		}
		if d := time.Since(began); d > 0 {
			t.Errorf("the second time took %v: it did not stay with the address that answered", d)
		}
		if want := []string{"mute", "nobody", "peer", "peer"}; !slices.Equal(w.tried, want) {
			t.Errorf("it tried %v, want %v", w.tried, want)
		}
	})
}

func TestAStrangerAtOneAddressDoesNotHideThePeerAtAnother(t *testing.T) {
	r, other := newRig(t), newRig(t)
	c := r.as(t, func(cfg *ClientConfig) { cfg.Addresses = []string{other.address, r.address} })
	if err := c.Send(t.Context(), pair.AskRest{}); err != nil {
		t.Errorf("the peer was not found: %v", err)
	}
	r.told(t, CodeUnknownCertificate)
}

func TestAPeerThatDoesNotAnswerCostsASecond(t *testing.T) {
	onWires(t, nil, func(t *testing.T, r *rig, w *wires) {
		w.mute(t, "frozen")
		for address, want := range map[string]time.Duration{"frozen": time.Second, "gone": 0} {
			c := r.as(t, func(cfg *ClientConfig) { cfg.Addresses = []string{address} })
			began := time.Now()
			err := c.Send(t.Context(), pair.AskRest{})
			if d := time.Since(began); !errors.Is(err, ErrUnreachable) || d != want {
				t.Errorf("%s: %v after %v, want %v", address, err, d, want)
			}
		}
		c := r.as(t, func(cfg *ClientConfig) { cfg.Addresses = nil })
		if err := c.Send(t.Context(), pair.AskRest{}); !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), "no address") {
			t.Errorf("without an address: %v", err)
		}
	})
}

func TestShippingEndsWithItsContext(t *testing.T) {
	onWires(t, nil, func(t *testing.T, r *rig, w *wires) {
		w.mute(t, "frozen")
		c := r.as(t, func(cfg *ClientConfig) { cfg.Addresses, cfg.Dial = []string{"frozen"}, time.Minute })
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		began := time.Now()
		if _, err := c.Ship(ctx, [][]byte{{1}}); !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, ErrUnreachable) {
			t.Errorf("got %v", err)
		}
		if d := time.Since(began); d != 20*time.Millisecond {
			t.Errorf("it ended after %v", d)
		}
	})
}

// A hello that waits looks like silence, and silence leads to a takeover.
func TestAHelloDoesNotWaitBehindBlobs(t *testing.T) {
	r := newRig(t)
	began, release := make(chan struct{}), make(chan struct{})
	r.hold = func(ctx context.Context) error {
		began <- struct{}{}
		<-release
		return nil
	}
	done := make(chan error)
	const blobs = 2 * perKind
	for range blobs {
		go func() {
			done <- r.client.PutBlob(context.Background(), refOf([]byte("x")), strings.NewReader("x"), 1)
		}()
	}
	for range perKind {
		<-began
	}
	if err := r.client.Send(t.Context(), pair.AskRest{}); err != nil {
		t.Errorf("a message waits for blobs: %v", err)
	}
	if _, err := r.client.Ship(t.Context(), [][]byte{{1}}); err != nil {
		t.Errorf("an entry waits for blobs: %v", err)
	}
	if n := r.listens.n.Load(); n > perKind+2 {
		t.Errorf("%d connections are open, want %d", n, perKind+2)
	}
	go func() { // the others come now
		for range blobs - perKind {
			<-began
		}
	}()
	close(release)
	for range blobs {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func TestATransferThatStandsStillIsEnded(t *testing.T) {
	onWires(t, nil, func(t *testing.T, r *rig, _ *wires) {
		r.hold = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
		began := time.Now()
		err := r.client.PutBlob(t.Context(), refOf([]byte("x")), strings.NewReader("x"), 1)
		if d := time.Since(began); !errors.Is(err, errIdle) || !errors.Is(err, ErrUnreachable) || d != 30*time.Second {
			t.Errorf("got %v after %v", err, d)
		}
	})
}

// A sender that stops in the middle must not hold the server's connection for ever.
func TestASenderThatStopsIsLetGo(t *testing.T) {
	brief := func(s *ServerConfig, _ *ClientConfig) { s.Idle = 20 * time.Second } // less than the client waits
	onWires(t, brief, func(t *testing.T, r *rig, _ *wires) {
		stuck, write := io.Pipe()
		defer write.Close()
		began := time.Now()
		err := r.client.PutBlob(t.Context(), refOf([]byte("xx")), io.MultiReader(strings.NewReader("x"), stuck), 2)
		if d := time.Since(began); err == nil || errors.Is(err, errIdle) || d < 20*time.Second {
			t.Errorf("got %v after %v, want the server to end it", err, d)
		}
		if err := r.client.Send(t.Context(), pair.AskRest{}); err != nil {
			t.Errorf("afterwards: %v", err)
		}
	})
}

// What takes long to answer must not be cut off by the time that a transfer may stand still.
func TestAnAnswerMayTakeLongerThanATransferStandsStill(t *testing.T) {
	brief := func(s *ServerConfig, _ *ClientConfig) { s.Idle = 5 * time.Second }
	onWires(t, brief, func(t *testing.T, r *rig, _ *wires) {
		var ended error
		r.hold = func(ctx context.Context) error {
			select {
			case <-ctx.Done():
				ended = ctx.Err()
			case <-time.After(20 * time.Second):
			}
			return ended
		}
		if err := r.client.PutBlob(t.Context(), refOf([]byte("x")), strings.NewReader("x"), 1); err != nil {
			t.Errorf("it was cut off: %v (%v)", err, ended)
		}
	})
}

func TestServeEndsWithItsContext(t *testing.T) {
	r := newRig(t)
	began := make(chan struct{})
	r.hold = func(ctx context.Context) error { close(began); <-ctx.Done(); return ctx.Err() }
	done := make(chan error, 1)
	go func() {
		done <- r.client.PutBlob(context.Background(), refOf([]byte("x")), strings.NewReader("x"), 1)
	}()
	<-began
	if err := r.stop(); err != nil {
		t.Errorf("Serve: %v", err)
	}
	if err := <-done; err == nil {
		t.Error("the call under way succeeded")
	}
	if _, err := r.client.Copied(t.Context()); !errors.Is(err, ErrUnreachable) {
		t.Errorf("afterwards: %v", err)
	}
}

func TestAPeerThatStartedAnewIsFoundAtOnce(t *testing.T) {
	r := newRig(t)
	if err := r.client.Send(t.Context(), pair.AskRest{}); err != nil {
		t.Fatal(err)
	}
	if err := r.stop(); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", r.address)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- r.server.Serve(ctx, l) }()
	defer func() { cancel(); <-served }()
	if err := r.client.Send(t.Context(), pair.AskRest{}); err != nil {
		t.Errorf("the first message after its start is lost: %v", err)
	}
	if _, err := r.client.Ship(t.Context(), [][]byte{{1}}); err != nil {
		t.Error(err)
	}
}

func TestAPortThatIsTakenIsSaid(t *testing.T) {
	own, _ := someone(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	s := NewServer(ServerConfig{Self: own, Listen: l.Addr().String()})
	if err := s.Serve(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "listen for the peer") {
		t.Errorf("got %v", err)
	}
}

func TestComplaintsComeOnceAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l logged
		c := newComplaints(slog.New(slog.NewTextHandler(&l, nil)))
		why := errors.New("nobody knows it")
		for range 119 {
			c.about("a", why)
			time.Sleep(time.Second)
		}
		c.about("b", why)
		lines := strings.Split(strings.TrimSpace(l.String()), "\n")
		if len(lines) != 3 || !strings.Contains(lines[0], "untold=0") || !strings.Contains(lines[1], "untold=59") || !strings.Contains(lines[2], "code=b") {
			t.Errorf("the log says\n%s", l.String())
		}
	})
}

func TestFramesThatAreCutOffAreNone(t *testing.T) {
	var b strings.Builder
	if err := writeFrame(&b, []byte("one")); err != nil {
		t.Fatal(err)
	}
	if frames, err := readBatch(strings.NewReader(b.String())); frames != nil || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %q, %v", frames, err)
	}
	if err := writeLength(&b, endOfFrames); err != nil {
		t.Fatal(err)
	}
	if frames, err := readBatch(strings.NewReader(b.String())); len(frames) != 1 || err != nil {
		t.Errorf("got %q, %v", frames, err)
	}
	if _, err := readBatch(strings.NewReader(b.String() + "x")); !errors.Is(err, journal.ErrFrame) {
		t.Errorf("with something behind: %v", err)
	}
	if _, err := readBatch(strings.NewReader("\xfe\xff\xff\xff")); !errors.Is(err, journal.ErrFrame) {
		t.Errorf("a length of 4 GiB: %v", err)
	}
}
