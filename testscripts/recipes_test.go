package testscripts

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/console"
	"github.com/twinleaf-scan/twinleaf/console/api"
	"github.com/twinleaf-scan/twinleaf/core"
)

// recipe is a file of docs/recipes with some of its words changed to those of the test.
// Each must be there.
func recipe(t *testing.T, name string, words ...string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "docs", "recipes", name))
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	for i := 0; i < len(words); i += 2 {
		if !strings.Contains(text, words[i]) {
			t.Fatalf("%s does not hold %q", name, words[i])
		}
		text = strings.ReplaceAll(text, words[i], words[i+1])
	}
	path := filepath.Join(t.TempDir(), filepath.Base(name))
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// programOf finds a program, also where ordinary users do not look.
func programOf(t *testing.T, program string) string {
	t.Helper()
	for _, p := range []string{program, "/usr/sbin/" + program, "/sbin/" + program} {
		if path, err := exec.LookPath(p); err == nil {
			return path
		}
	}
	t.Skipf("%s is not installed (apt-get install %s)", program, program)
	return ""
}

// within waits until ask has no error any more.
func within(t *testing.T, what string, ask func() error) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	var err error
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); <-tick.C {
		if err = ask(); err == nil {
			return
		}
	}
	t.Fatalf("%s: not within 30 s: %v", what, err)
}

// daemon runs a program until the test ends.
func daemon(t *testing.T, program string, args ...string) *exec.Cmd {
	t.Helper()
	out := &strings.Builder{}
	cmd := exec.Command(program, args...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait() // says how it was stopped
		if t.Failed() {
			t.Logf("%s:\n%s", filepath.Base(program), out)
		}
	})
	return cmd
}

// authority signs certificates for the names of a test.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string // PEM
	pool *x509.CertPool
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := &authority{file: filepath.Join(t.TempDir(), "ca.pem"), pool: x509.NewCertPool()}
	der, key := a.sign(t, &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	})
	var err error
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	a.key = key
	a.pool.AddCert(a.cert)
	if err := os.WriteFile(a.file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644); err != nil {
		t.Fatal(err)
	}
	return a
}

func (a *authority) sign(t *testing.T, c *x509.Certificate) ([]byte, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	parent, signer := a.cert, a.key
	if parent == nil {
		parent, signer = c, key
	}
	der, err := x509.CreateCertificate(rand.Reader, c, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	return der, key
}

// issue makes a certificate for names; file holds it with its key.
func (a *authority) issue(t *testing.T, names ...string) (cert tls.Certificate, file string) {
	t.Helper()
	der, key := a.sign(t, &x509.Certificate{SerialNumber: big.NewInt(2), DNSNames: names, NotAfter: time.Now().Add(time.Hour)})
	pk, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	both := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pk})...)
	file = filepath.Join(t.TempDir(), "both.pem")
	if err := os.WriteFile(file, both, 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, file
}

// half is a server of a pair as balancers see it: the real /readyz, with a health that
// the test turns.
type half struct {
	*httptest.Server
	health atomic.Pointer[core.Health]
}

func (h *half) turn(data, mode string) {
	h.health.Store(&core.Health{Web: core.Item{State: "up", Since: time.Now()}, Data: core.Item{State: data, Cause: "the test {says so}"}, Mode: core.Item{State: mode}})
}

func newHalf(t *testing.T, a *authority, name, mode string) *half {
	t.Helper()
	h := &half{}
	h.turn("up", mode)
	s, err := console.New(console.Config{Insecure: true, Listen: ":8080"}, console.Parts{Health: func() core.Health { return *h.health.Load() }})
	if err != nil {
		t.Fatal(err)
	}
	cert, _ := a.issue(t, name, "scan.example")
	h.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/who" {
			fmt.Fprintf(w, "%s %s", name, r.Header.Get(api.FailoverHeader))
			return
		}
		s.Handler().ServeHTTP(w, r)
	}))
	h.TLS = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	h.StartTLS()
	t.Cleanup(h.Close)
	return h
}

// balanced is a haproxy with a recipe in front of two halves of a pair.
type balanced struct {
	north, south *half
	ask          func(want string) error
}

func balance(t *testing.T, name string, more ...string) *balanced {
	t.Helper()
	program := programOf(t, "haproxy")
	a := newAuthority(t)
	b := &balanced{north: newHalf(t, a, "north.example", "active"), south: newHalf(t, a, "south.example", "standby")}
	front := freePort(t)
	_, file := a.issue(t, "scan.example")
	if strings.Contains(name, "http") {
		more = append(more, "/etc/haproxy/scans.pem", file)
	}
	cfg := recipe(t, name, append(more, "bind :8443", "bind "+front, "/etc/haproxy/twinleaf-ca.pem", a.file, "inter 1s", "inter 100ms",
		"192.0.2.11:8080", b.north.Listener.Addr().String(), "192.0.2.12:8080", b.south.Listener.Addr().String())...)
	if out, err := exec.Command(program, "-c", "-f", cfg).CombinedOutput(); err != nil || strings.Contains(string(out), "[WARNING]") {
		t.Fatalf("haproxy -c: %v\n%s", err, out)
	}
	daemon(t, program, "-db", "-f", cfg)
	cl := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{
		DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: a.pool, ServerName: "scan.example", MinVersion: tls.VersionTLS12},
	}}
	b.ask = func(want string) error {
		resp, err := cl.Get("https://" + front + "/who")
		if err != nil {
			return err
		}
		defer resp.Body.Close() // read only
		if got, err := io.ReadAll(resp.Body); err != nil || strings.TrimSpace(string(got)) != want {
			return fmt.Errorf("got %d %q, %w; want %q", resp.StatusCode, got, err, want)
		}
		return nil
	}
	return b
}

// TestRecipeHAProxy turns and stops the servers behind the recipe's HAProxy.
func TestRecipeHAProxy(t *testing.T) {
	for name, cause := range map[string]string{"haproxy/haproxy.cfg": "", "haproxy/haproxy-http.cfg": " network"} {
		t.Run(filepath.Base(name), func(t *testing.T) {
			b := balance(t, name)
			toNorth := func() error { return b.ask("north.example") }
			toSouth := func() error { return b.ask("south.example" + cause) }
			within(t, "the primary works", toNorth)
			b.north.turn("up", "maintenance")
			within(t, "maintenance: over to the standby", toSouth)
			b.south.turn("up", "active")
			within(t, "it took over", toSouth)
			b.north.turn("up", "active")
			within(t, "the primary is back", toNorth)
			b.north.turn("down", "active")
			within(t, "no data service: over", toSouth)
			b.south.turn("down", "active")
			within(t, "nobody can", func() error {
				if toNorth() == nil || toSouth() == nil {
					return errors.New("somebody answers")
				}
				return nil
			})
			b.south.turn("up", "standby")
			b.north.turn("up", "active")
			within(t, "the primary is back", toNorth)
			b.north.CloseClientConnections()
			b.north.Close()
			within(t, "killed: over", toSouth)
		})
	}
}

// TestRecipeCheckScript asks real servers with the script that keepalived runs.
func TestRecipeCheckScript(t *testing.T) {
	programOf(t, "curl")
	a := newAuthority(t)
	h := newHalf(t, a, "127.0.0.1", "active")
	cert, _ := a.issue(t, "localhost")
	h.TLS.Certificates[0] = cert
	_, port, err := net.SplitHostPort(h.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	check := func(args ...string) error {
		return exec.CommandContext(t.Context(), filepath.Join("..", "docs", "recipes", "keepalived", "check-twinleaf"), args...).Run()
	}
	url := "https://localhost:" + port
	if err := check(url, a.file); err != nil {
		t.Errorf("it takes jobs: got %v, want 0", err)
	}
	if err := check(url); err == nil {
		t.Error("signed by nobody known: got 0, want an error")
	}
	for _, mode := range []string{"standby", "maintenance", "draining"} {
		h.turn("up", mode)
		if err := check(url, a.file); err == nil {
			t.Errorf("%s: got 0, want an error", mode)
		}
	}
	h.turn("down", "active")
	if err := check(url, a.file); err == nil {
		t.Error("no data service: got 0, want an error")
	}
	h.turn("up", "active")
	if err := check(url, a.file); err != nil {
		t.Errorf("it takes jobs again: got %v, want 0", err)
	}
	h.Close()
	if err := check(url, a.file); err == nil {
		t.Error("nobody there: got 0, want an error")
	}
}
