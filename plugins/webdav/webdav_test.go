package main

import (
	"bytes"
	"context"
	"encoding/pem"
	"errors"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/webdav"

	"github.com/twinleaf-scan/twinleaf/sdk"
	"github.com/twinleaf-scan/twinleaf/sdk/deliver"
	"github.com/twinleaf-scan/twinleaf/sdk/deliver/delivertest"
	"github.com/twinleaf-scan/twinleaf/sdk/plugintest"
)

func call(t testing.TB, r sdk.DeliverRequest, s Settings) (sdk.Receipt, error) {
	t.Helper()
	return plugintest.Call[sdk.DeliverRequest, sdk.Receipt](t, component(nil), sdk.OpDeliver, r, s)
}

// place is a folder of its own on a server.
func place(t testing.TB, server remote, name string, settings Settings) delivertest.Place {
	t.Helper()
	sub, err := os.MkdirTemp(server.dir, name)
	if err != nil {
		t.Fatal(err)
	}
	everybodys(t, sub)
	return placeIn(t, server.url, sub, settings)
}

// placeIn is a folder of a server, at an address of the server.
func placeIn(t testing.TB, server, sub string, settings Settings) delivertest.Place {
	t.Helper()
	p := delivertest.PlaceIn(sub)
	settings.URL = server + "/" + url.PathEscape(filepath.Base(sub))
	p.Deliver = func(r sdk.DeliverRequest, reached func(string)) (sdk.Receipt, error) {
		return plugintest.Call[sdk.DeliverRequest, sdk.Receipt](t, component(reached), sdk.OpDeliver, r, settings)
	}
	p.Over = func(r sdk.DeliverRequest, way func(delivertest.Destination) delivertest.Destination) error {
		c := sdk.Deliverer(func(ctx context.Context, r sdk.DeliverRequest, s Settings) (sdk.Receipt, error) {
			to, err := newClient(ctx, s)
			if err != nil {
				return sdk.Receipt{}, err
			}
			defer to.http.CloseIdleConnections()
			if err := to.makeFolders(ctx, true); err != nil {
				return sdk.Receipt{}, err
			}
			_, err = deliver.Once(ctx, deliver.Delivery{Request: r, To: way(to)})
			return sdk.Receipt{}, err
		})
		_, err := plugintest.Call[sdk.DeliverRequest, sdk.Receipt](t, c, sdk.OpDeliver, r, settings)
		return err
	}
	return p
}

func TestEveryStoryHoldsWithApache(t *testing.T) {
	for _, auth := range []string{"basic", "digest"} {
		t.Run(auth, func(t *testing.T) {
			server := apache(t, auth)
			delivertest.Run(t, func(t *testing.T) delivertest.Place {
				return place(t, server, "Müller's Scans 100% #", Settings{User: user, Password: password})
			})
		})
	}
}

// goServer is another WebDAV server, over TLS of its own authority; alter may answer
// before it does.
func goServer(t testing.TB, alter func(http.ResponseWriter, *http.Request) bool) (remote, string) {
	t.Helper()
	dir := t.TempDir()
	dav := &webdav.Handler{Prefix: "/dav", FileSystem: webdav.Dir(dir), LockSystem: webdav.NewMemLS()}
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if alter == nil || !alter(w, r) {
			dav.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(server.Close)
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	return remote{server.URL + "/dav", dir}, string(ca)
}

func TestEveryStoryHoldsWithAServerOfAnAuthorityOfOnesOwn(t *testing.T) {
	server, ca := goServer(t, nil)
	delivertest.Run(t, func(t *testing.T) delivertest.Place { return place(t, server, "in", Settings{CA: ca}) })
}

func TestABrokenConnectionLosesAndDoublesNothing(t *testing.T) {
	server, ca := goServer(t, noLocks) // a lock would be waited for after each break
	delivertest.Survives(t, 150, func(t *testing.T, after int64) (broken, whole delivertest.Place) {
		sub, err := os.MkdirTemp(server.dir, "in")
		if err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(server.url)
		if err != nil {
			t.Fatal(err)
		}
		way := "https://" + delivertest.Cut(t, u.Host, after) + u.Path
		return placeIn(t, way, sub, Settings{CA: ca}), placeIn(t, server.url, sub, Settings{CA: ca})
	})
}

// noLocks answers as a server that knows no locks.
func noLocks(w http.ResponseWriter, r *http.Request) bool {
	if r.Method == "LOCK" {
		w.WriteHeader(http.StatusMethodNotAllowed)
	}
	return r.Method == "LOCK"
}

func TestAnotherClientReadsWhatWasDelivered(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("curl is missing: apt-get install curl")
	}
	server := apache(t, "digest")
	r := sdk.DeliverRequest{Key: "k", Job: "j", Name: "Größe & Co"}
	content := strings.Repeat("%PDF content \x00\xff\r\n", 300_000)
	delivertest.Add(t, &r, "pdf", content)
	receipt, err := call(t, r, Settings{URL: server.url + "/made/by us", User: user, Password: password})
	if err != nil {
		t.Fatal(err)
	}
	got, err := exec.CommandContext(t.Context(), "curl", "-sS", "--fail", "--digest", "-u", user+":"+password, receipt.Location).Output()
	if err != nil || !bytes.Equal(got, []byte(content)) {
		t.Errorf("curl got %d bytes, %v, want the %d that were sent", len(got), err, len(content))
	}
}

func TestADeliveryWaitsForWhoHoldsTheFolder(t *testing.T) {
	server := apache(t, "none")
	s := Settings{URL: server.url + "/in"}
	if _, err := call(t, delivertest.Request(t, "first", "first"), s); err != nil {
		t.Fatal(err)
	}
	lock, err := http.NewRequestWithContext(t.Context(), "LOCK", s.URL+"/"+deliver.Private+"/lock", strings.NewReader(lockInfo))
	if err != nil {
		t.Fatal(err)
	}
	lock.Header.Set("Timeout", "Second-2")
	answer, err := http.DefaultClient.Do(lock)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("lock: %v, %v", answer, err)
	}
	_ = answer.Body.Close()
	began := time.Now()
	if _, err := call(t, delivertest.Request(t, "second", "second"), s); err != nil {
		t.Fatal(err)
	}
	if waited := time.Since(began); waited < time.Second {
		t.Errorf("the delivery waited %v for a lock of 2 s", waited)
	}
}

func TestAFolderThatSomebodyIsMakingIsAskedForAgain(t *testing.T) {
	for held, ok := range map[int32]bool{1: true, makeTries - 1: true, makeTries: false} {
		var asked atomic.Int32
		server, ca := goServer(t, func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method != "MKCOL" || asked.Add(1) > held {
				return false
			}
			w.WriteHeader(http.StatusLocked)
			return true
		})
		_, err := call(t, delivertest.Request(t, "k", "scan"), Settings{URL: server.url, CA: ca})
		if (err == nil) != ok {
			t.Errorf("held for %d requests: %v", held, err)
		}
	}
}

func TestAServerWithoutLocksWillDo(t *testing.T) {
	server, ca := goServer(t, noLocks)
	if _, err := call(t, delivertest.Request(t, "k", "scan"), Settings{URL: server.url, CA: ca}); err != nil {
		t.Error(err)
	}
}

func TestEveryRefusalOfTheServerHasItsRemedy(t *testing.T) {
	for _, c := range []struct {
		method    string
		status    int
		temporary bool
		remedy    string
	}{
		{"PROPFIND", http.StatusUnauthorized, false, "give user and password"},
		{"PROPFIND", http.StatusMethodNotAllowed, false, "no WebDAV is spoken"},
		{"PROPFIND", http.StatusMovedPermanently, false, "at https://elsewhere.example"},
		{"MKCOL", http.StatusForbidden, false, "let the user write"},
		{"MKCOL", http.StatusConflict, true, "make the folder"},
		{"PUT", http.StatusRequestEntityTooLarge, false, "raise the largest upload"},
		{"PUT", http.StatusInsufficientStorage, true, "make room"},
		{"PUT", http.StatusServiceUnavailable, true, "tried again by itself"},
		{"MOVE", http.StatusBadGateway, true, "another address"},
		{"MOVE", http.StatusLocked, true, "tried again by itself"},
	} {
		server, ca := goServer(t, func(w http.ResponseWriter, r *http.Request) bool {
			if r.Method == c.method {
				w.Header().Set("Location", "https://elsewhere.example/dav?token=x")
				w.WriteHeader(c.status)
			}
			return r.Method == c.method
		})
		_, err := call(t, delivertest.Request(t, "k", "scan"), Settings{URL: server.url, CA: ca})
		e, ok := errors.AsType[*sdk.Error](err)
		if !ok || e.Code != "destination" || e.Temporary != c.temporary || !strings.Contains(e.Remedy, c.remedy) {
			t.Errorf("%s answered with %d: %+v, want temporary=%v and … %s …", c.method, c.status, err, c.temporary, c.remedy)
		}
		if got := delivertest.Folder(t, server.dir); len(got) != 0 {
			t.Errorf("%s answered with %d: the folder holds %q", c.method, c.status, got)
		}
	}
}

// insteadOf answers PROPFIND of what is missing with a status of its own within a
// multistatus, RFC 4918 section 14.24.
func insteadOf(dir *string, status string) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, r *http.Request) bool {
		_, err := os.Stat(filepath.Join(*dir, strings.TrimPrefix(r.URL.Path, "/dav")))
		if r.Method != "PROPFIND" || !errors.Is(err, os.ErrNotExist) {
			return false
		}
		w.WriteHeader(http.StatusMultiStatus)
		_, _ = fmt.Fprintf(w, `<d:multistatus xmlns:d="DAV:"><d:response><d:href>%s</d:href><d:status>HTTP/1.1 %s</d:status></d:response></d:multistatus>`, html.EscapeString(r.URL.EscapedPath()), status)
		return true
	}
}

func TestAFileMayBeSaidToBeMissingWithinAnAnswer(t *testing.T) {
	delivertest.Run(t, func(t *testing.T) delivertest.Place {
		var dir string
		server, ca := goServer(t, insteadOf(&dir, "404 Not Found"))
		dir = server.dir
		return place(t, server, "in", Settings{CA: ca})
	})
}

func TestAFileThatMayNotBeLookedAtIsNotMissing(t *testing.T) {
	var dir string
	server, ca := goServer(t, insteadOf(&dir, "403 Forbidden"))
	dir = server.dir
	_, err := call(t, delivertest.Request(t, "k", "scan"), Settings{URL: server.url, CA: ca})
	e, ok := errors.AsType[*sdk.Error](err)
	if !ok || e.Temporary || !strings.Contains(e.Detail, "403") || !strings.Contains(e.Remedy, "let the user") {
		t.Errorf("error = %+v", err)
	}
	if got := delivertest.Folder(t, server.dir); len(got) != 0 {
		t.Errorf("the folder holds %q", got)
	}
}

func TestAListLeavesOutWhatIsMissing(t *testing.T) {
	const there = `<d:propstat><d:prop><d:getcontentlength>5</d:getcontentlength></d:prop><d:status>HTTP/1.1 200 OK</d:status></d:propstat>`
	for status, want := range map[string][]string{
		"HTTP/1.1 200 OK": {"b", "c"}, " HTTP/1.1 404 Not Found\n": {"c"}, "HTTP/2 410": {"c"}, "HTTP/1.1 403 Forbidden": {"c"}, "gone": nil,
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusMultiStatus)
			_, _ = fmt.Fprintf(w, `<d:multistatus xmlns:d="DAV:"><d:response><d:href>/a/b</d:href><d:status>%s</d:status></d:response>`+
				`<d:response><d:href>/a/c</d:href>%s</d:response></d:multistatus>`, status, there)
		}))
		base, err := url.Parse(server.URL + "/")
		if err != nil {
			t.Fatal(err)
		}
		all, err := (&client{http: server.Client(), base: base}).List(t.Context(), "a")
		server.Close()
		var names []string
		for _, e := range all {
			names = append(names, e.Name)
		}
		if !slices.Equal(names, want) || (err == nil) != (want != nil) {
			t.Errorf("%q: %q, %v, want %q", status, names, err, want)
		}
	}
}

func TestAWrongPasswordIsNotTriedAgain(t *testing.T) {
	for _, auth := range []string{"basic", "digest"} {
		server := apache(t, auth)
		_, err := call(t, delivertest.Request(t, "k", "scan"), Settings{URL: server.url, User: user, Password: "not this one"})
		e, ok := errors.AsType[*sdk.Error](err)
		if !ok || e.Temporary || !strings.Contains(e.Remedy, "set them right") || strings.Contains(e.Detail+e.Remedy, "not this one") {
			t.Errorf("%s: error = %+v", auth, err)
		}
	}
}

func TestAStrangeCertificateIsSaidSo(t *testing.T) {
	server, _ := goServer(t, nil)
	_, err := call(t, delivertest.Request(t, "k", "scan"), Settings{URL: server.url})
	e, ok := errors.AsType[*sdk.Error](err)
	if !ok || e.Temporary || !strings.Contains(e.Remedy, "give that as ca") {
		t.Errorf("error = %+v", err)
	}
}

func TestAMissingFolderIsTheOperatorsToMakeWhenTheSettingsSaySo(t *testing.T) {
	server, ca := goServer(t, nil)
	no := false
	_, err := call(t, delivertest.Request(t, "k", "scan"), Settings{URL: server.url + "/share", CA: ca, Create: &no})
	e, ok := errors.AsType[*sdk.Error](err)
	if !ok || !e.Temporary || !strings.Contains(e.Remedy, "make the folder") {
		t.Errorf("error = %+v", err)
	}
}

func TestBadSettingsAreRefused(t *testing.T) {
	for settings, want := range map[string]string{
		`{}`:                                   "settings: /url: is required",
		`{"url":"cloud.example.org"}`:          "settings: /url: is not the address",
		`{"url":"ftp://h/x"}`:                  "settings: /url: is not the address",
		`{"url":"https://u:p@h/x"}`:            "settings: /url: give user and password in their own fields",
		`{"url":"https://h/x?y=z"}`:            "settings: /url: is the address of a folder",
		`{"url":"http://nas.lan/x"}`:           "settings: /url: http to another machine",
		`{"url":"http://10.0.0.1/x"}`:          "settings: /url: http to another machine",
		`{"url":"https://h/x","password":"p"}`: "settings: /user: say whose",
		`{"url":"https://h/x","ca":"x"}`:       "settings: /ca: is not a certificate",
		`{"url":"https://h/x","username":"u"}`: "settings: /username: unknown field",
	} {
		_, err := component(nil).Do(context.Background(), sdk.Call{Op: sdk.OpDeliver, Args: []byte("{}"), Settings: []byte(settings)})
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("settings %s: error = %v, want %s …", settings, err, want)
		}
	}
}

// TestOfALongListTheBeginningIsRead: a folder that nobody has tidied for long is tidied bit by bit.
func TestOfALongListTheBeginningIsRead(t *testing.T) {
	one := `<d:response><d:href>/dav/f%d</d:href><d:propstat><d:prop><d:getcontentlength>5</d:getcontentlength></d:prop><d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response>`
	list := `<?xml version="1.0"?><d:multistatus xmlns:d="DAV:"><d:responsedescription><d:response/></d:responsedescription>`
	for i := range 50 {
		list += fmt.Sprintf(one, i)
	}
	list += `</d:multistatus>`
	for _, test := range []struct {
		of   string
		most int
		want int
	}{{list, len(list), 50}, {list, len(list) + 1, 50}, {list, len(list) / 2, 24}, {list, 100, 0}} {
		all, err := parseMultiStatus(strings.NewReader(test.of), int64(test.most))
		if err != nil || len(all) != test.want || test.want > 0 && (all[test.want-1].Name != fmt.Sprint("f", test.want-1) || all[0].Size != 5) {
			t.Errorf("of the first %d bytes of %d %d files were read, %v, want %d", test.most, len(list), len(all), err, test.want)
		}
	}
	if all, err := parseMultiStatus(strings.NewReader(list[:len(list)/2]), maxAnswer); err == nil {
		t.Errorf("of an answer that breaks off %d files were read, want an error", len(all))
	}
}

func FuzzMultiStatus(f *testing.F) {
	f.Add([]byte(`<D:multistatus xmlns:D="DAV:"><D:response><D:href>/a%20b/c.pdf</D:href><D:propstat><D:prop><D:getcontentlength>5</D:getcontentlength><D:resourcetype/></D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response></D:multistatus>`))
	f.Add([]byte(`<multistatus xmlns="DAV:"><response><href>/a</href><status>HTTP/1.1 404 Not Found</status></response></multistatus>`))
	f.Add([]byte(`<multistatus xmlns="DAV:"><response><href>%</href></response></multistatus>`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		all, err := parseMultiStatus(bytes.NewReader(raw), maxAnswer)
		if err != nil && all != nil {
			t.Errorf("both %v and %v", all, err)
		}
	})
}
