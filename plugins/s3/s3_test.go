package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/twinleaf-scan/twinleaf/sdk"
	"github.com/twinleaf-scan/twinleaf/sdk/deliver"
	"github.com/twinleaf-scan/twinleaf/sdk/deliver/delivertest"
	"github.com/twinleaf-scan/twinleaf/sdk/plugintest"
)

func call(t testing.TB, r sdk.DeliverRequest, s Settings) (sdk.Receipt, error) {
	t.Helper()
	return plugintest.Call[sdk.DeliverRequest, sdk.Receipt](t, component(nil), sdk.OpDeliver, r, s)
}

// place is a prefix of its own on a server.
func place(t testing.TB, server remote) delivertest.Place {
	t.Helper()
	sub, err := os.MkdirTemp(server.dir, "Müller's Scans + ")
	if err != nil {
		t.Fatal(err)
	}
	store := server.store(t)
	p := delivertest.PlaceIn(sub)
	p.Doubled = []string{"place"}
	p.Put = func(t testing.TB, name, content string) {
		if err := store.Put(t.Context(), filepath.Base(sub)+"/"+name, deliver.Bytes([]byte(content)), int64(len(content))); err != nil {
			t.Fatal(err)
		}
	}
	p.Take = func(t testing.TB, name string) {
		if err := store.Remove(t.Context(), filepath.Base(sub)+"/"+name); err != nil {
			t.Fatal(err)
		}
	}
	p.Deliver = func(r sdk.DeliverRequest, reached func(string)) (sdk.Receipt, error) {
		return plugintest.Call[sdk.DeliverRequest, sdk.Receipt](t, component(reached), sdk.OpDeliver, r, server.settings(filepath.Base(sub)))
	}
	return p
}

func TestEveryStoryHoldsWithVersity(t *testing.T) {
	server := versity(t)
	delivertest.Run(t, func(t *testing.T) delivertest.Place { return place(t, server) })
}

func TestEveryStoryHoldsWithAStoreThatRefusesConditions(t *testing.T) {
	var refused atomic.Int64
	server := before(t, versity(t), func(w http.ResponseWriter, r *http.Request) bool {
		if r.Header.Get("If-None-Match") == "" {
			return false
		}
		refused.Add(1)
		answer(w, http.StatusNotImplemented, "NotImplemented")
		return true
	})
	delivertest.Run(t, func(t *testing.T) delivertest.Place { return place(t, server) })
	if refused.Load() == 0 {
		t.Error("no condition was sent")
	}
}

func answer(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, `<?xml version="1.0"?><Error><Code>%s</Code><Message>no</Message></Error>`, code)
}

func TestALargeFileGoesInPartsAndOverNobodys(t *testing.T) {
	var parts, conditions atomic.Int64
	server := before(t, versity(t), func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPut && r.URL.Query().Has("partNumber") {
			parts.Add(1)
		}
		if r.Method == http.MethodPost && r.URL.Query().Has("uploadId") && r.Header.Get("If-None-Match") == "*" {
			conditions.Add(1)
		}
		return false
	})
	content := strings.Repeat("0123456789abcdef", partSize*2/16) + "end"
	r := sdk.DeliverRequest{Key: "k", Job: "j", Name: "large"}
	delivertest.Add(t, &r, "pdf", content)
	if _, err := call(t, r, server.settings("in")); err != nil {
		t.Fatal(err)
	}
	if got := delivertest.Folder(t, filepath.Join(server.dir, "in"))["large.pdf"]; got != content {
		t.Errorf("the bucket holds %d bytes, want the %d that were sent", len(got), len(content))
	}
	before := parts.Load()
	if _, err := call(t, r, server.settings("in")); err != nil || parts.Load() != before {
		t.Errorf("the repeat sent %d parts, %v", parts.Load()-before, err)
	}
	if parts.Load() != 3 || conditions.Load() != 1 {
		t.Errorf("%d parts and %d conditions, want 3 and 1", parts.Load(), conditions.Load())
	}
}

func TestALostAnswerDoublesNothing(t *testing.T) {
	store := versity(t)
	for n := int64(1); n <= 5; n++ { // plan, place, mark, place, mark
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			var puts atomic.Int64
			server := before(t, store, func(w http.ResponseWriter, r *http.Request) bool {
				if r.Method != http.MethodPut || puts.Add(1) != n {
					return false
				}
				pass(t, store, r)
				panic(http.ErrAbortHandler)
			})
			p := place(t, server)
			r := delivertest.Request(t, "k", "scan")
			_, _ = p.Deliver(r, nil)
			if _, err := p.Deliver(r, nil); err != nil {
				t.Fatal(err)
			}
			got := p.Have(t)
			if len(got) != 2 || got["scan.pdf"] != "the pdf of k" || got["scan.txt"] != "the text of k" {
				t.Errorf("the bucket holds %q", got)
			}
		})
	}
}

// versitygw refuses a name from the moment at which somebody begins to put it, and shows
// the object when it is whole.
func TestANameThatIsRefusedAndUnseenIsTriedAgain(t *testing.T) {
	for _, part := range []string{".json", "scan.pdf"} { // plan, place
		t.Run(part, func(t *testing.T) {
			var refused atomic.Int64
			p := place(t, before(t, versity(t), func(w http.ResponseWriter, r *http.Request) bool {
				if r.Method != http.MethodPut || !strings.HasSuffix(r.URL.Path, part) || refused.Add(1) > 2 {
					return false
				}
				answer(w, http.StatusPreconditionFailed, "PreconditionFailed")
				return true
			}))
			if _, err := p.Deliver(delivertest.Request(t, "k", "scan"), nil); err != nil {
				t.Fatal(err)
			}
			if got := p.Have(t); len(got) != 2 || got["scan.pdf"] != "the pdf of k" || got["scan.txt"] != "the text of k" {
				t.Errorf("the bucket holds %q", got)
			}
		})
	}
}

// Another server was faster, and a reader faster still: nothing is put anew.
func TestWhatWasTakenAtOnceComesOnce(t *testing.T) {
	store := versity(t)
	r := delivertest.Request(t, "k", "scan")
	var theirs func() // delivers it, and has it read
	var refused atomic.Int64
	server := before(t, store, func(w http.ResponseWriter, q *http.Request) bool {
		if q.Method != http.MethodPut || !strings.HasSuffix(q.URL.Path, "/scan.pdf") || refused.Add(1) > 1 {
			return false
		}
		theirs()
		answer(w, http.StatusPreconditionFailed, "PreconditionFailed")
		return true
	})
	theirs = func() {
		if _, err := call(t, r, store.settings("in")); err != nil {
			t.Error(err)
		}
		if err := store.store(t).Remove(t.Context(), "in/scan.pdf"); err != nil {
			t.Error(err)
		}
	}
	if _, err := call(t, r, server.settings("in")); err != nil {
		t.Fatal(err)
	}
	if got := delivertest.Folder(t, filepath.Join(store.dir, "in")); len(got) != 1 || got["scan.txt"] != "the text of k" {
		t.Errorf("the bucket holds %q", got)
	}
}

// pass hands a request on and keeps the answer.
func pass(t testing.TB, to remote, r *http.Request) {
	t.Helper()
	out := r.Clone(r.Context())
	target, err := url.Parse(to.endpoint)
	if err != nil {
		t.Error(err)
		return
	}
	out.URL.Scheme, out.URL.Host, out.RequestURI = target.Scheme, target.Host, ""
	response, err := http.DefaultTransport.RoundTrip(out)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Errorf("pass on: %v, %v", response, err)
		return
	}
	_ = response.Body.Close()
}

func TestAnotherClientReadsWhatWasDelivered(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("curl is missing: apt-get install curl")
	}
	server := versity(t)
	r := sdk.DeliverRequest{Key: "k", Job: "j", Name: "minutes"}
	content := strings.Repeat("%PDF content \x00\xff\r\n", 300_000)
	delivertest.Add(t, &r, "pdf", content)
	if _, err := call(t, r, server.settings("2026/may")); err != nil {
		t.Fatal(err)
	}
	curl := func(more ...string) ([]byte, error) {
		return exec.CommandContext(t.Context(), "curl", append([]string{"-sS", "-H", "x-amz-content-sha256: UNSIGNED-PAYLOAD", "--aws-sigv4", "aws:amz:us-east-1:s3", "-u", accessKey + ":" + secretKey}, more...)...).Output()
	}
	at := server.endpoint + "/" + inBucket + "/2026/may/minutes.pdf"
	if got, err := curl(at); err != nil || !bytes.Equal(got, []byte(content)) {
		t.Errorf("curl got %d bytes, %v, want the %d that were sent: %.500s", len(got), err, len(content), got)
	}
	head, err := curl("-D", "-", "-o", "/dev/null", at)
	if text := strings.ToLower(string(head)); err != nil || !strings.Contains(text, "content-type: application/pdf") || !strings.Contains(text, "x-amz-meta-twinleaf-delivery: ") {
		t.Errorf("curl says %s, %v", head, err)
	}
}

func TestEncryptionIsAskedFor(t *testing.T) {
	var asked atomic.Value
	server := before(t, remote{endpoint: "http://127.0.0.1:1"}, func(w http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodPut {
			asked.CompareAndSwap(nil, r.Header.Get("X-Amz-Server-Side-Encryption")+" "+r.Header.Get("X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id"))
		}
		answer(w, http.StatusNotFound, "NoSuchKey")
		return true
	})
	s := server.settings("")
	s.Encryption, s.KMSKey = sseKMS, "key-1"
	if _, err := call(t, delivertest.Request(t, "k", "scan"), s); err == nil {
		t.Error("a store that says no to everything took a document")
	}
	if got := asked.Load(); got != "aws:kms key-1" {
		t.Errorf("asked for %q", got)
	}
}

func TestEveryRefusalOfTheStoreHasItsRemedy(t *testing.T) {
	for _, c := range []struct {
		status    int
		code      string
		temporary bool
		remedy    string
	}{
		{http.StatusForbidden, "InvalidAccessKeyId", false, "are right"},
		{http.StatusForbidden, "SignatureDoesNotMatch", false, "are right"},
		{http.StatusForbidden, "AccessDenied", false, "s3:ListBucket"},
		{http.StatusNotFound, "NoSuchBucket", false, "make the bucket"},
		{http.StatusMovedPermanently, "PermanentRedirect", false, "set region"},
		{http.StatusForbidden, "RequestTimeTooSkewed", true, "set the clock"},
		{http.StatusBadRequest, "EntityTooLarge", false, "raise the largest"},
		{http.StatusInsufficientStorage, "XMinioStorageFull", true, "make room"},
		{http.StatusConflict, "ConditionalRequestConflict", true, "tried again by itself"},
	} {
		server := before(t, remote{endpoint: "http://127.0.0.1:1"}, func(w http.ResponseWriter, r *http.Request) bool {
			answer(w, c.status, c.code)
			return true
		})
		_, err := call(t, delivertest.Request(t, "k", "scan"), server.settings(""))
		e, ok := errors.AsType[*sdk.Error](err)
		if !ok || e.Code != "destination" || e.Temporary != c.temporary || !strings.Contains(e.Remedy, c.remedy) || strings.Contains(e.Detail+e.Remedy, secretKey) {
			t.Errorf("%s: %+v, want temporary=%v and … %s …", c.code, err, c.temporary, c.remedy)
		}
	}
}

func TestWrongKeysAndBucketsAreSaidSo(t *testing.T) {
	server := versity(t)
	wrong := server.settings("")
	wrong.SecretKey = "not this one"
	missing := server.settings("")
	missing.Bucket = "elsewhere"
	for s, want := range map[Settings]string{wrong: "are right", missing: "make the bucket elsewhere"} {
		_, err := call(t, delivertest.Request(t, "k", "scan"), s)
		e, ok := errors.AsType[*sdk.Error](err)
		if !ok || e.Temporary || !strings.Contains(e.Remedy, want) || strings.Contains(e.Detail+e.Remedy, s.SecretKey) {
			t.Errorf("error = %+v, want … %s …", err, want)
		}
	}
}

func TestBadSettingsAreRefused(t *testing.T) {
	for settings, want := range map[string]string{
		`{}`: "settings: /endpoint: is required",
		`{"endpoint":"s3.example.org","bucket":"scans","accessKey":"a","secretKey":"s"}`:                 "settings: /endpoint:",
		`{"endpoint":"https://h/scans","bucket":"scans","accessKey":"a","secretKey":"s"}`:                "settings: /endpoint:",
		`{"endpoint":"http://store.lan","bucket":"scans","accessKey":"a","secretKey":"s"}`:               "settings: /endpoint: http to another machine",
		`{"endpoint":"https://a:s@h","bucket":"scans","accessKey":"a","secretKey":"s"}`:                  "settings: /endpoint: give the keys",
		`{"endpoint":"https://h","bucket":"a/b","accessKey":"a","secretKey":"s"}`:                        "settings: /bucket:",
		`{"endpoint":"https://h","bucket":"scans","prefix":"/a","accessKey":"a","secretKey":"s"}`:        "settings: /prefix:",
		`{"endpoint":"https://h","bucket":"scans","prefix":"a/../b","accessKey":"a","secretKey":"s"}`:    "settings: /prefix:",
		`{"endpoint":"https://h","bucket":"scans","accessKey":"a","secretKey":""}`:                       "settings: /accessKey: give",
		`{"endpoint":"https://h","bucket":"scans","accessKey":"a","secretKey":"s","encryption":"rot13"}`: "settings: /encryption:",
		`{"endpoint":"https://h","bucket":"scans","accessKey":"a","secretKey":"s","kmsKey":"k"}`:         "settings: /kmsKey:",
		`{"endpoint":"https://h","bucket":"scans","accessKey":"a","secretKey":"s","ca":"x"}`:             "settings: /ca:",
		`{"endpoint":"https://h","bucket":"scans","accessKey":"a","secretKey":"s","pathStyle":true}`:     "settings: /pathStyle: unknown field",
	} {
		_, err := component(nil).Do(context.Background(), sdk.Call{Op: sdk.OpDeliver, Args: []byte("{}"), Settings: []byte(settings)})
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("settings %s: error = %v, want %s …", settings, err, want)
		}
	}
}

func TestTheBucketIsInTheHostNameOnlyWhereTheSettingsHaveItThere(t *testing.T) {
	for endpoint, want := range map[string]string{
		"https://s3.example.org":       "https://s3.example.org/scans/",
		"https://scans.s3.example.org": "https://scans.s3.example.org/",
	} {
		s := remote{endpoint: endpoint}.settings("")
		got := ""
		probe := sdk.Deliverer(func(ctx context.Context, _ sdk.DeliverRequest, _ struct{}) (sdk.Receipt, error) {
			b, hangUp, err := open(ctx, s)
			if err != nil {
				return sdk.Receipt{}, err
			}
			defer hangUp()
			at, err := b.client.PresignedGetObject(ctx, b.name, "x", 60_000_000_000, nil)
			if err == nil {
				got = at.Scheme + "://" + at.Host + strings.TrimSuffix(at.Path, "x")
			}
			return sdk.Receipt{}, err
		})
		if _, err := plugintest.Call[sdk.DeliverRequest, sdk.Receipt](t, probe, sdk.OpDeliver, sdk.DeliverRequest{}, nil); err != nil || got != want {
			t.Errorf("%s: requests go to %s, %v, want %s", endpoint, got, err, want)
		}
	}
}
