package main

import (
	"context"
	"errors"
	"io"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/internal/ports"
	"github.com/twinleaf-scan/twinleaf/sdk"
	"github.com/twinleaf-scan/twinleaf/sdk/deliver"
	"github.com/twinleaf-scan/twinleaf/sdk/deliver/delivertest"
	"github.com/twinleaf-scan/twinleaf/sdk/plugintest"
)

// hurried is for one delivery at a time: what it finds there is of a crash.
var hurried = pace{turn: time.Minute, stall: time.Minute, stale: time.Millisecond, poll: time.Millisecond}

func call(t testing.TB, r sdk.DeliverRequest, s Settings) (sdk.Receipt, error) {
	t.Helper()
	return plugintest.Call[sdk.DeliverRequest, sdk.Receipt](t, component(nil, usual), sdk.OpDeliver, r, s)
}

func place(t testing.TB, r remote, p pace) delivertest.Place {
	t.Helper()
	if err := os.MkdirAll(r.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	at := delivertest.PlaceIn(r.dir)
	at.Deliver = func(request sdk.DeliverRequest, reached func(string)) (sdk.Receipt, error) {
		return plugintest.Call[sdk.DeliverRequest, sdk.Receipt](t, component(reached, p), sdk.OpDeliver, request, r.settings)
	}
	at.Over = func(request sdk.DeliverRequest, way func(delivertest.Destination) delivertest.Destination) error {
		to, err := open(t.Context(), r.settings, p)
		if err != nil {
			return err
		}
		defer to.close()
		_, err = deliver.Once(t.Context(), deliver.Delivery{Request: request, To: way(to)})
		return err
	}
	return at
}

// fresh gives a folder of its own on a server.
func (r remote) fresh(t testing.TB) remote {
	t.Helper()
	r.settings.Dir += "/" + filepath.Base(t.TempDir()) + strings.ReplaceAll(t.Name(), "/", " ")
	r.dir = filepath.Join(filepath.Dir(r.dir), r.settings.Dir)
	return r
}

func TestEveryStoryHolds(t *testing.T) {
	for name, server := range map[string]func(t testing.TB) remote{
		"proftpd, with TLS":      func(t testing.TB) remote { return proFTPD(t, "") },
		"pyftpdlib, without TLS": func(t testing.TB) remote { return pyftpdlib(t, "") },
	} {
		t.Run(name, func(t *testing.T) {
			r := server(t)
			delivertest.Run(t, func(t *testing.T) delivertest.Place { return place(t, r.fresh(t), usual) })
		})
	}
}

func TestABrokenConnectionLosesAndDoublesNothing(t *testing.T) {
	server := proFTPD(t, "")
	delivertest.Survives(t, 500, func(t *testing.T, after int64) (broken, whole delivertest.Place) {
		r := server.fresh(t)
		b := r
		b.settings.Address = delivertest.Cut(t, r.settings.Address, after)
		return place(t, b, hurried), place(t, r, hurried)
	})
}

func TestTLSFromTheFirstByte(t *testing.T) {
	server := proFTPD(t, tlsImplicit)
	if _, err := call(t, delivertest.Request(t, "k", "scan"), server.settings); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"scan.pdf": "the pdf of k", "scan.txt": "the text of k"}
	if got := delivertest.Folder(t, server.dir); !maps.Equal(got, want) {
		t.Errorf("the destination holds %q, want %q", got, want)
	}
}

func TestAnotherClientReadsWhatWasDelivered(t *testing.T) {
	server := proFTPD(t, "")
	r := sdk.DeliverRequest{Key: "k", Job: "j", Name: "Größe & Co"}
	content := strings.Repeat("%PDF content \x00\xff\r\n", 300_000)
	delivertest.Add(t, &r, "pdf", content)
	receipt, err := call(t, r, server.settings)
	if err != nil {
		t.Fatal(err)
	}
	if want := "ftps://" + server.settings.Address + "/in/Größe & Co.pdf"; receipt.Location != want {
		t.Errorf("location = %s, want %s", receipt.Location, want)
	}
	ca := write(t, filepath.Join(t.TempDir(), "ca"), server.settings.CA)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	got, err := exec.CommandContext(ctx, "curl", "-sS", "--ssl-reqd", "--cacert", ca, "-u", someone+":"+password,
		"ftp://"+server.settings.Address+"/in/Gr%C3%B6%C3%9Fe%20&%20Co.pdf").Output()
	if err != nil || string(got) != content {
		t.Errorf("curl got %d bytes, %v, want the %d that were sent", len(got), err, len(content))
	}
}

// refusal gives a delivery's error, with what it should say.
func refusal(t *testing.T, s Settings, temporary bool, words ...string) {
	t.Helper()
	_, err := call(t, delivertest.Request(t, "k", "scan"), s)
	delivertest.WantError(t, err, temporary, words, password, "wrong password")
}

func TestWhatOnlyAPersonCanCureIsSaid(t *testing.T) {
	r := proFTPD(t, "")
	wrong := r.settings
	wrong.Password = "wrong password"
	refusal(t, wrong, false, "530", "see whether the user scanner gets in")
	stranger := r.settings
	stranger.CA = ""
	refusal(t, stranger, false, "certificate", "give that as ca")
	named := r.settings
	named.Address = strings.Replace(named.Address, "127.0.0.1", "127.0.0.2", 1)
	refusal(t, named, false, "certificate", "127.0.0.2", "set address to the name")
	plain := r.settings
	plain.TLS = tlsNone
	refusal(t, plain, false, "leave out tls: none")
	early := r.settings
	early.TLS = tlsImplicit
	refusal(t, early, false, "does not begin with TLS")
	none := pyftpdlib(t, "").settings
	none.TLS = ""
	refusal(t, none, false, "offers no TLS", "tls: none")
	missing := r.settings
	no := false
	missing.Dir, missing.Create = "not/there", &no
	refusal(t, missing, true, "go to the folder not/there", "create: true")
	gone := r.settings
	gone.Address = ports.Keep(t)
	refusal(t, gone, true, "connection refused", "tried again by itself")
}

// TestAFullHouseIsNoWrongPassword: servers have one number for both.
func TestAFullHouseIsNoWrongPassword(t *testing.T) {
	r := proFTPD(t, "", "MaxClientsPerUser 1")
	first, err := open(t.Context(), r.settings, usual)
	if err != nil {
		t.Fatal(err)
	}
	defer first.close()
	refusal(t, r.settings, true, "530", "more connections at once")
}

func TestWhatAServerForbidsIsSaid(t *testing.T) {
	for name, test := range map[string]struct {
		changes   string
		temporary bool
		words     []string
	}{
		"writing":   {`Handler.authorizer.user_table[user]["perm"] = "elr"`, false, []string{"let the user scanner"}},
		"all files": {`Handler.ftp_NLST = lambda self, path: self.push_dtp_data(b"", cmd="NLST")`, false, []string{"does not list", "list and read"}},
		"more room": {`Handler.ftp_STOR = lambda self, file, mode="w": self.respond("552 over quota")`, true, []string{"552", "over quota", "make room"}},
		"file ports": {`Handler.ftp_EPSV = lambda self, line: self.respond("500 no")
Handler.ftp_PASV = lambda self, line: self.respond("227 Entering passive mode (127,0,0,1,0,1).")`, true, []string{"passive ports"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := pyftpdlib(t, test.changes)
			refusal(t, r.settings, test.temporary, test.words...)
		})
	}
}

// TestTheNameOfADocumentIsNoVerdict: it stands in the error too.
func TestTheNameOfADocumentIsNoVerdict(t *testing.T) {
	r := pyftpdlib(t, `
rename = Handler.ftp_RNTO
Handler.ftp_RNTO = lambda self, path: rename(self, path) if ".twinleaf" in path else self.respond("550 not now")`)
	_, err := call(t, delivertest.Request(t, "k", "Parking permission"), r.settings)
	delivertest.WantError(t, err, true, []string{"not now", "Parking permission"})
}

// TestTheHostOfAPassiveAnswerIsNotAsked: behind a firewall a server often names an address
// that only it can reach.
func TestTheHostOfAPassiveAnswerIsNotAsked(t *testing.T) {
	r := pyftpdlib(t, `Handler.masquerade_address = "192.0.2.1"
Handler.ftp_EPSV = lambda self, line: self.respond("500 no")`)
	if _, err := call(t, delivertest.Request(t, "k", "scan"), r.settings); err != nil {
		t.Error(err)
	}
	if got := delivertest.Folder(t, r.dir); len(got) != 2 {
		t.Errorf("%d files came, want 2", len(got))
	}
}

func TestSizesComeFromListsToo(t *testing.T) {
	r := pyftpdlib(t, `Handler.ftp_SIZE = lambda self, path: self.respond("502 not here")`)
	p := place(t, r, usual)
	p.Put(t, "scan.pdf", "theirs")
	if _, err := call(t, delivertest.Request(t, "k", "scan"), r.settings); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"scan.pdf": "theirs", "scan-here-01.pdf": "the pdf of k", "scan-here-01.txt": "the text of k"}
	if got := p.Have(t); !maps.Equal(got, want) {
		t.Errorf("the destination holds %q, want %q", got, want)
	}
}

func TestAnEndlessListIsCut(t *testing.T) {
	r := pyftpdlib(t, `
class Endless:
    def __iter__(self): return self
    def __next__(self): return b"a-file-of-a-hostile-server\r\n" * 2000
from pyftpdlib.handlers import BufferedIteratorProducer
Handler.ftp_NLST = lambda self, path: self.push_dtp_data(BufferedIteratorProducer(Endless()), isproducer=True, cmd="NLST")`)
	refusal(t, r.settings, true, "sends more than 16 MB")
}

func TestBadSettingsAreRefused(t *testing.T) {
	for settings, want := range map[string]string{
		`{}`:                                              "settings: /address: is required",
		`{"address":"h:21","user":""}`:                    "settings: /user: say which",
		`{"address":"h","user":"u"}`:                      `settings: /address: "h" is not host:port`,
		`{"address":"h:0","user":"u"}`:                    "settings: /address:",
		`{"address":"u@h:21","user":"u"}`:                 "settings: /address:",
		`{"address":"h:21","user":"u\r\nDELE x"}`:         "settings: /user:",
		`{"address":"h:21","user":"u","tls":"no"}`:        `settings: /tls: "no" is none of explicit, implicit and none`,
		`{"address":"h:21","user":"u","ca":"x"}`:          "settings: /ca:",
		`{"address":"h:21","user":"u","password":"a\nb"}`: "settings: /password: has a line end",
		`{"address":"h:21","user":"u","dir":"a\nb"}`:      "settings: /dir:",
		`{"address":"h:21","user":"u","pasword":"p"}`:     "settings: /pasword: unknown field",
	} {
		_, err := component(nil, usual).Do(context.Background(), sdk.Call{Op: sdk.OpDeliver, Args: []byte("{}"), Settings: []byte(settings)})
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("settings %s: error = %v, want %s …", settings, err, want)
		}
	}
}

func TestACallThatIsCancelledEnds(t *testing.T) {
	for name, words := range map[string]string{"before the server speaks": "", "while it logs in": "220 ready\r\n"} {
		t.Run(name, func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			defer l.Close()
			ctx, cancel := context.WithCancel(t.Context())
			go func() {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				defer conn.Close()
				_, _ = io.WriteString(conn, words)
				if words != "" {
					_, _ = conn.Read(make([]byte, 1))
				}
				cancel()
				<-t.Context().Done()
			}()
			begun := time.Now()
			s := Settings{Address: l.Addr().String(), User: someone, TLS: tlsNone}
			_, err = send(ctx, delivertest.Request(t, "k", "scan"), s, nil, usual)
			if err := explain(ctx, err, s); !errors.Is(err, context.Canceled) {
				t.Errorf("error = %v, want that it was cancelled", err)
			}
			if took := time.Since(begun); took > stallTimeout/2 {
				t.Errorf("it ended after %v", took)
			}
		})
	}
}
