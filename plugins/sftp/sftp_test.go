package main

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/twinleaf-scan/twinleaf/internal/ports"
	"github.com/twinleaf-scan/twinleaf/sdk"
	"github.com/twinleaf-scan/twinleaf/sdk/deliver"
	"github.com/twinleaf-scan/twinleaf/sdk/deliver/delivertest"
	"github.com/twinleaf-scan/twinleaf/sdk/plugintest"
)

func call(t testing.TB, r sdk.DeliverRequest, s Settings) (sdk.Receipt, error) {
	t.Helper()
	return plugintest.Call[sdk.DeliverRequest, sdk.Receipt](t, component(nil), sdk.OpDeliver, r, s)
}

func place(t testing.TB, r remote) delivertest.Place {
	t.Helper()
	if err := os.MkdirAll(r.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	p := delivertest.PlaceIn(r.dir)
	p.Deliver = func(request sdk.DeliverRequest, reached func(string)) (sdk.Receipt, error) {
		return plugintest.Call[sdk.DeliverRequest, sdk.Receipt](t, component(reached), sdk.OpDeliver, request, r.settings)
	}
	p.Over = func(request sdk.DeliverRequest, way func(delivertest.Destination) delivertest.Destination) error {
		to, err := open(t.Context(), r.settings)
		if err != nil {
			return err
		}
		defer to.close()
		_, err = deliver.Once(t.Context(), deliver.Delivery{Request: request, To: way(to)})
		return err
	}
	return p
}

func TestEveryStoryHoldsWithOpenSSH(t *testing.T) {
	server := openSSH(t)
	delivertest.Run(t, func(t *testing.T) delivertest.Place {
		r := server
		r.dir = t.TempDir()
		r.settings.Dir = r.dir
		return place(t, r)
	})
}

func TestEveryStoryHoldsWithAServerWhoseRenameReplaces(t *testing.T) {
	delivertest.Run(t, func(t *testing.T) delivertest.Place { return place(t, goServer(t, false)) })
}

func TestABrokenConnectionLosesAndDoublesNothing(t *testing.T) {
	server := openSSH(t)
	delivertest.Survives(t, 700, func(t *testing.T, after int64) (broken, whole delivertest.Place) {
		r := server
		r.dir = t.TempDir()
		r.settings.Dir = r.dir
		b := r
		b.settings.Address = delivertest.Cut(t, r.settings.Address, after)
		return place(t, b), place(t, r)
	})
}

func TestAnotherClientReadsWhatWasDelivered(t *testing.T) {
	server := openSSH(t)
	r := sdk.DeliverRequest{Key: "k", Job: "j", Name: "Größe & Co"}
	content := strings.Repeat("%PDF content \x00\xff\r\n", 300_000)
	delivertest.Add(t, &r, "pdf", content)
	if _, err := call(t, r, server.settings); err != nil {
		t.Fatal(err)
	}
	back := filepath.Join(t.TempDir(), "back")
	foreign(t, server, `get "`+server.dir+`/Größe & Co.pdf" `+back+"\n")
	got, err := os.ReadFile(back)
	if err != nil || string(got) != content {
		t.Errorf("sftp(1) got %d bytes, %v, want the %d that were sent", len(got), err, len(content))
	}
}

func TestPasswordsGetInBothWays(t *testing.T) {
	for _, dialogue := range []bool{false, true} {
		server := goServer(t, dialogue)
		if _, err := call(t, delivertest.Request(t, "k", "scan"), server.settings); err != nil {
			t.Errorf("dialogue=%v: %v", dialogue, err)
		}
	}
}

// refusal gives a delivery's error, which the host understands.
func refusal(t testing.TB, s Settings) *sdk.Error {
	t.Helper()
	_, err := call(t, delivertest.Request(t, "k", "scan"), s)
	e, ok := errors.AsType[*sdk.Error](err)
	if !ok {
		t.Fatalf("error = %v, want one that the host understands", err)
	}
	if s.Password != "" && strings.Contains(e.Detail+e.Remedy, s.Password) || s.PrivateKey != "" && strings.Contains(e.Detail+e.Remedy, s.PrivateKey) {
		t.Errorf("the error tells a secret: %+v", e)
	}
	return e
}

func TestWithoutAHostKeyTheErrorShowsIt(t *testing.T) {
	server := goServer(t, false)
	keys, err := parseHostKeys(server.settings.HostKey)
	if err != nil {
		t.Fatal(err)
	}
	server.settings.HostKey = ""
	e := refusal(t, server.settings)
	if e.Temporary || !strings.Contains(e.Detail, "ssh-ed25519 "+keys.prints[0]) || !strings.Contains(e.Remedy, "set hostKey") {
		t.Errorf("error = %+v, want the fingerprint %s", e, keys.prints[0])
	}
	server.settings.HostKey = keys.prints[0]
	if _, err := call(t, delivertest.Request(t, "k", "scan"), server.settings); err != nil {
		t.Errorf("with the fingerprint that was shown: %v", err)
	}
}

func TestAWrongHostKeyGetsNoPassword(t *testing.T) {
	server := goServer(t, false)
	_, other := privateKey(t, "")
	for _, key := range []string{ssh.FingerprintSHA256(other.PublicKey()), "host " + string(ssh.MarshalAuthorizedKey(other.PublicKey()))} {
		server.settings.HostKey = key
		e := refusal(t, server.settings)
		if e.Temporary || !strings.Contains(e.Detail, "not the one in the settings") || !strings.Contains(e.Remedy, "listening in") {
			t.Errorf("error = %+v", e)
		}
	}
}

func TestWhatOnlyAPersonCanCureIsNotTriedAgain(t *testing.T) {
	server := goServer(t, false)
	wrong := server.settings
	wrong.Password = "not this one"
	if e := refusal(t, wrong); e.Temporary || !strings.Contains(e.Remedy, "set them right") {
		t.Errorf("wrong password: %+v", e)
	}
	no := false
	missing := server.settings
	missing.Dir, missing.Create = "share/in", &no
	if e := refusal(t, missing); !e.Temporary || !strings.Contains(e.Remedy, "make the folder share/in") {
		t.Errorf("missing folder: %+v", e)
	}
	dead := server.settings
	dead.Address = ports.Keep(t)
	if e := refusal(t, dead); !e.Temporary || !strings.Contains(e.Detail, "refused") {
		t.Errorf("nobody there: %+v", e)
	}
}

func TestAFolderThatMayNotBeWrittenIsSaidSo(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root may write everywhere")
	}
	server := openSSH(t)
	if err := os.Chmod(server.dir, 0o500); err != nil {
		t.Fatal(err)
	}
	if e := refusal(t, server.settings); e.Temporary || !strings.Contains(e.Remedy, "let the user") {
		t.Errorf("error = %+v", e)
	}
}

func TestASilentServerIsLeftWhenTheCallEnds(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		conn, err := l.Accept()
		if err == nil {
			defer conn.Close()
			cancel()
			<-t.Context().Done()
		}
	}()
	s := Settings{Address: l.Addr().String(), User: "u", Password: "p"}
	_, err = send(ctx, delivertest.Request(t, "k", "scan"), s, nil)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error = %v, want that the call was cancelled", err)
	}
}

func TestModeAndFolderAreWhatTheSettingsSay(t *testing.T) {
	server := openSSH(t)
	server.settings.Dir = filepath.Join(server.dir, "made", "by us")
	server.settings.Mode = "0604"
	if _, err := call(t, delivertest.Request(t, "k", "scan"), server.settings); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(server.settings.Dir, "scan.pdf"))
	if err != nil || info.Mode().Perm() != 0o604 {
		t.Errorf("mode = %v, %v, want 0604", info, err)
	}
	private, err := os.Stat(filepath.Join(server.settings.Dir, deliver.Private))
	if err != nil || private.Mode().Perm() != 0o700 {
		t.Errorf("mode of the private folder = %v, %v, want 0700", private, err)
	}
}

func TestAFingerprintIsWrittenInOneWay(t *testing.T) {
	const good = "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU"
	for text, ok := range map[string]bool{
		good: true, good + "=": true, " " + good + "\r\n": true,
		"SHA256:47DEQpj8HBSa+/TImW+5\rJCeuQeRkm5NMpJWZG3hSuFU": false,
		"SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFV":   false, // bits that no byte holds
		good + "\r" + good: false,
	} {
		keys, err := parseHostKeys(text)
		if (err == nil) != ok || ok && !slices.Equal(keys.prints, []string{good}) {
			t.Errorf("%q: %q, %v, want ok = %v", text, keys.prints, err, ok)
		}
	}
}

func TestALockedKeyNeedsItsPassphrase(t *testing.T) {
	key, _ := privateKey(t, "open sesame")
	s := Settings{Address: "h:22", User: "u", PrivateKey: key}
	for passphrase, want := range map[string]string{"": "settings: /privateKey: the key is locked", "wrong": "settings: /privateKey: the passphrase does not", "open sesame": ""} {
		s.Passphrase = passphrase
		err := s.Validate()
		if want == "" && err != nil || want != "" && (err == nil || !strings.HasPrefix(err.Error(), want)) {
			t.Errorf("passphrase %q: error = %v, want %s …", passphrase, err, want)
		}
	}
}

func TestBadSettingsAreRefused(t *testing.T) {
	for settings, want := range map[string]string{
		`{}`:                           "settings: /address: is required",
		`{"address":"h:22","user":""}`: "settings: /user: say which",
		`{"address":"h","user":"u","password":"p"}`:                         `settings: /address: "h" is not host:port`,
		`{"address":"h:0","user":"u","password":"p"}`:                       "settings: /address:",
		`{"address":"u@h:22","user":"u","password":"p"}`:                    "settings: /address:",
		`{"address":"h:22","user":"u"}`:                                     "settings: /password: give a password or a privateKey",
		`{"address":"h:22","user":"u","privateKey":"x"}`:                    "settings: /privateKey: is not a private key",
		`{"address":"h:22","user":"u","password":"p","hostKey":"MD5:x"}`:    "settings: /hostKey:",
		`{"address":"h:22","user":"u","password":"p","hostKey":"SHA256:x"}`: "settings: /hostKey:",
		`{"address":"h:22","user":"u","password":"p","mode":"8"}`:           "settings: /mode:",
		`{"address":"h:22","user":"u","password":"p","dir":"a\u0000"}`:      "settings: /dir:",
		`{"address":"h:22","user":"u","pasword":"p"}`:                       "settings: /pasword: unknown field",
	} {
		_, err := component(nil).Do(context.Background(), sdk.Call{Op: sdk.OpDeliver, Args: []byte("{}"), Settings: []byte(settings)})
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("settings %s: error = %v, want %s …", settings, err, want)
		}
	}
}

func FuzzHostKeys(f *testing.F) {
	f.Add("SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU\n# comment")
	f.Add("[h]:22 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHUmQ2nQhzPZ4hVJpCGwUcS6pQZ6H8pA1zY0mKq5mZ0b")
	f.Add("SHA256:47DEQpj8HBSa+/TImW+5\rJCeuQeRkm5NMpJWZG3hSuFU")
	f.Add("@cert-authority * ssh-rsa AAAA")
	f.Fuzz(func(t *testing.T, text string) {
		keys, err := parseHostKeys(text)
		for _, p := range keys.prints {
			if err != nil || !strings.HasPrefix(p, "SHA256:") || len(p) != len("SHA256:")+43 {
				t.Errorf("fingerprint %q, %v", p, err)
			}
		}
	})
}
