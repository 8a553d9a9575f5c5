package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twinleaf-scan/twinleaf/internal/ports"
	"github.com/twinleaf-scan/twinleaf/sdk"
	"github.com/twinleaf-scan/twinleaf/sdk/deliver"
	"github.com/twinleaf-scan/twinleaf/sdk/deliver/delivertest"
)

func TestTheReceiverGetsMetadataAndFiles(t *testing.T) {
	to := newReceiver(t)
	receipt, _, err := deliverTo(t, request(t, "k/../\r\nX: y", "Rechnung Müller", "pdf", "text"), to.settings())
	if err != nil {
		t.Fatal(err)
	}
	if want := (sdk.Receipt{Location: to.URL, Detail: "200 OK, 2 files"}); receipt != want {
		t.Errorf("receipt = %+v, want %+v", receipt, want)
	}
	got := to.only(t)
	if err := verify(got, secret); err != nil {
		t.Error(err)
	}
	about, names, contents := parts(t, got)
	want := metadata{Type: "document.delivered", Key: "k/../\r\nX: y", Job: "here-01", Name: "Rechnung Müller", Files: []file{
		{Kind: "pdf", Name: "Rechnung Müller.pdf", Media: "application/pdf"}, {Kind: "text", Name: "Rechnung Müller.txt", Media: "text/plain; charset=utf-8"},
	}}
	for i, k := range []string{"pdf", "text"} {
		sum := sha256.Sum256(content(k))
		want.Files[i].Size, want.Files[i].SHA256 = int64(len(content(k))), hex.EncodeToString(sum[:])
		if !bytes.Equal(contents[k], content(k)) {
			t.Errorf("%s arrived with %d bytes, want the %d that were sent", k, len(contents[k]), len(content(k)))
		}
	}
	if !reflect.DeepEqual(about, want) {
		t.Errorf("metadata = %+v\nwant %+v", about, want)
	}
	if want := map[string]string{"pdf": "Rechnung Müller.pdf", "text": "Rechnung Müller.txt"}; !reflect.DeepEqual(names, want) {
		t.Errorf("names = %v, want %v", names, want)
	}
}

func TestARawBodyIsTheFile(t *testing.T) {
	to := newReceiver(t, answer(201, "", "Location", "/documents/7"))
	s := to.settings()
	s.Body, s.Method, s.Token, s.TokenHeader = "raw", "PUT", "tok", "X-Api-Key"
	s.Headers = map[string]string{"X-Source": "scanner"}
	receipt, _, err := deliverTo(t, request(t, "k", "scan", "pdf"), s)
	if err != nil {
		t.Fatal(err)
	}
	if receipt.Location != to.URL+"/documents/7" {
		t.Errorf("location = %s", receipt.Location)
	}
	got := to.only(t)
	if !bytes.Equal(got.body, content("pdf")) || got.method != "PUT" {
		t.Errorf("%s of %d bytes, want the PDF by PUT", got.method, len(got.body))
	}
	if err := verify(got, secret); err != nil {
		t.Error(err)
	}
	for name, want := range map[string]string{
		"Content-Type": "application/pdf", "Content-Disposition": "attachment; filename=scan.pdf", "X-Api-Key": "tok", "Authorization": "",
		"Twinleaf-Job": "here-01", "Twinleaf-Kind": "pdf", "X-Source": "scanner", "Idempotency-Key": got.header.Get("webhook-id"),
	} {
		if got := got.header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	_, _, err = deliverTo(t, request(t, "l", "scan", "pdf", "text"), s)
	wantError(t, err, false, "carries one file", "multipart")
}

// wantError checks an error's fate and that its detail and remedy hold these words.
func wantError(t testing.TB, err error, temporary bool, words ...string) {
	t.Helper()
	delivertest.WantError(t, err, temporary, words, "s3cr3t", "MfKQ9r8G", "t0ken-of-ours")
}

// The server repeats a delivery whose receipt it never saw: after a crash of its own,
// of the plug-in or of the receiver.
func TestARepetitionIsRecognised(t *testing.T) {
	to := newReceiver(t, vanish)
	r := request(t, "k", "scan", "pdf", "text")
	for range 3 {
		if _, _, err := deliverTo(t, r, to.settings()); err != nil {
			t.Fatal(err)
		}
	}
	to.only(t)
	all := to.requests()
	if len(all) != 4 {
		t.Errorf("%d requests, want 4: one without an answer, one again, two repetitions", len(all))
	}
	for _, a := range all {
		if !bytes.Equal(a.body, all[0].body) || a.header.Get("webhook-id") != all[0].header.Get("webhook-id") {
			t.Error("a repetition differs from the first request")
		}
	}
	if _, _, err := deliverTo(t, request(t, "other", "scan", "pdf"), to.settings()); err != nil {
		t.Fatal(err)
	}
	if len(to.kept) != 2 {
		t.Errorf("the receiver kept %d deliveries, want 2: another key is another delivery", len(to.kept))
	}
}

func TestAnswersDecide(t *testing.T) {
	for name, c := range map[string]struct {
		answer    func(http.ResponseWriter) bool
		temporary bool
		words     []string
	}{
		"no entry":      {answer(401, "bad t0ken-of-ours\x1b[31m"), false, []string{"401 Unauthorized: bad *** [31m", "token"}},
		"forbidden":     {answer(403, ""), false, []string{"403", "token"}},
		"unknown":       {answer(404, "<html>lost</html>"), false, []string{"404 Not Found", "url"}},
		"wrong method":  {answer(405, ""), false, []string{"method"}},
		"gone":          {answer(410, ""), false, []string{"410", "url"}},
		"too large":     {answer(413, ""), false, []string{"413", "limit"}},
		"other content": {answer(422, "key reused"), false, []string{"key reused"}},
		"elsewhere":     {answer(307, "", "Location", "https://elsewhere.example/s3cr3t"), false, []string{"https://elsewhere.example", "not followed"}},
		"not counted":   {answer(204, ""), false, []string{"204", "success"}},
		"still at it":   {answer(409, ""), true, []string{"409"}},
		"busy":          {answer(429, "", "Retry-After", "3600"), true, []string{"429", "1h0m0s"}},
		"broken":        {answer(500, "stack"), true, []string{"500 Internal Server Error: stack"}},
		"not there":     {answer(503, ""), true, []string{"503"}},
	} {
		t.Run(name, func(t *testing.T) {
			to := newReceiver(t, c.answer, c.answer, c.answer)
			s := to.settings()
			s.Token, s.Success = "t0ken-of-ours", []int{200, 202}
			_, _, err := deliverTo(t, request(t, "k", "scan", "pdf"), s)
			wantError(t, err, c.temporary, c.words...)
			if n := len(to.requests()); (n > 1) != (c.temporary && name != "busy") {
				t.Errorf("%d requests", n)
			}
		})
	}
}

// A refusal whose words do not end is a refusal all the same, and soon.
func TestARefusalIsNotWaitedForToItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		words, w := io.Pipe()
		go func() { _, _ = io.WriteString(w, "wait a mom") }()
		d := &delivery{settings: Settings{URL: "https://receiver.example/"}}
		began := time.Now()
		_, err := d.answered(&http.Response{StatusCode: http.StatusServiceUnavailable, Body: words})
		wantError(t, err, true, "503 Service Unavailable: wait a mom")
		if _, again := restAfter(err, 1); !again || time.Since(began) != maxTalk {
			t.Errorf("asked again = %v, after %v", again, time.Since(began))
		}
	})
}

func TestABusyReceiverIsAskedAgainWhenItWants(t *testing.T) {
	to := newReceiver(t, answer(429, "", "Retry-After", "7"), answer(503, ""))
	_, waited, err := deliverTo(t, request(t, "k", "scan", "pdf"), to.settings())
	if err != nil {
		t.Fatal(err)
	}
	if want := (rests{7 * time.Second, 4 * time.Second}); !slices.Equal(waited, want) {
		t.Errorf("waited %v, want %v", waited, want)
	}
	to.only(t)
}

func TestAReceiverThatCannotBeReachedIsNoReasonToGiveUp(t *testing.T) {
	address := ports.Keep(t)
	_, waited, err := deliverTo(t, request(t, "k", "scan", "pdf"), Settings{URL: "http://" + address + "/s3cr3t"})
	wantError(t, err, true, "no answer from http://"+address, "refused")
	if len(waited) != maxTries-1 {
		t.Errorf("waited %v, want %d times", waited, maxTries-1)
	}
}

func TestACertificateThatNobodyKnowsIsRefused(t *testing.T) {
	to := newReceiver(t)
	s := to.settings()
	s.CA = ""
	_, _, err := deliverTo(t, request(t, "k", "scan", "pdf"), s)
	wantError(t, err, false, "certificate", "ca")
	if n := len(to.requests()); n != 0 {
		t.Errorf("%d requests reached a stranger", n)
	}
}

func TestADamagedFileIsNotSent(t *testing.T) {
	to := newReceiver(t)
	r := request(t, "k", "scan", "pdf")
	if err := os.WriteFile(r.Files[0].Path, []byte("changed"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := deliverTo(t, r, to.settings()); err == nil || !strings.Contains(err.Error(), "SHA-256") {
		t.Errorf("error = %v", err)
	}
	if n := len(to.requests()); n != 0 {
		t.Errorf("%d requests", n)
	}
}

func TestADeliveryEndsWithItsCall(t *testing.T) {
	reached, held := make(chan struct{}), make(chan struct{})
	to := newReceiver(t, func(http.ResponseWriter) bool { close(reached); <-held; return true })
	defer close(held)
	ctx, cancel := context.WithCancelCause(t.Context())
	gone := errors.New("nobody waits any more")
	go func() { <-reached; cancel(gone) }()
	c := component(deliver.Pause)
	_, err := c.Do(ctx, sdk.Call{Op: sdk.OpDeliver, Args: encode(t, request(t, "k", "scan", "pdf")), Settings: encode(t, to.settings())})
	if err == nil || !strings.Contains(err.Error(), gone.Error()) {
		t.Errorf("error = %v, want %v", err, gone)
	}
}

func TestSigningAgreesWithThePublishedExample(t *testing.T) {
	got, err := sign(t.Context(), []string{secret}, "msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), strings.NewReader(`{"test": 2432232314}`))
	if want := "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; err != nil || got != want {
		t.Errorf("signature = %s, %v, want %s", got, err, want)
	}
}

func TestBothSecretsSignWhileTheReceiverChangesOver(t *testing.T) {
	to := newReceiver(t)
	s := to.settings()
	s.Secret, s.PreviousSecret = "whsec_bmV3bmV3bmV3bmV3bmV3bmV3bmV3bmV3", secret
	if _, _, err := deliverTo(t, request(t, "k", "scan", "pdf"), s); err != nil {
		t.Fatal(err)
	}
	for _, k := range []string{s.Secret, s.PreviousSecret} {
		if err := verify(to.only(t), k); err != nil {
			t.Error(err)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 7, 28, 12, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"": 0, "5": 5 * time.Second, "-5": 0, "soon": 0, "99999999999999999999": 0, "999999999": 24 * time.Hour,
		"Tue, 28 Jul 2026 12:00:30 GMT": 30 * time.Second, "Tue, 28 Jul 2026 11:00:30 GMT": 0,
	} {
		if got := retryAfter(value, now); got != want {
			t.Errorf("retryAfter(%q) = %v, want %v", value, got, want)
		}
	}
}

func TestNamesCannotWriteHeaders(t *testing.T) {
	to := newReceiver(t)
	if _, _, err := deliverTo(t, request(t, "k", "a\r\nX-Evil: y\"\x00c", "pdf", "text"), to.settings()); err != nil {
		t.Fatal(err)
	}
	_, names, _ := parts(t, to.only(t))
	if want := map[string]string{"pdf": "a__X-Evil_ y__c.pdf", "text": "a__X-Evil_ y__c.txt"}; !reflect.DeepEqual(names, want) {
		t.Errorf("names = %q, want %q", names, want)
	}
}

func encode(t testing.TB, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A body is read from disk as it goes: memory does not grow with it.
func BenchmarkDeliver(b *testing.B) {
	to := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	defer to.Close()
	s := (&receiver{Server: to}).settings()
	r := request(b, "k", "scan", "pdf")
	const size = 64 << 20
	if err := os.Truncate(r.Files[0].Path, size); err != nil {
		b.Fatal(err)
	}
	r.Files[0].SHA256 = ""
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := deliverTo(b, r, s); err != nil {
			b.Fatal(err)
		}
	}
}
