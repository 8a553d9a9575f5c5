package main

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/sdk"
	"github.com/twinleaf-scan/twinleaf/sdk/deliver/delivertest"
	"github.com/twinleaf-scan/twinleaf/sdk/plugintest"
)

// serverConfig is what testdata/server.py is told.
type serverConfig struct {
	Out      string   `json:"out"`
	TLS      string   `json:"tls"`
	Cert     string   `json:"cert"`
	Key      string   `json:"key"`
	User     string   `json:"user"`
	Password string   `json:"password"`
	Size     int      `json:"size"`
	Without  []string `json:"without"` // mechanisms that it does not offer
}

// server is a real mail server on a port of its own.
type server struct {
	serverConfig
	address string
	ca      string // its certificate in PEM
}

const password = "pa55word-of-ours"

// newServer starts one; change may be nil.
func newServer(t testing.TB, change func(*serverConfig)) *server {
	t.Helper()
	s := &server{serverConfig: serverConfig{Out: t.TempDir(), TLS: "starttls", User: "scans", Password: password}}
	s.makeCertificate(t)
	if change != nil {
		change(&s.serverConfig)
	}
	about, err := json.Marshal(s.serverConfig)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(python(t), "testdata/server.py", string(about))
	var log bytes.Buffer
	cmd.Stderr = &log
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("mail server: %s", log.Bytes())
		}
	})
	port, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the mail server did not start: %v", err)
	}
	s.address = net.JoinHostPort("127.0.0.1", strings.TrimSpace(port))
	return s
}

// python is an interpreter that has aiosmtpd: Debian's, where another comes first.
func python(t testing.TB) string {
	t.Helper()
	for _, name := range []string{"/usr/bin/python3", "python3"} {
		if exec.Command(name, "-c", "import aiosmtpd").Run() == nil {
			return name
		}
	}
	t.Skip("no mail server: install python3-aiosmtpd")
	return ""
}

func (s *server) makeCertificate(t testing.TB) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, about, about, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	s.ca = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	dir := t.TempDir()
	s.Cert, s.Key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for path, content := range map[string][]byte{s.Cert: []byte(s.ca), s.Key: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func (s *server) settings(to ...string) Settings {
	return Settings{
		Server: s.address, TLS: s.TLS, CA: s.ca, User: s.User, Password: s.Password,
		From: "Scänner <scans@sender.example>", To: to,
	}
}

// arrived is one message that the server took.
type arrived struct {
	From  string
	To    []string
	Hello string
	TLS   bool
	User  string

	header      mail.Header
	text        string
	attachments map[string][]byte // by file name
	media       map[string]string // by file name
}

// all are the messages that the server took, in order.
func (s *server) all(t testing.TB) (out []arrived) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(s.Out, "*.eml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range paths {
		raw, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		about, err := os.ReadFile(strings.TrimSuffix(p, ".eml") + ".json")
		if err != nil {
			t.Fatal(err)
		}
		a := parse(t, raw)
		if err := json.Unmarshal(about, &a); err != nil {
			t.Fatal(err)
		}
		out = append(out, a)
	}
	return out
}

// only is the one message that the server took.
func (s *server) only(t testing.TB) arrived {
	t.Helper()
	all := s.all(t)
	if len(all) != 1 {
		t.Fatalf("the server took %d messages, want 1", len(all))
	}
	return all[0]
}

// parse takes a message apart with what Go has, which is not what wrote it.
func parse(t testing.TB, raw []byte) arrived {
	t.Helper()
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	a := arrived{header: m.Header, attachments: map[string][]byte{}, media: map[string]string{}}
	_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	for r := multipart.NewReader(m.Body, params["boundary"]); ; {
		p, err := r.NextRawPart()
		if err == io.EOF {
			return a
		}
		if err != nil {
			t.Fatal(err)
		}
		var from io.Reader = quotedprintable.NewReader(p)
		if p.Header.Get("Content-Transfer-Encoding") == "base64" {
			from = base64.NewDecoder(base64.StdEncoding, p)
		}
		content, err := io.ReadAll(from)
		if err != nil {
			t.Fatal(err)
		}
		if name := p.FileName(); name != "" {
			a.attachments[name] = content
			a.media[name], _, _ = strings.Cut(p.Header.Get("Content-Type"), ";")
		} else {
			a.text += string(content)
		}
	}
}

// subject is the decoded one.
func (a arrived) subject(t testing.TB) string {
	t.Helper()
	s, err := new(mime.WordDecoder).DecodeHeader(a.header.Get("Subject"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// request is a delivery of files of these kinds.
func request(t testing.TB, key, name string, kinds ...string) sdk.DeliverRequest {
	t.Helper()
	r := sdk.DeliverRequest{Key: key, Job: "here-01", Name: name}
	for _, kind := range kinds {
		delivertest.Add(t, &r, kind, string(content(kind)))
	}
	return r
}

// content has every byte, and lines that begin with a full stop.
func content(kind string) []byte {
	if kind == "manifest" {
		return []byte(`{"format":"x","pages":[{"number":1},{"number":2},{"number":3}]}`)
	}
	b := []byte("the " + kind + "\r\n.\r\n..\r\n")
	for i := range 100_000 {
		b = append(b, byte(i))
	}
	return b
}

func send(t testing.TB, r sdk.DeliverRequest, s Settings) (sdk.Receipt, error) {
	t.Helper()
	return plugintest.Call[sdk.DeliverRequest, sdk.Receipt](t, component(), sdk.OpDeliver, r, s)
}
