package join

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"log/slog"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/license"
	"github.com/twinleaf-scan/twinleaf/core/pair/identity"
	"github.com/twinleaf-scan/twinleaf/core/pair/link"
	"github.com/twinleaf-scan/twinleaf/core/parity"
)

// cheap is a cost of scrypt for tests that are not about it.
const cheap = 1 << 8

const northMAC, southMAC = "00:16:3e:00:00:01", "00:16:3e:00:00:02"

var day0 = time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC)

// issuer signs licences.
type issuer struct{ private, public string }

func newIssuer(t testing.TB) issuer {
	t.Helper()
	private, public, err := license.NewSigner(rand.Reader, "acme")
	if err != nil {
		t.Fatal(err)
	}
	return issuer{private, public}
}

func (i issuer) issue(t testing.TB, change func(*license.License), key license.Key) []byte {
	t.Helper()
	l := license.License{Key: key, Kind: license.Permanent, Cores: 8, MACs: []string{northMAC, southMAC}, NotBefore: day0.AddDate(-1, 0, 0)}
	if change != nil {
		change(&l)
	}
	file, err := license.Issue(l, i.private)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

const northKey, southKey = license.Key("JBVTXUI030000085"), license.Key("JBXDXUI040000045")

// party is one server of a test.
type party struct {
	id       *identity.Identity
	dir      string
	proposal Proposal
	trusted  []string
	clock    time.Duration // by which it is ahead
	identity Identity      // instead of id; nil: id
	log      lines

	installed, committed string // key of secrets
	overruled            []Setting
}

func newParty(t *testing.T, name, mac string, i issuer, licence []byte) *party {
	t.Helper()
	p := &party{dir: filepath.Join(t.TempDir(), "server"), trusted: []string{i.public}}
	id, err := identity.Open(p.dir, name, false)
	if err != nil {
		t.Fatal(err)
	}
	p.id = id
	p.proposal = Proposal{
		Format: Format, Protocol: 1, Product: "1.0",
		Server:  identity.Peer{ID: id.ID, Name: name, Fingerprint: id.Fingerprint, Addresses: []string{name + ".example.org:8443"}, URL: "http://" + name + ".example.org:8080"},
		Licence: licence, Cores: 4, MACs: []string{mac}, SealKey: name,
		Manifest: parity.Manifest{
			Format: parity.Format, Product: "1.0", Platform: "linux/amd64", Server: parity.Server{ID: id.ID, Name: name}, Zone: "UTC", Cores: 4, MemoryMB: 1000,
			Plugins: []parity.Plugin{{Name: "tesseract", Kinds: []string{"recognizer"}}}, Engines: []parity.Engine{{Plugin: "tesseract", Name: "tesseract", Version: "5"}},
			Settings: []parity.Setting{},
		},
	}
	return p
}

func (p *party) mine() Mine {
	var id Identity = p.id
	if p.identity != nil {
		id = p.identity
	}
	return Mine{
		Self: p.id.Cert, Identity: id, cost: cheap, Silence: 3 * time.Second,
		Propose: func(context.Context) (Proposal, error) { return p.proposal, nil },
		Trusted: func() ([]string, error) { return p.trusted, nil },
		Now:     func() time.Time { return time.Now().Add(p.clock) },
		Log:     slog.New(slog.NewTextHandler(&p.log, nil)),
	}
}

// install keeps a key as a server would: beside at first.
func (p *party) install(_ context.Context, key string) (func() error, error) {
	p.installed = key
	return func() error { p.committed = key; return nil }, nil
}

func (p *party) formed(t *testing.T) *identity.Formed {
	t.Helper()
	f, err := p.id.Formed()
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// rig is two servers, of which the first listens.
type rig struct {
	north, south *party
	issuer       issuer
	config       PrimaryConfig
	server       *link.Server
	address      string
	window       *Primary
	result       chan error // of the window's Run
}

func newRig(t *testing.T) *rig {
	t.Helper()
	i := newIssuer(t)
	r := &rig{issuer: i}
	r.north = newParty(t, "north", northMAC, i, i.issue(t, nil, northKey))
	r.south = newParty(t, "south", southMAC, i, i.issue(t, nil, southKey))
	r.server = link.NewServer(link.ServerConfig{Self: r.north.id.Cert})
	r.address = serve(t, r.server)
	return r
}

// serve runs a listener until the test ends, and gives its address.
func serve(t *testing.T, s *link.Server) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return l.Addr().String()
}

// open opens the window on north.
func (r *rig) open(t *testing.T) {
	t.Helper()
	c := r.config
	c.Mine, c.Address = r.north.mine(), r.address
	c.SealKey = func() (string, error) { return "key of north", nil }
	c.Overrule = func(_ context.Context, list []Setting) error { r.north.overruled = list; return nil }
	w, err := NewPrimary(c)
	if err != nil {
		t.Fatal(err)
	}
	r.window, r.result = w, make(chan error, 1)
	r.server.Join(w)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		f, err := w.Run(ctx)
		if (f == nil) == (err == nil) {
			err = errors.Join(err, errors.New("neither formed nor refused, or both"))
		}
		r.result <- err
	}()
	t.Cleanup(func() { cancel(); <-ended })
}

// join has south join with the window's code.
func (r *rig) join(t *testing.T) (*identity.Formed, error) {
	t.Helper()
	return r.joinWith(t, r.window.Code().String(), Config{})
}

func (r *rig) joinWith(t *testing.T, code string, c Config) (*identity.Formed, error) {
	t.Helper()
	c.Mine, c.Install = r.south.mine(), r.south.install
	return Join(t.Context(), code, c)
}

// ended waits for what the window came to.
func (r *rig) ended(t *testing.T) error {
	t.Helper()
	select {
	case err := <-r.result:
		return err
	case <-time.After(30 * time.Second):
		t.Fatal("the window does not end")
		return nil
	}
}

// apart wants neither server to be in a pair.
func (r *rig) apart(t *testing.T) {
	t.Helper()
	if n, s := r.north.formed(t), r.south.formed(t); n != nil || s != nil {
		t.Errorf("a pair was formed: %+v, %+v", n, s)
	}
}

// together wants both in one pair.
func (r *rig) together(t *testing.T) {
	t.Helper()
	n, s := r.north.formed(t), r.south.formed(t)
	if n == nil || s == nil || n.Pair != s.Pair || n.Peer.ID != r.south.id.ID || s.Peer.ID != r.north.id.ID {
		t.Errorf("no pair: %+v, %+v", n, s)
	}
}

// says wants a failure of a code with words and a remedy.
func says(t *testing.T, name string, err error, code, words string) {
	t.Helper()
	f := core.AsFailure(err)
	if r, ok := errors.AsType[*Refusal](err); ok {
		f = *r.Failure()
	}
	if err == nil || f.Code != code || !strings.Contains(f.Detail, words) || f.Remedy == "" {
		t.Errorf("%s: got %q %v, want %q … %s … and a remedy", name, f.Code, err, code, words)
	}
}

func digest(b byte) string { return hex.EncodeToString(bytes.Repeat([]byte{b}, 32)) }

// lines is a log of several goroutines.
type lines struct {
	mu  sync.Mutex // guards buf
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func codes(all []Problem) []string {
	var out []string
	for _, p := range all {
		out = append(out, p.Code)
	}
	slices.Sort(out)
	return out
}
