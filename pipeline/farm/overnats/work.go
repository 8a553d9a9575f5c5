package overnats

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/twinleaf-scan/twinleaf/internal/strict"
	"github.com/twinleaf-scan/twinleaf/pipeline/farm"
)

// Fetch brings the image of a page and gives its path. It is removed after the page.
type Fetch func(ctx context.Context) (path string, err error)

// Do reads a page. It fetches the image if it needs it, once. The error is farm.ErrBasis
// for a page that rests on another engine.
type Do func(ctx context.Context, t farm.Task, fetch Fetch) (farm.Answer, error)

// WorkerConfig is what the worker's side needs.
type WorkerConfig struct {
	Server  string // whose worker it is; empty: the only one that is found
	Name    string
	Version string
	Slots   int // pages at once
	Do      Do
	Dir     string        // for images, one at a time and slot
	Drain   time.Duration // for pages under way when the worker stops; default 30 s
	Found   func()        // called once the server is known; default: nobody
}

// worker is the worker's side.
type worker struct {
	config WorkerConfig
	log    *slog.Logger
	nc     *nats.Conn
	packer *packer
	of     subjects
	hard   context.Context // ends when pages are to be given up

	mu       sync.Mutex // guards what follows
	draining bool
	pages    map[string]context.CancelFunc
	working  sync.WaitGroup
}

// ErrNoServer is the error of a worker that found none.
var ErrNoServer = errors.New("no server answers there")

// Work takes pages of a server until ctx ends, and then ends those that it has. The
// connection is the caller's, and is still needed for a moment after ctx has ended. When
// it is closed for good, Work ends with the reason.
func Work(ctx context.Context, nc *Conn, c WorkerConfig) error {
	c.Drain = cmp.Or(c.Drain, 30*time.Second)
	if !ValidName(c.Name) || !idShape.MatchString(nc.Dial.Name) || c.Slots < 1 || c.Slots > maxSlots {
		return fmt.Errorf("worker: the name %.80q, the id %.40q or %d slots cannot be", c.Name, nc.Dial.Name, c.Slots)
	}
	if limit := nc.MaxPayload(); limit < minPayload {
		return fmt.Errorf("worker: the NATS server takes messages of %d bytes, at least %d are needed (max_payload)", limit, minPayload)
	}
	p, err := newPacker()
	if err != nil {
		return fmt.Errorf("worker: %w", err)
	}
	defer p.close()
	if c.Server == "" {
		c.Server, err = find(ctx, nc.Conn)
	}
	if ctx.Err() != nil {
		return nil // stopped while it looked
	}
	if err != nil {
		return err
	}
	if c.Found != nil {
		c.Found()
	}
	hard, giveUp := context.WithCancel(context.WithoutCancel(ctx))
	defer giveUp()
	w := &worker{config: c, log: nc.Dial.Log, nc: nc.Conn, packer: p, of: subjects{c.Server, nc.Dial.Name}, hard: hard, pages: map[string]context.CancelFunc{}}
	deaf, err := w.listen()
	defer deaf()
	if err != nil {
		return err
	}
	err = w.run(ctx)
	w.drain(giveUp)
	return err
}

// listen takes what the server says to this worker, until deaf is called.
func (w *worker) listen() (deaf func(), err error) {
	var subs []*nats.Subscription
	deaf = func() {
		for _, sub := range subs {
			_ = sub.Unsubscribe() // the connection may be gone
		}
	}
	for subject, do := range map[string]nats.MsgHandler{w.of.page(): w.page, w.of.drop(): w.dropped} {
		sub, err := w.nc.Subscribe(subject, do)
		if err != nil {
			return deaf, fmt.Errorf("worker: listen to %s: %w", subject, err)
		}
		_ = sub.SetPendingLimits(4*maxSlots, 64<<20) // it is live
		subs = append(subs, sub)
	}
	return deaf, nil
}

// findTries is how often it is asked which server is there: one may be about to start.
const findTries = 10

// find asks which server is there.
func find(ctx context.Context, nc *nats.Conn) (id string, err error) {
	for range findTries {
		if id, err = findOnce(ctx, nc); !errors.Is(err, ErrNoServer) || ctx.Err() != nil {
			return id, err
		}
	}
	return "", err
}

// ErrTwoServers is the error of a worker that found several and was told of none.
var ErrTwoServers = errors.New("several servers answer, and one is to be named")

// findOnce hears for a second who answers.
func findOnce(ctx context.Context, nc *nats.Conn) (string, error) {
	ids := map[string]bool{}
	sub, err := nc.SubscribeSync(nc.NewRespInbox())
	if err != nil {
		return "", fmt.Errorf("look for a server: %w", err)
	}
	defer func() { _ = sub.Unsubscribe() }() // the connection may be gone
	if err := nc.PublishRequest(discovery, sub.Subject, nil); err != nil {
		return "", fmt.Errorf("look for a server: %w", err)
	}
	ctx, stop := context.WithTimeout(ctx, time.Second)
	defer stop()
	for {
		m, err := sub.NextMsgWithContext(ctx)
		if errors.Is(err, nats.ErrNoResponders) {
			<-ctx.Done() // it is said at once, but one may be about to start
		}
		if err != nil {
			break
		}
		if w, err := decodeWelcome(m.Data); err == nil {
			ids[w.Server] = true
		}
	}
	switch len(ids) {
	case 0:
		return "", ErrNoServer
	case 1:
		for id := range ids {
			return id, nil
		}
	}
	return "", fmt.Errorf("%w: %s", ErrTwoServers, strings.Join(slices.Sorted(maps.Keys(ids)), ", "))
}

// run says hello until ctx ends or the connection is closed.
func (w *worker) run(ctx context.Context) error {
	closed := w.nc.StatusChanged(nats.CLOSED)
	defer w.nc.RemoveStatusListener(closed)
	again := w.nc.StatusChanged(nats.CONNECTED)
	defer w.nc.RemoveStatusListener(again)
	every := time.NewTicker(helloEvery)
	defer every.Stop()
	said := saying{log: w.log}
	for {
		if err := said.take(w.greet(ctx, w.config.Slots)); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-closed:
			return fmt.Errorf("the connection is closed: %w", told(cmp.Or(w.nc.LastError(), nats.ErrConnectionClosed)))
		case <-again:
		case <-every.C:
		}
	}
}

// greet says hello, and hears what the server says to it.
func (w *worker) greet(ctx context.Context, slots int) (welcome, error) {
	text, err := json.Marshal(hello{Name: w.config.Name, Slots: slots, Version: w.config.Version, Payload: w.nc.MaxPayload()})
	if err != nil {
		return welcome{}, err
	}
	if w.nc.Status() != nats.CONNECTED {
		return welcome{}, nats.ErrDisconnected
	}
	ctx, stop := context.WithTimeout(ctx, helloEvery)
	defer stop()
	m, err := w.nc.RequestWithContext(ctx, w.of.hello(), text)
	if err != nil {
		return welcome{}, err
	}
	return decodeWelcome(m.Data)
}

// saying tells changes of what the server said, and nothing twice.
type saying struct {
	log   *slog.Logger
	last  string
	since time.Time
}

// take hears what came of a hello. The error is one that does not pass.
func (s *saying) take(w welcome, err error) error {
	now := "joined"
	switch {
	case err == nil && w.Refused != "":
		now = "refused: " + w.Refused
	case err != nil:
		now = "absent"
	}
	if now == s.last {
		return nil
	}
	switch {
	case now == "joined":
		s.log.Info("pages come from this server", "server", w.Server, "version", w.Version)
	case now == "absent" && s.last == "" && s.since.IsZero(), errors.Is(err, context.Canceled):
		s.since = time.Now() // it may not listen yet
		return nil
	case now == "absent":
		s.log.Warn("the server does not answer; waiting for it", "err", err)
	default:
		s.log.Warn("the server takes no pages from this worker", "why", w.Refused)
	}
	s.last = now
	return nil
}

// drain tells the server that no more pages are wanted, ends those that are there, and
// says bye.
func (w *worker) drain(giveUp func()) {
	w.mu.Lock()
	w.draining = true
	n := len(w.pages)
	w.mu.Unlock()
	ended := make(chan struct{})
	go func() {
		w.working.Wait()
		close(ended)
	}()
	if !w.nc.IsClosed() && n > 0 {
		w.log.Info("stopping: pages under way may end", "pages", n, "timeout", w.config.Drain)
	}
	if w.nc.IsClosed() {
		giveUp() // nobody waits for them
	}
	w.await(ended, giveUp)
	if !w.nc.IsClosed() {
		_, _ = w.nc.Request(w.of.bye(), nil, time.Second) // silence says the same
	}
}

// await says hello without slots until all pages have ended, or the time for it is over.
func (w *worker) await(ended <-chan struct{}, giveUp func()) {
	late := time.NewTimer(w.config.Drain)
	defer late.Stop()
	for {
		if !w.nc.IsClosed() {
			_, _ = w.greet(w.hard, 0)
		}
		select {
		case <-ended:
			return
		case <-late.C:
			w.log.Warn("pages took too long and are given up; the server has them read elsewhere")
			giveUp()
			<-ended
			return
		case <-time.After(helloEvery):
		}
	}
}

// page begins a page. A page that is there already goes on.
func (w *worker) page(m *nats.Msg) {
	o, err := decodeOrder(m.Data)
	if err != nil {
		w.log.Warn("a page that makes no sense", "err", err)
		if m.Reply != "" {
			_ = m.Respond(fault(codeFailed, err).encode(nil))
		}
		return
	}
	if m.Reply != w.of.reply(o.ID) {
		return // not what a server of ours asks
	}
	ctx, ok := w.begin(o.ID)
	if !ok {
		_ = m.Respond(fault(codeAway, errors.New("it takes no pages now")).encode(nil))
		return
	}
	if ctx == nil {
		return // it came twice
	}
	go func() {
		defer w.working.Done()
		defer w.end(o.ID)
		w.read(ctx, o)
	}()
}

// begin makes a page known; nil: it is. ok is false where there is no room for it.
func (w *worker) begin(id string) (ctx context.Context, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, there := w.pages[id]; there {
		return nil, true
	}
	if w.draining || len(w.pages) >= 2*w.config.Slots {
		return nil, false
	}
	ctx, stop := context.WithCancel(w.hard)
	w.pages[id] = stop
	w.working.Add(1)
	return ctx, true
}

func (w *worker) end(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if stop := w.pages[id]; stop != nil {
		stop()
		delete(w.pages, id)
	}
}

// dropped stops at a page that the server does not want any more.
func (w *worker) dropped(m *nats.Msg) {
	var d drop
	if len(m.Data) > maxAsk || strict.JSON(m.Data, &d) != nil {
		return
	}
	w.mu.Lock()
	stop := w.pages[d.ID]
	w.mu.Unlock()
	if stop != nil {
		stop()
	}
}

// read reads a page, and says so each second until it has said what came of it.
func (w *worker) read(ctx context.Context, o order) {
	reply := w.of.reply(o.ID)
	beat := frame{Kind: kindBeat}.encode(nil)
	done := make(chan [][]byte, 1)
	go func() { done <- w.answer(ctx, o) }()
	_ = w.nc.Publish(reply, beat)
	every := time.NewTicker(beatEvery)
	defer every.Stop()
	for {
		select {
		case <-every.C:
			if w.nc.Status() == nats.CONNECTED { // old beats are of no use
				_ = w.nc.Publish(reply, beat)
			}
		case messages := <-done:
			for _, m := range messages {
				if err := w.nc.Publish(reply, m); err != nil {
					w.log.Warn("an answer could not be sent", "err", err)
					return
				}
			}
			return
		}
	}
}

// answer is all that is said of a page in the end.
func (w *worker) answer(ctx context.Context, o order) [][]byte {
	packed, err := w.readPage(ctx, o)
	switch {
	case err == nil:
		return cut(packed, w.nc.MaxPayload())
	case ctx.Err() != nil && w.hard.Err() != nil:
		return [][]byte{fault(codeAway, errors.New("it is stopping")).encode(nil)}
	case ctx.Err() != nil:
		return nil // nobody listens
	case errors.Is(err, farm.ErrBasis):
		w.log.Warn("the server's engine is another one; its pages are refused", "server", w.config.Server, "err", err)
		return [][]byte{fault(codeBasis, err).encode(nil)}
	}
	w.log.Warn("a page gave no text", "job", o.Task.Job, "err", err)
	return [][]byte{fault(codeFailed, err).encode(nil)}
}

func (w *worker) readPage(ctx context.Context, o order) ([]byte, error) {
	image := &image{worker: w, order: o}
	defer image.remove()
	a, err := w.config.Do(ctx, o.Task, image.fetch)
	if err != nil {
		return nil, err
	}
	return w.packer.pack(a)
}
