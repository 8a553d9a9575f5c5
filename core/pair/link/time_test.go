package link

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twinleaf-scan/twinleaf/core/journal"
	"github.com/twinleaf-scan/twinleaf/core/pair"
)

// mute listens and never says anything, as a frozen server does.
func mute(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.Addr().String()
}

// nobody is an address where nothing listens.
func nobody(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func TestAddressesAreTriedInTurn(t *testing.T) {
	r := newRig(t)
	c := r.as(t, func(cfg *ClientConfig) { cfg.Addresses = []string{mute(t), nobody(t), r.address} })
	began := time.Now()
	if err := c.Send(t.Context(), pair.AskRest{}); err != nil {
		t.Fatal(err)
	}
	if d := time.Since(began); d > time.Second {
		t.Errorf("it took %v", d)
	}
	c.Close()
	began = time.Now()
	if err := c.Send(t.Context(), pair.AskRest{}); err != nil {
		t.Fatal(err)
	}
	if d := time.Since(began); d > 200*time.Millisecond {
		t.Errorf("the second time took %v: it did not stay with the address that answered", d)
	}
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
	r := newRig(t)
	for what, address := range map[string]string{"frozen": mute(t), "gone": nobody(t)} {
		c := r.as(t, func(cfg *ClientConfig) { cfg.Addresses = []string{address} })
		began := time.Now()
		err := c.Send(t.Context(), pair.AskRest{})
		if d := time.Since(began); !errors.Is(err, ErrUnreachable) || d > 1500*time.Millisecond {
			t.Errorf("%s: %v after %v", what, err, d)
		}
	}
	c := r.as(t, func(cfg *ClientConfig) { cfg.Addresses = nil })
	if err := c.Send(t.Context(), pair.AskRest{}); !errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), "no address") {
		t.Errorf("without an address: %v", err)
	}
}

func TestShippingEndsWithItsContext(t *testing.T) {
	r := newRig(t)
	c := r.as(t, func(cfg *ClientConfig) { cfg.Addresses, cfg.Dial = []string{mute(t)}, time.Minute })
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := c.Ship(ctx, [][]byte{{1}}); !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, ErrUnreachable) {
		t.Errorf("got %v", err)
	}
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
	brief := func(s *ServerConfig, c *ClientConfig) { c.Idle = 50 * time.Millisecond }
	r := newRig(t, brief)
	r.hold = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	err := r.client.PutBlob(t.Context(), refOf([]byte("x")), strings.NewReader("x"), 1)
	if !errors.Is(err, errIdle) || !errors.Is(err, ErrUnreachable) {
		t.Errorf("got %v", err)
	}
}

// A sender that stops in the middle must not hold the server's connection for ever.
func TestASenderThatStopsIsLetGo(t *testing.T) {
	r := newRig(t, func(s *ServerConfig, c *ClientConfig) { s.Idle = 50 * time.Millisecond })
	stuck, write := io.Pipe()
	defer write.Close()
	err := r.client.PutBlob(t.Context(), refOf([]byte("xx")), io.MultiReader(strings.NewReader("x"), stuck), 2)
	if err == nil || errors.Is(err, errIdle) {
		t.Errorf("got %v, want the server to end it", err)
	}
	if err := r.client.Send(t.Context(), pair.AskRest{}); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// What takes long to answer must not be cut off by the time that a transfer may stand still.
func TestAnAnswerMayTakeLongerThanATransferStandsStill(t *testing.T) {
	r := newRig(t, func(s *ServerConfig, c *ClientConfig) { s.Idle = 30 * time.Millisecond })
	var ended error
	r.hold = func(ctx context.Context) error {
		select {
		case <-ctx.Done():
			ended = ctx.Err()
		case <-time.After(120 * time.Millisecond):
		}
		return ended
	}
	if err := r.client.PutBlob(t.Context(), refOf([]byte("x")), strings.NewReader("x"), 1); err != nil {
		t.Errorf("it was cut off: %v (%v)", err, ended)
	}
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
	s := NewServer(ServerConfig{Self: own, Listen: mute(t)})
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
