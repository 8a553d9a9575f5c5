package link

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/journal"
	"github.com/twinleaf-scan/twinleaf/core/pair"
	"github.com/twinleaf-scan/twinleaf/core/parity"
)

func allMessages() []pair.Message {
	return []pair.Message{
		pair.Hello{View: pair.View{
			Server: "north-1", Pair: "p", Role: pair.Primary, Protocol: Protocol, Run: 1<<64 - 1, Beat: 3, Echo: pair.Echo{Run: 9, Beat: 8},
			Phase: pair.Working, Rest: pair.Data, Idle: true, Able: true, Data: true, Web: true, Met: true, Taken: 4, Epoch: 5, End: 6,
		}, Answer: true},
		pair.AskBack{Run: 1, Beat: 2, Epoch: 3},
		pair.GiveBack{Run: 1, Epoch: 2, End: 3},
		pair.AskRest{},
		pair.AskReturn{},
	}
}

func TestMessagesArriveAsTheyWereSent(t *testing.T) {
	r := newRig(t)
	for _, m := range allMessages() {
		if err := r.client.Send(t.Context(), m); err != nil {
			t.Fatalf("%T: %v", m, err)
		}
	}
	if got := r.received(); !reflect.DeepEqual(got, allMessages()) {
		t.Errorf("got %+v\nwant %+v", got, allMessages())
	}
	if n := r.listens.n.Load(); n != 1 {
		t.Errorf("%d connections for messages one after the other, want 1 that is kept", n)
	}
}

// calls are all calls about the copy, with what the handler hears of each.
func calls(t *testing.T, c *Client) map[string]func() error {
	ctx := t.Context()
	return map[string]func() error{
		"copied": func() error { _, err := c.Copied(ctx); return err },
		"hash 3": func() error { _, err := c.HashAt(ctx, 3); return err },
		"ship 1": func() error { _, err := c.Ship(ctx, [][]byte{{1}}); return err },
		"lost 2": func() error { _, err := c.Lost(ctx, 2); return err },
		"aside {4 " + journal.Hash{5}.String() + "}": func() error { return c.SetAside(ctx, pair.End{Seq: 4, Hash: journal.Hash{5}}) },
		"read aside a-1": func() error {
			for _, err := range c.Aside(ctx, "a-1") {
				return err
			}
			return nil
		},
		"discard a-1": func() error { return c.Discard(ctx, "a-1") },
		"compact 9":   func() error { return c.Compact(ctx, 9) },
	}
}

func TestCallsAboutTheCopyComeThrough(t *testing.T) {
	r := newRig(t)
	for want, call := range calls(t, r.client) {
		if err := call(); err != nil || r.last() != want {
			t.Errorf("%s: the handler heard %q, %v", want, r.last(), err)
		}
	}
	at, err := r.client.Copied(t.Context())
	if err != nil || !reflect.DeepEqual(at, r.at()) {
		t.Errorf("the copy stands at %+v, want %+v (%v)", at, r.at(), err)
	}
	h, err := r.client.HashAt(t.Context(), 3)
	if err != nil || h != (journal.Hash{31: 3}) {
		t.Errorf("hash %x (%v)", h, err)
	}
}

// What was sent before a wiped disk must not come into the journal after it.
func TestARunThatIsNotHeardIsNotServed(t *testing.T) {
	r := newRig(t)
	r.deaf = true
	for what, call := range calls(t, r.client) {
		if err := call(); !errors.Is(err, ErrUnheard) || errors.Is(err, ErrUnreachable) {
			t.Errorf("%s: %v, want ErrUnheard", what, err)
		}
	}
	if r.last() != "" {
		t.Errorf("the handler was asked all the same: %s", r.last())
	}
	if err := r.client.Send(t.Context(), pair.AskRest{}); err != nil {
		t.Errorf("messages are for the machine to judge: %v", err)
	}
	other := r.as(t, func(c *ClientConfig) { c.Run = 8 })
	r.deaf = false
	if _, err := other.Copied(t.Context()); !errors.Is(err, ErrUnheard) {
		t.Errorf("another run: %v, want ErrUnheard", err)
	}
}

func TestErrorsAreOnTheOtherSideWhatTheyWere(t *testing.T) {
	r := newRig(t)
	down := core.DataDown("write to the copy", errors.New("no space left on device"))
	for _, want := range []error{
		&journal.Gap{Want: 3, Got: 1<<53 + 1},
		&journal.Fork{Seq: 4, Have: journal.Hash{1}, Got: journal.Hash{2}},
		&journal.Stranger{Want: "north-1", Got: "west-2"},
		journal.ErrCompacted, journal.ErrSetAside, journal.ErrTooLarge, journal.ErrFrame, journal.ErrClosed,
		core.ErrUnknownEvent, fs.ErrNotExist,
		&core.Failure{Code: "parity-unknown", Detail: "d", Remedy: "r", Permanent: true},
		down,
	} {
		r.err = fmt.Errorf("ship entries 3-9: %w", want)
		for what, call := range calls(t, r.client) {
			err := call()
			if err == nil || err.Error() != r.err.Error() || errors.Is(err, ErrUnreachable) {
				t.Errorf("%s: got %v, want %v", what, err, r.err)
			}
			if !sameError(err, want) {
				t.Errorf("%s: %v is no %T any more", what, err, want)
			}
		}
	}
}

// sameError reports whether got is what want is, the fields of its type included.
func sameError(got, want error) bool {
	for _, as := range []any{new(*journal.Gap), new(*journal.Fork), new(*journal.Stranger), new(*core.Failure)} {
		other := reflect.New(reflect.TypeOf(as).Elem())
		if errors.As(want, as) {
			return errors.As(got, other.Interface()) && reflect.DeepEqual(reflect.ValueOf(as).Elem().Interface(), other.Elem().Interface())
		}
	}
	return errors.Is(got, want)
}

func TestFramesComeBackAsTheyWereShipped(t *testing.T) {
	r := newRig(t)
	frames := [][]byte{{0}, bytes.Repeat([]byte("x"), 400), bytes.Repeat([]byte("y"), 3<<20)}
	at, err := r.client.Ship(t.Context(), frames)
	if err != nil || at.Seq != 3 {
		t.Fatalf("shipped to %+v, %v", at, err)
	}
	back, err := r.client.Lost(t.Context(), 0)
	if err != nil || !reflect.DeepEqual(back, frames) {
		t.Errorf("%d frames came back, want the same %d (%v)", len(back), len(frames), err)
	}
	r.asides["forked-1"] = frames
	back = nil
	for f, err := range r.client.Aside(t.Context(), "forked-1") {
		if err != nil {
			t.Fatal(err)
		}
		back = append(back, f)
	}
	if !reflect.DeepEqual(back, frames) {
		t.Errorf("%d frames were set aside, want the same %d", len(back), len(frames))
	}
}

func TestAnAsideThatBreaksOffSaysWhy(t *testing.T) {
	r := newRig(t)
	r.asides["forked-1"] = [][]byte{{1}, {2}}
	r.err = core.DataDown("read what was set aside", errors.New("input/output error"))
	n := 0
	var last error
	for _, err := range r.client.Aside(t.Context(), "forked-1") {
		if err == nil {
			n++
		}
		last = err
	}
	if f := (*core.Failure)(nil); n != 2 || !errors.As(last, &f) || f.Code != core.CodeDataDown {
		t.Errorf("%d frames, then %v; want 2 and then the failure", n, last)
	}
}

func TestTooMuchAtOnceIsRefused(t *testing.T) {
	r := newRig(t)
	many := make([][]byte, journal.MaxBatch+1)
	for i := range many {
		many[i] = []byte{1}
	}
	if _, err := r.client.Ship(t.Context(), many); !errors.Is(err, journal.ErrTooLarge) {
		t.Errorf("%d frames: %v, want ErrTooLarge", len(many), err)
	}
	big := make([][]byte, 5)
	for i := range big {
		big[i] = make([]byte, 8<<20)
	}
	if _, err := r.client.Ship(t.Context(), big); !errors.Is(err, journal.ErrTooLarge) {
		t.Errorf("40 MiB: %v, want ErrTooLarge", err)
	}
	if _, err := r.client.Lacks(t.Context(), make([]core.Ref, MaxLacks+1)); err == nil {
		t.Error("a list of too many blobs was asked")
	}
	long := pair.Hello{View: pair.View{Server: strings.Repeat("n", MaxMessage)}}
	if err := r.client.Send(t.Context(), long); err == nil || errors.Is(err, ErrUnreachable) {
		t.Errorf("a message that is too long: %v", err)
	}
	if r.last() != "" {
		t.Errorf("the handler was asked: %s", r.last())
	}
}

func TestBlobsGoBothWays(t *testing.T) {
	r := newRig(t)
	for _, size := range []int{0, 1, 3 << 20} {
		content := bytes.Repeat([]byte("b"), size)
		ref := refOf(content)
		lacks, err := r.client.Lacks(t.Context(), []core.Ref{ref})
		if err != nil || len(lacks) != 1 {
			t.Fatalf("lacks %v, %v", lacks, err)
		}
		if err := r.client.PutBlob(t.Context(), ref, bytes.NewReader(content), int64(size)); err != nil {
			t.Fatalf("put %d bytes: %v", size, err)
		}
		if lacks, err = r.client.Lacks(t.Context(), []core.Ref{ref}); err != nil || len(lacks) != 0 {
			t.Errorf("still lacks %v, %v", lacks, err)
		}
		back, err := r.client.Blob(t.Context(), ref)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(back)
		if err != nil || !bytes.Equal(got, content) {
			t.Errorf("%d of %d bytes came back, %v", len(got), size, err)
		}
		if err := back.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := r.client.Blob(t.Context(), refOf([]byte("nobody has it"))); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a blob that is not there: %v, want fs.ErrNotExist", err)
	}
}

func TestABlobWithOtherContentIsRefused(t *testing.T) {
	r := newRig(t)
	ref := refOf([]byte("right"))
	err := r.client.PutBlob(t.Context(), ref, strings.NewReader("wrong"), 5)
	if f := (*core.Failure)(nil); !errors.As(err, &f) || f.Code != core.CodeDamaged {
		t.Errorf("put: %v, want it refused as damaged", err)
	}
	if len(r.blobs) != 0 {
		t.Error("the handler kept it")
	}
	r.blobs[ref] = []byte("wrong")
	back, err := r.client.Blob(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	defer back.Close()
	_, err = io.ReadAll(back)
	if f := (*core.Failure)(nil); !errors.As(err, &f) || f.Code != core.CodeDamaged {
		t.Errorf("got: %v, want it refused as damaged", err)
	}
	for _, bad := range []core.Ref{"", "../../etc/passwd", core.Ref(strings.ToUpper(string(ref))), ref[1:]} {
		if err := r.client.PutBlob(t.Context(), bad, strings.NewReader(""), 0); err == nil {
			t.Errorf("a blob of the name %q was sent", bad)
		}
	}
	if err := r.client.PutBlob(t.Context(), ref, strings.NewReader(""), MaxBlob+1); err == nil {
		t.Error("a blob over the limit was sent")
	}
}

func TestABlobThatIsShorterThanItShouldBeIsRefused(t *testing.T) {
	r := newRig(t)
	if err := r.client.PutBlob(t.Context(), refOf([]byte("right")), strings.NewReader("rig"), 5); err == nil {
		t.Error("no error")
	}
	if len(r.blobs) != 0 {
		t.Error("the handler kept it")
	}
}

func TestAManifestComesWithThePeersClock(t *testing.T) {
	r := newRig(t)
	want, _ := r.Manifest(t.Context(), false)
	r.tell = func() (parity.Manifest, error) { <-time.After(200 * time.Millisecond); return want, nil }
	before := time.Now()
	got, clock, under, err := r.client.Manifest(t.Context(), true)
	if err != nil || got.Server != want.Server || r.last() != "manifest true" {
		t.Errorf("got %+v, %v; the handler heard %q", got, err, r.last())
	}
	if clock.Before(before) || clock.After(time.Now()) {
		t.Errorf("the clock says %v, outside of the call", clock)
	}
	if all := time.Since(before); under > all-200*time.Millisecond {
		t.Errorf("under way for %v of %v: what the peer thought about for 200 ms must not count", under, all)
	}
}

func TestPlugInsCanBeFetched(t *testing.T) {
	r := newRig(t)
	if raw, err := r.client.Lock(t.Context()); err != nil || string(raw) != "# lock\n" {
		t.Errorf("lock %q, %v", raw, err)
	}
	a, err := r.client.Archive(t.Context(), "h1:a+b/c=")
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if raw, err := io.ReadAll(a); err != nil || string(raw) != "PK h1:a+b/c=" {
		t.Errorf("archive %q, %v", raw, err)
	}
}

func TestACallEndsWithItsContext(t *testing.T) {
	r := newRig(t)
	ctx, cancel := context.WithCancel(t.Context())
	began := make(chan struct{})
	r.hold = func(held context.Context) error { close(began); <-held.Done(); return held.Err() }
	go func() { <-began; cancel() }()
	err := r.client.PutBlob(ctx, refOf([]byte("x")), strings.NewReader("x"), 1)
	if !errors.Is(err, context.Canceled) || !errors.Is(err, ErrUnreachable) {
		t.Errorf("got %v, want a call that ended", err)
	}
}
