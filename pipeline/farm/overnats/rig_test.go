package overnats

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
	"errors"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/pipeline/farm"
)

// secret is the token of all workers of a rig.
const secret = "twt_000000000000_right"

// rig is a server with a hub, whose pool is a list.
type rig struct {
	hub   *Hub
	pin   func(*x509.Certificate) bool
	blobs string
	log   *bytes.Buffer

	mu      sync.Mutex // guards what follows, and log
	workers []farm.Worker
	changed chan struct{}
	veto    func() error // nil: whoever has the secret may come in
}

func certificate(t testing.TB) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	c := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// newRig is a server that listens for workers; change may change how.
func newRig(t testing.TB, change func(*Config)) *rig {
	t.Helper()
	r := newHub(t)
	nc, err := r.hub.Connect()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	r.serve(t, nc, change)
	return r
}

// newHub is a hub without a server.
func newHub(t testing.TB) *rig {
	t.Helper()
	cert := certificate(t)
	r := &rig{blobs: t.TempDir(), changed: make(chan struct{}), log: &bytes.Buffer{}}
	r.pin = func(c *x509.Certificate) bool { return bytes.Equal(c.Raw, cert.Leaf.Raw) }
	var err error
	r.hub, err = Listen(HubConfig{Listen: "127.0.0.1:0", Server: "north-1", Cert: cert, Log: r.logger(), Again: 10 * time.Millisecond, Allow: r.allow})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.hub.Close)
	return r
}

func (r *rig) allow(token string) (string, error) {
	if token != secret {
		return "", errors.New("no such token")
	}
	r.mu.Lock()
	veto := r.veto
	r.mu.Unlock()
	if veto == nil {
		return "token:desk", nil
	}
	return "token:desk", veto()
}

// forbid has veto say of each token whether it is still good.
func (r *rig) forbid(veto func() error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.veto = veto
}

func (r *rig) serve(t testing.TB, nc *nats.Conn, change func(*Config)) {
	t.Helper()
	c := Config{Server: "north-1", Version: "1", Blobs: r, Join: r.join, Log: r.logger(), Gone: r.hub.Gone()}
	if change != nil {
		change(&c)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- Serve(ctx, nc, c) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

func (r *rig) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(locked{r}, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// locked writes the log.
type locked struct{ *rig }

func (l locked) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.log.Write(b)
}

func (r *rig) logged(what string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return bytes.Contains(r.log.Bytes(), []byte(what))
}

// lines are all that was logged.
func (r *rig) lines() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.log.String()
}

func (r *rig) Open(ref core.Ref) (*os.File, error) {
	return os.Open(filepath.Join(r.blobs, string(ref)))
}

func (r *rig) join(w farm.Worker) (leave func()) {
	r.set(func(all []farm.Worker) []farm.Worker { return append(all, w) })
	return func() {
		r.set(func(all []farm.Worker) []farm.Worker {
			return slices.DeleteFunc(all, func(o farm.Worker) bool { return o == w })
		})
	}
}

func (r *rig) set(change func([]farm.Worker) []farm.Worker) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.workers = change(slices.Clone(r.workers))
	close(r.changed)
	r.changed = make(chan struct{})
}

// await waits until so many workers are in the pool.
func (r *rig) await(t testing.TB, n int) []farm.Worker {
	t.Helper()
	late := time.After(20 * time.Second)
	for {
		r.mu.Lock()
		all, changed := r.workers, r.changed
		r.mu.Unlock()
		if len(all) == n {
			return all
		}
		select {
		case <-changed:
		case <-late:
			t.Fatalf("%d workers are in the pool, want %d\n%s", len(all), n, r.lines())
		}
	}
}

// put keeps an image.
func (r *rig) put(t testing.TB, content []byte) core.File {
	t.Helper()
	sum := sha256.Sum256(content)
	ref := hex.EncodeToString(sum[:])
	if err := os.WriteFile(filepath.Join(r.blobs, ref), content, 0o600); err != nil {
		t.Fatal(err)
	}
	return core.File{Name: "page.png", Ref: core.Ref(ref), Size: int64(len(content))}
}

func (r *rig) dial(id string) Dial {
	return Dial{URL: "tls://" + r.hub.Addr().String(), Name: id, Token: secret, Pinned: r.pin, Log: r.logger()}
}

// hand is a worker that a test can stop in two ways.
type hand struct {
	nc    *Conn
	dir   string
	stop  context.CancelFunc
	ended chan error
}

// work lets a worker work.
func (r *rig) work(t testing.TB, name string, do Do) *hand {
	t.Helper()
	nc, err := Connect(t.Context(), r.dial(NewID()))
	if err != nil {
		t.Fatal(err)
	}
	return r.workOver(t, nc, name, do)
}

func (r *rig) workOver(t testing.TB, nc *Conn, name string, do Do) *hand {
	t.Helper()
	h := &hand{nc: nc, dir: t.TempDir(), ended: make(chan error, 1)}
	var ctx context.Context
	ctx, h.stop = context.WithCancel(context.Background())
	go func() {
		h.ended <- Work(ctx, nc, WorkerConfig{Name: name, Version: "1", Slots: 2, Do: do, Dir: h.dir})
	}()
	t.Cleanup(func() {
		h.stop()
		select {
		case <-h.ended:
		case <-time.After(20 * time.Second):
			t.Errorf("a worker does not end\n%s", r.lines())
		}
		nc.Close()
	})
	return h
}

// echo answers with what the image is.
func echo(ctx context.Context, t farm.Task, fetch Fetch) (farm.Answer, error) {
	path, err := fetch(ctx)
	if err != nil {
		return farm.Answer{}, err
	}
	data, err := os.ReadFile(path)
	return farm.Answer{Text: core.PageText{Text: core.File{Name: "page.json"}, By: string(t.Job), Words: len(data)}, Page: data}, err
}

func noise(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return b
}
