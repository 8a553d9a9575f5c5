package overnats

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/pipeline/farm"
)

// Blobs are where page images lie.
type Blobs interface {
	Open(ref core.Ref) (*os.File, error)
}

// Config is what the server's side needs.
type Config struct {
	Server  string // its id
	Version string // of its program, for logs
	Blobs   Blobs
	Join    func(farm.Worker) (leave func()) // that of the pool
	Log     *slog.Logger                     // default: none
	Workers int                              // that may be there at once; default 1000
	Gone    <-chan string                    // workers whose connection has ended, where somebody knows; nil: nobody does
}

// server is the server's side.
type server struct {
	config Config
	nc     *nats.Conn
	packer *packer
	limit  int64 // bytes of a message

	mu      sync.Mutex // guards what follows
	workers map[string]*remote
	names   map[string]string // name: worker that has it
	pages   map[string]given
}

// given is a page that a worker has.
type given struct {
	worker string
	image  core.File
}

// Serve takes workers in until ctx ends. The connection is the caller's, and so is its end.
func Serve(ctx context.Context, nc *nats.Conn, c Config) error {
	if !hostShape.MatchString(c.Server) {
		return fmt.Errorf("workers over NATS: %q cannot be a server's id", c.Server)
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	c.Workers = cmp.Or(c.Workers, 1000)
	p, err := newPacker()
	if err != nil {
		return fmt.Errorf("workers over NATS: %w", err)
	}
	defer p.close()
	s := &server{config: c, nc: nc, packer: p, limit: nc.MaxPayload(), workers: map[string]*remote{}, names: map[string]string{}, pages: map[string]given{}}
	if s.limit < minPayload {
		return fmt.Errorf("workers over NATS: the NATS server takes messages of %d bytes, at least %d are needed (max_payload)", s.limit, minPayload)
	}
	return s.run(ctx)
}

// run listens, and looks each second whom nothing was heard of.
func (s *server) run(ctx context.Context) error {
	var subs []*nats.Subscription
	defer func() {
		for _, sub := range subs {
			_ = sub.Unsubscribe() // the connection may be gone
		}
		s.dismiss(func(*remote) bool { return true }, errors.New("the server is stopping"))
	}()
	of := subjects{s.config.Server, "*"}
	for subject, do := range map[string]nats.MsgHandler{discovery: s.found, of.hello(): s.hello, of.bye(): s.bye, of.blob(): s.blob} {
		sub, err := s.nc.Subscribe(subject, do)
		if err != nil {
			return fmt.Errorf("workers over NATS: listen to %s: %w", subject, err)
		}
		_ = sub.SetPendingLimits(16<<10, 32<<20) // it is live
		subs = append(subs, sub)
	}
	closed := s.nc.StatusChanged(nats.CLOSED)
	defer s.nc.RemoveStatusListener(closed)
	every := time.NewTicker(time.Second)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-closed:
			return fmt.Errorf("workers over NATS: the connection is closed: %w", told(cmp.Or(s.nc.LastError(), nats.ErrConnectionClosed)))
		case id := <-s.config.Gone:
			s.dismiss(func(r *remote) bool { return r.id == id }, errors.New("its connection has ended"))
		case now := <-every.C:
			s.dismiss(func(r *remote) bool { return now.UnixNano()-r.heard.Load() > int64(goneAfter) }, fmt.Errorf("nothing was heard of it for %v", goneAfter))
		}
	}
}

func (s *server) welcome() welcome {
	return welcome{Server: s.config.Server, Version: s.config.Version}
}

// found answers those who look for servers.
func (s *server) found(m *nats.Msg) { s.answer(m, s.welcome()) }

func (s *server) answer(m *nats.Msg, w welcome) {
	if text, err := json.Marshal(w); err == nil && m.Reply != "" {
		_ = m.Respond(text) // who asked asks again
	}
}

// sender is the worker that a subject ends with.
func sender(m *nats.Msg) (id string, ok bool) {
	id = m.Subject[strings.LastIndexByte(m.Subject, '.')+1:]
	return id, idShape.MatchString(id)
}

// hello takes a worker in, or notes that it is still there.
func (s *server) hello(m *nats.Msg) {
	id, ok := sender(m)
	if !ok {
		return
	}
	w := s.welcome()
	h, err := decodeHello(m.Data)
	if err == nil {
		err = s.meet(id, h)
	}
	if err != nil {
		w.Refused = clip(err.Error())
		s.config.Log.Warn("a worker is refused", "worker", h.Name, "err", err)
	}
	s.answer(m, w)
}

// meet takes a worker in that is not known yet, and takes down what it says of itself.
func (s *server) meet(id string, h hello) error {
	s.mu.Lock()
	r := s.workers[id]
	if r == nil && len(s.workers) >= s.config.Workers {
		s.mu.Unlock()
		return fmt.Errorf("there are %d workers, which is all that there may be", s.config.Workers)
	}
	isNew := r == nil
	if isNew {
		r = s.admit(id, h)
	}
	s.mu.Unlock()
	r.heard.Store(time.Now().UnixNano())
	r.slots.Store(int64(h.Slots))
	switch {
	case h.Slots == 0:
		r.retire()
	case isNew:
		s.config.Log.Debug("a worker is there", "worker", r.name, "slots", h.Slots, "version", h.Version)
		r.join(s.config.Join)
	}
	return nil
}

// admit makes a worker known. The caller holds mu.
func (s *server) admit(id string, h hello) *remote {
	name := h.Name
	if _, taken := s.names[name]; taken {
		name += "-" + id[:6]
	}
	r := &remote{server: s, id: id, name: name, limit: min(s.limit, h.Payload)}
	r.alive, r.end = context.WithCancelCause(context.Background())
	s.workers[id], s.names[name] = r, id
	return r
}

// bye is a worker's last word.
func (s *server) bye(m *nats.Msg) {
	if id, ok := sender(m); ok {
		s.dismiss(func(r *remote) bool { return r.id == id }, errors.New("it said bye"))
		s.answer(m, s.welcome())
	}
}

// dismiss forgets workers, and ends the pages that they have.
func (s *server) dismiss(which func(*remote) bool, why error) {
	var gone []*remote
	s.mu.Lock()
	for id, r := range s.workers {
		if which(r) {
			delete(s.workers, id)
			delete(s.names, r.name)
			gone = append(gone, r)
		}
	}
	s.mu.Unlock()
	for _, r := range gone {
		r.retire()
		r.end(fmt.Errorf("%w: %w", farm.ErrGone, why))
		s.config.Log.Info("a worker is gone", "worker", r.name, "why", why)
	}
}

// forget has a worker join anew when it says hello again. The pages that it has go on.
func (s *server) forget(r *remote) {
	s.mu.Lock()
	if s.workers[r.id] == r {
		delete(s.workers, r.id)
		delete(s.names, r.name)
	}
	s.mu.Unlock()
	r.retire()
}

func (s *server) give(id, worker string, image core.File) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pages[id] = given{worker, image}
}

func (s *server) take(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.pages, id)
}

// blob gives a worker a part of an image: one of a page that it has, and of none else.
func (s *server) blob(m *nats.Msg) {
	if m.Reply == "" {
		return
	}
	reply, err := s.part(m)
	if err != nil {
		s.config.Log.Debug("a worker gets no image", "subject", m.Subject, "err", err)
		reply = fault(codeAway, err).encode(nil)
	}
	_ = m.Respond(reply) // it asks again
}

func (s *server) part(m *nats.Msg) ([]byte, error) {
	a, err := decodeAsk(m.Data)
	if err != nil {
		return nil, err
	}
	worker, _ := sender(m)
	s.mu.Lock()
	g, known := s.pages[a.ID]
	r := s.workers[worker]
	s.mu.Unlock()
	if !known || g.worker != worker || g.image.Ref != a.Ref || a.At >= g.image.Size {
		return nil, errors.New("the worker has no such page")
	}
	limit := s.limit
	if r != nil {
		limit = r.limit
	}
	f, err := s.config.Blobs.Open(a.Ref)
	if err != nil {
		return nil, errors.New("the image is not there any more")
	}
	defer f.Close() // read only
	head := frame{Kind: kindData, At: a.At}.encode(nil)
	out := make([]byte, int64(len(head))+min(piece(limit), g.image.Size-a.At))
	copy(out, head)
	if _, err := f.ReadAt(out[len(head):], a.At); err != nil && !errors.Is(err, io.EOF) {
		return nil, errors.New("the image cannot be read")
	}
	return out, nil
}

// remote is a worker as the pool sees it.
type remote struct {
	server *server
	id     string
	name   string
	limit  int64 // bytes of a message
	slots  atomic.Int64
	heard  atomic.Int64 // when its last hello came, in nanoseconds

	alive context.Context // ends when it is gone, with the reason
	end   context.CancelCauseFunc

	mu      sync.Mutex // guards what follows
	leave   func()     // nil: it is not in the pool
	retired bool
}

// Name implements farm.Worker.
func (r *remote) Name() string { return r.name }

// Slots implements farm.Worker.
func (r *remote) Slots() int { return int(r.slots.Load()) }

// join brings it into the pool, unless it has retired.
func (r *remote) join(pool func(farm.Worker) func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.retired {
		r.leave = pool(r)
	}
}

// retire takes it out of the pool for good; the pages that it has go on.
func (r *remote) retire() {
	r.mu.Lock()
	leave := r.leave
	r.retired, r.leave = true, nil
	r.mu.Unlock()
	if leave != nil {
		leave()
	}
}
