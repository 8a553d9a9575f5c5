package identity

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/core/pair"
)

func open(t *testing.T, dir, name string, journal bool) *Identity {
	t.Helper()
	i, err := Open(dir, name, journal)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func folder(t *testing.T) string { return filepath.Join(t.TempDir(), "server") }

func TestAServerKeepsItsIdWhenItIsRenamed(t *testing.T) {
	dir := folder(t)
	first := open(t, dir, "north", false)
	if !regexp.MustCompile(`^north-[2-9a-z]{4}$`).MatchString(first.ID) || first.Name != "north" {
		t.Errorf("got %q named %q", first.ID, first.Name)
	}
	second := open(t, dir, "polar", true)
	if second.ID != first.ID || second.Name != "polar" || second.Fingerprint != first.Fingerprint {
		t.Errorf("got %s %s %s, want %s polar %s", second.ID, second.Name, second.Fingerprint, first.ID, first.Fingerprint)
	}
	if other := open(t, folder(t), "north", false); other.ID == first.ID || other.Fingerprint == first.Fingerprint {
		t.Errorf("two servers are both %s", other.ID)
	}
}

func TestAServerWithAJournalKeepsItsNameAsId(t *testing.T) {
	if i := open(t, folder(t), "north", true); i.ID != "north" {
		t.Errorf("got %q, want north", i.ID)
	}
}

func TestOnlyTheServersUserReadsTheFolder(t *testing.T) {
	dir := folder(t)
	open(t, dir, "north", false)
	want := map[string]os.FileMode{".": 0o700, keyFile: 0o600, certFile: 0o600, idFile: 0o600}
	for name, mode := range want {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v %v, want mode %v", name, info, err, mode)
		}
	}
	if list, err := os.ReadDir(dir); err != nil || len(list) != len(want)-1 {
		t.Errorf("the folder has %v (%v)", list, err)
	}
}

func TestTheCertificateIsTheServersForThirtyYears(t *testing.T) {
	i := open(t, folder(t), "north", false)
	c := i.Cert.Leaf
	if c.Subject.CommonName != i.ID || c.NotAfter.Before(time.Now().AddDate(29, 11, 0)) || len(i.Fingerprint) != 64 {
		t.Errorf("got %v until %v, fingerprint %q", c.Subject, c.NotAfter, i.Fingerprint)
	}
	if err := c.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature); err != nil {
		t.Error(err)
	}
}

func TestTwoIdentitiesSpeakTLS(t *testing.T) {
	north, south := open(t, folder(t), "north", false), open(t, folder(t), "south", false)
	a, b := net.Pipe()
	pinned := func(want *Identity) func([][]byte, [][]*x509.Certificate) error {
		return func(raw [][]byte, _ [][]*x509.Certificate) error {
			c, err := x509.ParseCertificate(raw[0])
			if err == nil && Fingerprint(c) != want.Fingerprint {
				t.Errorf("got the key of %v, want that of %s", c.Subject, want.ID)
			}
			return err
		}
	}
	server := tls.Server(a, &tls.Config{Certificates: []tls.Certificate{north.Cert}, ClientAuth: tls.RequireAnyClientCert, VerifyPeerCertificate: pinned(south), MinVersion: tls.VersionTLS13})
	client := tls.Client(b, &tls.Config{Certificates: []tls.Certificate{south.Cert}, InsecureSkipVerify: true, VerifyPeerCertificate: pinned(north), MinVersion: tls.VersionTLS13})
	done := make(chan error, 1)
	go func() { done <- server.HandshakeContext(t.Context()) }()
	if err := client.HandshakeContext(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// A power cut at the first start leaves some of the files; one in the middle of a write
// leaves a temporary one.
func TestAFirstStartThatWasCutOffIsMadeAgain(t *testing.T) {
	for _, there := range [][]string{nil, {keyFile}, {keyFile, certFile}} {
		whole, dir := folder(t), folder(t)
		open(t, whole, "north", false)
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		for _, name := range append(there, ".new-123") {
			if err := os.WriteFile(filepath.Join(dir, name), read(t, filepath.Join(whole, keyFile)), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		first := open(t, dir, "north", false)
		if again := open(t, dir, "north", false); again.ID != first.ID || again.Fingerprint != first.Fingerprint {
			t.Errorf("with %v: %s, then %s", there, first.ID, again.ID)
		}
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestWhatIsDamagedIsToldWithWhatToDo(t *testing.T) {
	half := func(raw []byte) []byte { return raw[:len(raw)/2] }
	for name, c := range map[string]struct {
		file   string
		change func([]byte) []byte
		want   string
	}{
		"half an id":            {idFile, half, "identity.json is damaged"},
		"no id":                 {idFile, func([]byte) []byte { return nil }, "identity.json is damaged"},
		"an id of more":         {idFile, func(raw []byte) []byte { return append(raw, raw...) }, "something follows"},
		"an unknown field":      {idFile, func([]byte) []byte { return []byte(`{"format":1,"id":"a","x":1}`) }, "unknown field"},
		"a strange id":          {idFile, func([]byte) []byte { return []byte(`{"format":1,"id":"../a"}`) }, "names no server"},
		"a later form":          {idFile, func([]byte) []byte { return []byte(`{"format":2,"id":"a"}`) }, "knows form 1"},
		"an endless id":         {idFile, func([]byte) []byte { return make([]byte, maxFile+1) }, "more than 65536 bytes"},
		"half a key":            {keyFile, half, "key.pem is damaged"},
		"an empty key":          {keyFile, func([]byte) []byte { return nil }, "key.pem is damaged"},
		"half a certificate":    {certFile, half, "cert.pem is damaged"},
		"another's certificate": {certFile, func([]byte) []byte { return otherCert(t) }, "does not belong to key.pem"},
	} {
		dir := folder(t)
		open(t, dir, "north", false)
		path := filepath.Join(dir, c.file)
		if err := os.WriteFile(path, c.change(read(t, path)), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Open(dir, "north", false)
		told(t, name, err, c.want)
	}
}

// told wants an error that says something and what to do.
func told(t *testing.T, name string, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "\nhint: ") {
		t.Errorf("%s: got %v, want … %s … and a hint", name, err, want)
	}
}

func otherCert(t *testing.T) []byte {
	dir := folder(t)
	open(t, dir, "south", false)
	return read(t, filepath.Join(dir, certFile))
}

func TestAKeyThatOthersMayReadIsRefused(t *testing.T) {
	dir := folder(t)
	open(t, dir, "north", false)
	if err := os.Chmod(filepath.Join(dir, keyFile), 0o640); err != nil {
		t.Fatal(err)
	}
	_, err := Open(dir, "north", false)
	told(t, "mode 0640", err, "may be read by others")
}

func TestACertificateIsMadeAgainFromTheKey(t *testing.T) {
	dir := folder(t)
	first := open(t, dir, "north", false)
	if err := os.Remove(filepath.Join(dir, certFile)); err != nil {
		t.Fatal(err)
	}
	if again := open(t, dir, "north", false); again.Fingerprint != first.Fingerprint {
		t.Error("the fingerprint changed with the certificate")
	}
}

func TestALostKeyIsMadeAnewOnlyOutsideOfAPair(t *testing.T) {
	dir := folder(t)
	first := open(t, dir, "north", false)
	lose := func(names ...string) {
		for _, name := range names {
			if err := os.Remove(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	lose(keyFile)
	_, err := Open(dir, "north", false)
	told(t, "certificate alone", err, "key.pem is missing")
	lose(certFile)
	second := open(t, dir, "north", false)
	if second.ID != first.ID || second.Fingerprint == first.Fingerprint {
		t.Errorf("got %s %s after %s %s", second.ID, second.Fingerprint, first.ID, first.Fingerprint)
	}
	if err := second.Form(formed()); err != nil {
		t.Fatal(err)
	}
	lose(keyFile, certFile)
	_, err = Open(dir, "north", false)
	told(t, "in a pair", err, "the peer knows this server by it")
	lose(idFile)
	_, err = Open(dir, "north", true)
	told(t, "in a pair without an id", err, "though this server is in a pair")
}

func formed() Formed {
	return Formed{
		Pair: "p1", Role: pair.Primary, At: time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC), Signer: "acme+0a+b", Silence: 3 * time.Second, Manual: true,
		Peer: Peer{ID: "south-abcd", Name: "south", Fingerprint: strings.Repeat("0a", 32), Addresses: []string{"192.0.2.2:8443"}, URL: "http://192.0.2.2:8080"},
	}
}

func TestAPairIsKeptUntilItIsLeft(t *testing.T) {
	dir := folder(t)
	i := open(t, dir, "north", false)
	if f, err := i.Formed(); f != nil || err != nil {
		t.Errorf("at first: %+v, %v", f, err)
	}
	want := formed()
	for range 2 { // the same pair may be said anew
		if err := i.Form(want); err != nil {
			t.Fatal(err)
		}
		want.Peer.Addresses = append(want.Peer.Addresses, "south.example.org:8443")
	}
	want.Peer.Addresses = want.Peer.Addresses[:2]
	if f, err := open(t, dir, "north", false).Formed(); err != nil || !reflect.DeepEqual(*f, want) {
		t.Errorf("got %+v (%v), want %+v", f, err, want)
	}
	other := want
	other.Pair = "p2"
	told(t, "another pair", i.Form(other), "in a pair")
	for n := range 3 {
		if err := i.Leave(); err != nil {
			t.Fatal(err)
		}
		if f, err := i.Formed(); f != nil || err != nil {
			t.Errorf("left, and still %+v, %v", f, err)
		}
		if err := i.Leave(); err != nil {
			t.Errorf("left twice: %v", err)
		}
		list, err := filepath.Glob(filepath.Join(dir, "pair.json.left-*"))
		if err != nil || len(list) != n+1 {
			t.Errorf("kept for people: %v", list)
		}
		if err := i.Form(other); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAPairThatCannotBeIsNotFormed(t *testing.T) {
	i := open(t, folder(t), "north", false)
	for name, change := range map[string]func(*Formed){
		"no pair":           func(f *Formed) { f.Pair = "" },
		"no role":           func(f *Formed) { f.Role = "boss" },
		"no peer":           func(f *Formed) { f.Peer.ID = "" },
		"a strange peer":    func(f *Formed) { f.Peer.ID = "a/b" },
		"no address":        func(f *Formed) { f.Peer.Addresses = nil },
		"nine addresses":    func(f *Formed) { f.Peer.Addresses = make([]string, 9) },
		"no fingerprint":    func(f *Formed) { f.Peer.Fingerprint = "0a" },
		"an endless name":   func(f *Formed) { f.Peer.Name = strings.Repeat("n", 1001) },
		"less than silence": func(f *Formed) { f.Silence = -1 },
		"its own peer":      func(f *Formed) { f.Peer.ID = i.ID },
		"its own key":       func(f *Formed) { f.Peer.Fingerprint = i.Fingerprint },
	} {
		f := formed()
		change(&f)
		if err := i.Form(f); err == nil {
			t.Errorf("%s: a pair was formed", name)
		}
	}
	if f, err := i.Formed(); f != nil || err != nil {
		t.Errorf("a refused pair left %+v, %v", f, err)
	}
}

func TestADamagedPairIsToldAndMayBeLeft(t *testing.T) {
	dir := folder(t)
	i := open(t, dir, "north", false)
	own := formed()
	own.Peer.ID = "other"
	if err := i.Form(own); err != nil {
		t.Fatal(err)
	}
	whole := string(read(t, filepath.Join(dir, pairFile)))
	for name, c := range map[string]struct{ text, want string }{
		"half":         {whole[:len(whole)/2], "is damaged"},
		"nothing":      {"", "is damaged"},
		"more":         {whole + "{}", "something follows"},
		"later form":   {`{"format":2}`, "knows form 1"},
		"no pair":      {`{"format":1}`, "cannot be right"},
		"its own peer": {strings.Replace(whole, `"other"`, `"`+i.ID+`"`, 1), "as its own peer"},
	} {
		if err := os.WriteFile(filepath.Join(dir, pairFile), []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := i.Formed()
		told(t, name, err, c.want)
	}
	if err := i.Leave(); err != nil {
		t.Error(err)
	}
}

// Whatever stands in the files, Open and Formed end, and take nothing for right that
// Check refuses.
func FuzzFormed(f *testing.F) {
	dir := f.TempDir()
	i, err := Open(dir, "north", false)
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(`{"format":1,"pair":"p","role":"primary","peer":{"id":"s","fingerprint":"` + strings.Repeat("0", 64) + `","addresses":["a:1"]}}`))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if err := os.WriteFile(filepath.Join(dir, pairFile), raw, 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := i.Formed(); err == nil && (got == nil || got.Check() != nil) {
			t.Errorf("%q is taken for %+v", raw, got)
		}
	})
}
