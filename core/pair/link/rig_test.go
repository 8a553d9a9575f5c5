package link

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"log/slog"
	"math/big"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/journal"
	"github.com/twinleaf-scan/twinleaf/core/pair"
	"github.com/twinleaf-scan/twinleaf/core/pair/identity"
	"github.com/twinleaf-scan/twinleaf/core/parity"
)

// someone makes a certificate and gives its fingerprint.
func someone(t testing.TB) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	// Its time is long over: nothing but the key counts.
	form := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1, 0)}
	der, err := x509.CreateCertificate(rand.Reader, form, form, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, identity.Fingerprint(c)
}

// peer is a handler that keeps everything in memory.
type peer struct {
	mu       sync.Mutex
	messages []pair.Message
	frames   [][]byte
	asides   map[string][][]byte
	blobs    map[core.Ref][]byte
	called   string

	deaf bool                            // hears no run
	err  error                           // of every call
	hold func(context.Context) error     // before a blob is kept
	tell func() (parity.Manifest, error) // of Manifest

	places int
	read   func(ctx context.Context, task []byte) ([]byte, error) // of Page
}

func (p *peer) call(format string, a ...any) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.called = fmt.Sprintf(format, a...)
	return p.err
}

func (p *peer) last() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.called
}

func (p *peer) Receive(m pair.Message) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.messages = append(p.messages, m)
	return nil
}

func (p *peer) received() []pair.Message {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.messages)
}

func (p *peer) Hears(run uint64) bool { return run == 7 && !p.deaf }

func (p *peer) at() Copied {
	p.mu.Lock()
	defer p.mu.Unlock()
	return Copied{First: 1, Seq: journal.Seq(len(p.frames)), Hash: journal.Hash{1, 2, 3}, Asides: []string{"forked-1"}}
}

func (p *peer) Copied(context.Context) (Copied, error) { return p.at(), p.call("copied") }

func (p *peer) HashAt(_ context.Context, seq journal.Seq) (journal.Hash, error) {
	return journal.Hash{31: byte(seq)}, p.call("hash %d", seq)
}

func (p *peer) Ship(_ context.Context, frames [][]byte) (Copied, error) {
	p.mu.Lock()
	p.frames = append(p.frames, frames...)
	p.mu.Unlock()
	return p.at(), p.call("ship %d", len(frames))
}

func (p *peer) Lost(_ context.Context, from journal.Seq) ([][]byte, error) {
	err := p.call("lost %d", from)
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.frames, err
}

func (p *peer) SetAside(_ context.Context, end pair.End) error { return p.call("aside %v", end) }

func (p *peer) Aside(_ context.Context, name string) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		for _, f := range p.asides[name] {
			if !yield(f, nil) {
				return
			}
		}
		if err := p.call("read aside %s", name); err != nil {
			yield(nil, err)
		}
	}
}

func (p *peer) Discard(_ context.Context, name string) error { return p.call("discard %s", name) }
func (p *peer) Compact(_ context.Context, before journal.Seq) error {
	return p.call("compact %d", before)
}

func (p *peer) Lacks(_ context.Context, refs []core.Ref) ([]core.Ref, error) {
	err := p.call("lacks %d", len(refs))
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.DeleteFunc(refs, func(r core.Ref) bool { _, has := p.blobs[r]; return has }), err
}

func (p *peer) PutBlob(ctx context.Context, ref core.Ref, r io.Reader, size int64) error {
	if p.hold != nil {
		if err := p.hold(ctx); err != nil {
			return err
		}
	}
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.blobs[ref] = raw
	return p.err
}

func (p *peer) Blob(_ context.Context, ref core.Ref) (io.ReadCloser, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	raw, has := p.blobs[ref]
	if !has {
		return nil, fmt.Errorf("blob %s: %w", ref, fs.ErrNotExist)
	}
	return io.NopCloser(bytes.NewReader(raw)), p.err
}

func (p *peer) Places() int { return p.places }

func (p *peer) Page(ctx context.Context, task []byte) ([]byte, error) { return p.read(ctx, task) }

func (p *peer) Manifest(_ context.Context, deep bool) (parity.Manifest, error) {
	if err := p.call("manifest %v", deep); err != nil {
		return parity.Manifest{}, err
	}
	if p.tell != nil {
		return p.tell()
	}
	return parity.Manifest{Format: parity.Format, Product: "0.1", Server: parity.Server{ID: "south-1", Name: "south"}}, nil
}

func (p *peer) Lock(context.Context) ([]byte, error) { return []byte("# lock\n"), p.call("lock") }

func (p *peer) Archive(_ context.Context, digest string) (io.ReadCloser, error) {
	return io.NopCloser(bytes.NewReader([]byte("PK " + digest))), p.call("archive %s", digest)
}

// counted counts the connections that a listener takes.
type counted struct {
	net.Listener
	n atomic.Int32
}

func (c *counted) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	if err == nil {
		c.n.Add(1)
	}
	return conn, err
}

// rig is a server and a client of it, as they are paired.
type rig struct {
	*peer
	server  *Server
	client  *Client
	config  ClientConfig
	address string
	listens *counted
	log     *logged
	stop    func() error // ends Serve and gives its error
}

// logged is a log that a test can read while it is written.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func newRig(t testing.TB, change ...func(*ServerConfig, *ClientConfig)) *rig {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	// What takes longer than these hangs. Of the bounds in the field tell tests on wires.
	patient := func(s *ServerConfig, c *ClientConfig) { c.Dial, c.Message = 20*time.Second, 20*time.Second }
	return newRigAt(t, l, append([]func(*ServerConfig, *ClientConfig){patient}, change...)...)
}

// newRigAt is a rig whose server listens there.
func newRigAt(t testing.TB, l net.Listener, change ...func(*ServerConfig, *ClientConfig)) *rig {
	t.Helper()
	r := &rig{peer: &peer{asides: map[string][][]byte{}, blobs: map[core.Ref][]byte{}}, log: &logged{}}
	own, ownPrint := someone(t)
	their, theirPrint := someone(t)
	r.listens, r.address = &counted{Listener: l}, l.Addr().String()
	log := slog.New(slog.NewTextHandler(r.log, nil))
	sc := ServerConfig{Self: their, Log: log}
	r.config = ClientConfig{Self: own, Pin: theirPrint, Addresses: []string{r.address}, Run: 7, Log: log}
	for _, c := range change {
		c(&sc, &r.config)
	}
	r.server, r.client = NewServer(sc), NewClient(r.config)
	r.server.Pin(ownPrint, r.peer)
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- r.server.Serve(ctx, r.listens) }()
	r.stop = sync.OnceValue(func() error { cancel(); return <-served })
	t.Cleanup(func() {
		r.client.Close()
		if err := r.stop(); err != nil {
			t.Errorf("the server ended with %v", err)
		}
	})
	return r
}

// as is the rig's client with another configuration.
func (r *rig) as(t testing.TB, change func(*ClientConfig)) *Client {
	t.Helper()
	cfg := r.config
	change(&cfg)
	c := NewClient(cfg)
	t.Cleanup(c.Close)
	return c
}

func refOf(content []byte) core.Ref {
	sum := sha256.Sum256(content)
	return core.Ref(hex.EncodeToString(sum[:]))
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	end := time.NewTimer(20 * time.Second)
	defer end.Stop()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-end.C:
			t.Fatalf("never: %s", what)
		case <-tick.C:
		}
	}
}
