package overnats

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/pipeline/farm"
)

func TestAPageIsReadByAWorker(t *testing.T) {
	r := newRig(t, nil)
	h := r.work(t, "desk", echo)
	w := r.await(t, 1)[0]
	if w.Name() != "desk" || w.Slots() != 2 {
		t.Errorf("got %s with %d slots", w.Name(), w.Slots())
	}
	for _, size := range []int{1, 100 << 10, 3<<20 + 17} { // one message, and many
		content := noise(size)
		a, err := w.Recognize(t.Context(), farm.Task{Job: "north-1-7", Image: r.put(t, content), Basis: "b"})
		if err != nil || !bytes.Equal(a.Page, content) || a.Text.By != "north-1-7" || a.Text.Words != size {
			t.Errorf("%d bytes: got %d, %+v, %v", size, len(a.Page), a.Text, err)
		}
	}
	if left, err := os.ReadDir(h.dir); err != nil || len(left) > 0 {
		t.Errorf("the worker keeps %v (%v)", left, err)
	}
}

func TestWhatAWorkerSaysIsTold(t *testing.T) {
	r := newRig(t, nil)
	var answer error
	r.work(t, "desk", func(context.Context, farm.Task, Fetch) (farm.Answer, error) {
		return farm.Answer{}, answer
	})
	w := r.await(t, 1)[0]
	task := farm.Task{Job: "j", Image: r.put(t, []byte("x"))}
	answer = fmt.Errorf("%w: tessdata", farm.ErrBasis)
	if _, err := w.Recognize(t.Context(), task); !errors.Is(err, farm.ErrBasis) || !strings.Contains(err.Error(), "tessdata") {
		t.Errorf("another engine: got %v", err)
	}
	answer = errors.New(strings.Repeat("ä", 5000))
	if _, err := w.Recognize(t.Context(), task); err == nil || errors.Is(err, farm.ErrGone) || len(err.Error()) > maxText {
		t.Errorf("a failure: got %v", err)
	}
	r.await(t, 1) // neither makes it leave
}

// hang reads for ever, and says when it began and was told to stop.
func hang(began, stopped chan struct{}) Do {
	return func(ctx context.Context, _ farm.Task, _ Fetch) (farm.Answer, error) {
		close(began)
		<-ctx.Done()
		close(stopped)
		return farm.Answer{}, ctx.Err()
	}
}

func TestAPageThatNobodyWantsIsDropped(t *testing.T) {
	r := newRig(t, nil)
	began, stopped := make(chan struct{}), make(chan struct{})
	r.work(t, "desk", hang(began, stopped))
	w := r.await(t, 1)[0]
	ctx, stop := context.WithCancel(t.Context())
	go func() {
		<-began
		stop()
	}()
	if _, err := w.Recognize(ctx, farm.Task{Image: r.put(t, []byte("x"))}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	<-stopped
}

func TestAWorkerWhoseConnectionEndsIsGoneAtOnce(t *testing.T) {
	r := newRig(t, nil)
	began, stopped := make(chan struct{}), make(chan struct{})
	h := r.work(t, "desk", hang(began, stopped))
	w := r.await(t, 1)[0]
	go func() {
		<-began
		h.nc.Close()
	}()
	start := time.Now()
	_, err := w.Recognize(t.Context(), farm.Task{Image: r.put(t, []byte("x"))})
	if !errors.Is(err, farm.ErrGone) || !strings.Contains(err.Error(), "connection has ended") || time.Since(start) > lostAfter {
		t.Errorf("got %v after %v", err, time.Since(start))
	}
	r.await(t, 0)
}

func TestAWorkerThatIsSilentIsGone(t *testing.T) {
	r := newRig(t, nil)
	nc, id := r.stranger(t)
	if _, err := nc.Request(subjects{"north-1", id}.hello(), []byte(`{"name":"mute","slots":1,"version":"1","payload":1000000}`), askWithin); err != nil {
		t.Fatal(err)
	}
	w := r.await(t, 1)[0]
	_, err := w.Recognize(t.Context(), farm.Task{Image: r.put(t, []byte("x"))})
	if !errors.Is(err, farm.ErrGone) || !strings.Contains(err.Error(), "does not listen") {
		t.Errorf("a page for one that does not listen: got %v", err)
	}
	r.await(t, 0)

	if _, err := nc.Subscribe(subjects{"north-1", id}.page(), func(*nats.Msg) {}); err != nil {
		t.Fatal(err)
	}
	if _, err := nc.Request(subjects{"north-1", id}.hello(), []byte(`{"name":"mute","slots":1,"version":"1","payload":1000000}`), askWithin); err != nil {
		t.Fatal(err)
	}
	w = r.await(t, 1)[0]
	start := time.Now()
	_, err = w.Recognize(t.Context(), farm.Task{Image: r.put(t, []byte("x"))})
	if took := time.Since(start); !errors.Is(err, farm.ErrGone) || took < lostAfter {
		t.Errorf("a page for one that says nothing: got %v after %v", err, took)
	}
	if _, err := nc.Request(subjects{"north-1", id}.hello(), []byte(`{"name":"mute","slots":1,"version":"1","payload":1000000}`), askWithin); err != nil {
		t.Fatal(err)
	}
	r.await(t, 1)
	r.await(t, 0) // after a while without a hello
}

// stranger is a connection with a worker's rights.
func (r *rig) stranger(t *testing.T) (nc *nats.Conn, id string) {
	t.Helper()
	id = NewID()
	c, err := Connect(t.Context(), r.dial(id))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c.Conn, id
}

func TestAWorkerThatStopsEndsItsPages(t *testing.T) {
	r := newRig(t, nil)
	began, goOn := make(chan struct{}), make(chan struct{})
	h := r.work(t, "desk", func(ctx context.Context, task farm.Task, fetch Fetch) (farm.Answer, error) {
		close(began)
		<-goOn
		return echo(ctx, task, fetch)
	})
	w := r.await(t, 1)[0]
	go func() {
		<-began
		h.stop()
		r.await(t, 0) // it takes no more
		close(goOn)
	}()
	a, err := w.Recognize(t.Context(), farm.Task{Image: r.put(t, []byte("text"))})
	if err != nil || string(a.Page) != "text" {
		t.Errorf("got %q, %v", a.Page, err)
	}
	if err := <-h.ended; err != nil {
		t.Errorf("the worker: %v", err)
	}
	h.ended <- nil
	if !r.logged("it said bye") {
		t.Error("it said no bye")
	}
}

func TestAWorkerMayBeStoppedWhileItLooksForItsServer(t *testing.T) {
	r := newHub(t)
	nc, err := r.hub.Connect()
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	asked := make(chan struct{}, findTries)
	if _, err := nc.Subscribe(discovery, func(*nats.Msg) { asked <- struct{}{} }); err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	h := r.work(t, "desk", echo)
	<-asked
	h.stop()
	if err := <-h.ended; err != nil {
		t.Errorf("got %v, want none", err)
	}
	h.ended <- nil
}

// A NATS server says at once that nobody listens. Who comes a moment later is to be found.
func TestASecondIsWaitedForEachAnswer(t *testing.T) {
	r := newHub(t)
	nc, err := r.hub.Connect()
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	began := time.Now()
	if id, err := findOnce(t.Context(), nc); !errors.Is(err, ErrNoServer) || time.Since(began) < time.Second {
		t.Errorf("got %q, %v after %v, want ErrNoServer after a second", id, err, time.Since(began))
	}
}

func TestAWorkerGetsImagesOfItsOwnPagesOnly(t *testing.T) {
	r := newRig(t, nil)
	began, stopped := make(chan struct{}), make(chan struct{})
	r.work(t, "desk", hang(began, stopped))
	mine, other := r.put(t, []byte("mine")), r.put(t, []byte("other"))
	w := r.await(t, 1)[0]
	eve, id := r.stranger(t)
	of := subjects{"north-1", w.(*remote).id}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		_, _ = w.Recognize(ctx, farm.Task{Image: mine})
		close(ended)
	}()
	<-began
	var page string
	s := w.(*remote).server
	s.mu.Lock()
	for page = range s.pages {
	}
	s.mu.Unlock()
	within := func(limit time.Duration, nc *nats.Conn, subject, page string, ref core.Ref, at int64) string {
		m, err := nc.Request(subject, fmt.Appendf(nil, `{"id":%q,"ref":%q,"at":%d}`, page, ref, at), limit)
		if err != nil {
			return err.Error()
		}
		_, load, err := decodeFrame(m.Data)
		if err != nil {
			return err.Error()
		}
		return string(load)
	}
	ask := func(nc *nats.Conn, subject, page string, ref core.Ref, at int64) string {
		return within(20*time.Second, nc, subject, page, ref, at)
	}
	inside, err := r.hub.Connect() // may use all subjects
	if err != nil {
		t.Fatal(err)
	}
	defer inside.Close()
	if got := ask(inside, of.blob(), page, mine.Ref, 1); got != "ine" {
		t.Errorf("its own: got %q", got)
	}
	for what, got := range map[string]string{
		"another image":            ask(inside, of.blob(), page, other.Ref, 0),
		"behind the end":           ask(inside, of.blob(), page, mine.Ref, 4),
		"a page that nobody has":   ask(inside, of.blob(), newID(), mine.Ref, 0),
		"another worker's page":    ask(inside, subjects{"north-1", id}.blob(), page, mine.Ref, 0),
		"another worker's, by eve": ask(eve, subjects{"north-1", id}.blob(), page, mine.Ref, 0),
		"in another's name":        within(300*time.Millisecond, eve, of.blob(), page, mine.Ref, 0), // nobody hears it
	} {
		if strings.Contains("mineother", got) && got != "" {
			t.Errorf("%s: got %q", what, got)
		}
	}
	stop()
	<-ended
	if got := ask(inside, of.blob(), page, mine.Ref, 0); got != "" {
		t.Errorf("after the page: got %q", got)
	}
}

func TestAnImageThatIsNotWhatItWasToBe(t *testing.T) {
	r := newRig(t, nil)
	var got error
	h := r.work(t, "desk", func(ctx context.Context, task farm.Task, fetch Fetch) (farm.Answer, error) {
		_, got = fetch(ctx)
		return farm.Answer{}, got
	})
	image := r.put(t, []byte("image"))
	if err := os.WriteFile(r.blobs+"/"+string(image.Ref), []byte("magic"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := r.await(t, 1)[0].Recognize(t.Context(), farm.Task{Image: image})
	if err == nil || got == nil || !strings.Contains(got.Error(), "damaged") {
		t.Errorf("got %v and %v", err, got)
	}
	if left, err := os.ReadDir(h.dir); err != nil || len(left) > 0 {
		t.Errorf("the worker keeps %v (%v)", left, err)
	}
}

func TestOnlyWhoHasARightTokenComesIn(t *testing.T) {
	r := newRig(t, nil)
	for what, c := range map[string]struct {
		change func(*Dial)
		want   error
	}{
		"wrong token": {func(d *Dial) { d.Token = "twt_x" }, ErrToken},
		"no token":    {func(d *Dial) { d.Token = "" }, ErrToken},
		"no worker":   {func(d *Dial) { d.Name = "eve" }, ErrToken},
		"wrong pin":   {func(d *Dial) { d.Pinned = func(*x509.Certificate) bool { return false } }, ErrPin},
	} {
		d := r.dial(NewID())
		c.change(&d)
		nc, err := Connect(t.Context(), d)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", what, err, c.want)
		}
		if err == nil {
			nc.Close()
		}
	}
	d := r.dial(NewID())
	d.Pinned = nil
	if _, err := Connect(t.Context(), d); err == nil || !errors.Is(err, ErrCertificate) {
		t.Errorf("a certificate that nobody knows: got %v", err)
	}
	for _, url := range []string{"nats://192.0.2.7:4222", "http://x", "x:4222", "tls://a:b@host:1", ""} {
		if err := (Dial{URL: url}).Check(); err == nil {
			t.Errorf("%q is taken", url)
		}
	}
}

func TestAWorkerMayDoNothingElse(t *testing.T) {
	r := newRig(t, nil)
	r.work(t, "desk", echo)
	victim := subjects{"north-1", r.await(t, 1)[0].(*remote).id}
	eve, id := r.stranger(t)
	mine := subjects{"north-1", id}
	problems := make(chan error, 100)
	eve.SetErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { problems <- err })
	forbidden := 0
	for _, subject := range []string{">", "*", root + ">", victim.page(), victim.reply("*"), victim.inbox() + ".>", "_INBOX.>", "$SYS.>", mine.hello()} {
		forbidden++
		if _, err := eve.Subscribe(subject, func(*nats.Msg) {}); err != nil {
			t.Fatal(err)
		}
	}
	for _, subject := range []string{victim.hello(), victim.bye(), victim.blob(), victim.page(), victim.drop(), victim.reply(newID()), mine.page(), "$SYS.REQ.SERVER.PING", "x"} {
		forbidden++
		if err := eve.Publish(subject, []byte("x")); err != nil {
			t.Fatal(err)
		}
	}
	if err := eve.Flush(); err != nil {
		t.Fatal(err)
	}
	for range forbidden {
		select {
		case err := <-problems:
			if !errors.Is(err, nats.ErrPermissionViolation) {
				t.Errorf("got %v", err)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("something was allowed; %d refusals are missing", forbidden-len(problems))
		}
	}
	r.await(t, 1)
}

func TestStrangeHellosAreRefused(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Workers = 1 })
	nc, id := r.stranger(t)
	greet := func(text string) string {
		m, err := nc.Request(subjects{"north-1", id}.hello(), []byte(text), askWithin)
		if err != nil {
			t.Fatal(err)
		}
		w, err := decodeWelcome(m.Data)
		if err != nil {
			t.Fatal(err)
		}
		return w.Refused
	}
	for _, text := range []string{
		``, `{}`, `x`, `{"name":"a b","slots":1,"version":"1","payload":1000000}`, `{"name":"a","slots":-1,"version":"1","payload":1000000}`,
		`{"name":"a","slots":100000,"version":"1","payload":1000000}`, `{"name":"a","slots":1,"version":"1","payload":10}`,
		`{"name":"a","slots":1,"version":"1","payload":1000000,"more":1}`, `{"name":"a","slots":1,"version":"` + strings.Repeat("1", 2000) + `","payload":1000000}`,
	} {
		if greet(text) == "" {
			t.Errorf("%.60q is taken", text)
		}
	}
	r.work(t, "desk", echo)
	r.await(t, 1)
	if why := greet(`{"name":"a","slots":1,"version":"1","payload":1000000}`); !strings.Contains(why, "1 workers") {
		t.Errorf("one too many: got %q", why)
	}
}

func TestWorkersOfOneNameAreToldApart(t *testing.T) {
	r := newRig(t, nil)
	r.work(t, "desk", echo)
	r.await(t, 1)
	r.work(t, "desk", echo)
	all := r.await(t, 2)
	if all[0].Name() != "desk" || !strings.HasPrefix(all[1].Name(), "desk-") {
		t.Errorf("got %s and %s", all[0].Name(), all[1].Name())
	}
}

// A page may be asked for twice by a network that repeats, and more than fit may come.
func TestAPageThatComesTwiceIsReadOnce(t *testing.T) {
	r := newRig(t, nil)
	var mu sync.Mutex
	began := 0
	goOn := make(chan struct{})
	r.work(t, "desk", func(context.Context, farm.Task, Fetch) (farm.Answer, error) {
		mu.Lock()
		began++
		mu.Unlock()
		<-goOn
		return farm.Answer{Page: []byte("x")}, nil
	})
	of := subjects{"north-1", r.await(t, 1)[0].(*remote).id}
	nc, err := r.hub.Connect()
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	send := func(id string) *nats.Subscription {
		text, err := json.Marshal(order{id, farm.Task{Image: r.put(t, []byte("x"))}})
		if err != nil {
			t.Fatal(err)
		}
		sub, err := nc.SubscribeSync(of.reply(id))
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := nc.PublishRequest(of.page(), of.reply(id), text); err != nil {
				t.Fatal(err)
			}
		}
		return sub
	}
	kinds := func(sub *nats.Subscription) (all []string) {
		for {
			m, err := sub.NextMsg(20 * time.Second)
			if err != nil {
				t.Fatal(err)
			}
			f, _, err := decodeFrame(m.Data)
			if err != nil {
				t.Fatal(err)
			}
			if f.Kind != kindBeat {
				return append(all, f.Kind, f.Code)
			}
		}
	}
	var subs []*nats.Subscription
	for range 4 { // twice its slots
		subs = append(subs, send(newID()))
	}
	over := send(newID())
	for range 2 { // before there is room for it
		if got := kinds(over); got[1] != codeAway {
			t.Errorf("one too many: got %q", got)
		}
	}
	close(goOn)
	for _, sub := range subs {
		if got := kinds(sub); got[0] != kindPart {
			t.Errorf("got %q", got)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if began != 4 {
		t.Errorf("%d pages were read, want 4", began)
	}
}

func TestWhereNobodyListensItIsSaid(t *testing.T) {
	r := newRig(t, nil)
	d := r.dial(NewID())
	r.hub.Close()
	if _, err := Connect(t.Context(), d); !errors.Is(err, ErrUnreachable) {
		t.Errorf("got %v", err)
	}
}
