package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/sdk"
	"github.com/twinleaf-scan/twinleaf/sdk/deliver/delivertest"
	"github.com/twinleaf-scan/twinleaf/sdk/plugintest"
)

// secret is the one of the specification's own tests.
const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// arrival is one request as the receiver saw it.
type arrival struct {
	header http.Header
	method string
	body   []byte
}

// receiver is a server that keeps what came, once for each key.
type receiver struct {
	*httptest.Server

	mu      sync.Mutex // guards what follows
	all     []arrival
	kept    map[string]arrival               // by Idempotency-Key
	answers []func(http.ResponseWriter) bool // one for each request; after the last 200. True: it kept nothing
}

func newReceiver(t testing.TB, answers ...func(http.ResponseWriter) bool) *receiver {
	t.Helper()
	r := &receiver{kept: map[string]arrival{}, answers: answers}
	r.Server = httptest.NewTLSServer(http.HandlerFunc(r.serve))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) serve(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return
	}
	a := arrival{req.Header.Clone(), req.Method, body}
	r.all = append(r.all, a)
	refused := false
	if len(r.answers) > 0 {
		answer := r.answers[0]
		r.answers = r.answers[1:]
		refused = answer(w)
	}
	if key := req.Header.Get("Idempotency-Key"); !refused {
		if _, twice := r.kept[key]; !twice {
			r.kept[key] = a
		}
	}
}

// answer refuses with a status, headers and words.
func answer(code int, words string, header ...string) func(http.ResponseWriter) bool {
	return func(w http.ResponseWriter) bool {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
		_, _ = io.WriteString(w, words)
		return code > 299
	}
}

// vanish keeps the documents and dies before it can say so.
func vanish(http.ResponseWriter) bool {
	defer panic(http.ErrAbortHandler)
	return false
}

func (r *receiver) settings() Settings {
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: r.Certificate().Raw})
	return Settings{URL: r.URL + "/scans/s3cr3t-path", CA: string(ca), Secret: secret}
}

// only is the one thing that the receiver kept.
func (r *receiver) only(t testing.TB) arrival {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.kept) != 1 {
		t.Fatalf("the receiver kept %d deliveries of %d requests, want 1", len(r.kept), len(r.all))
	}
	for _, a := range r.kept {
		return a
	}
	panic("unreachable")
}

func (r *receiver) requests() []arrival {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.all)
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

// content has what parts requests and lines, and every byte.
func content(kind string) []byte {
	b := []byte("the " + kind + "\r\n--\r\n\r\n")
	for i := range 100_000 {
		b = append(b, byte(i))
	}
	return b
}

// rests notes how long a delivery waits between tries, and does not wait.
type rests []time.Duration

func (r *rests) rest(_ context.Context, d time.Duration) error {
	*r = append(*r, d)
	return nil
}

func deliverTo(t testing.TB, r sdk.DeliverRequest, s Settings) (sdk.Receipt, rests, error) {
	t.Helper()
	var waited rests
	receipt, err := plugintest.Call[sdk.DeliverRequest, sdk.Receipt](t, component(waited.rest), sdk.OpDeliver, r, s)
	return receipt, waited, err
}

// verify checks a signature as a receiver does that knows the specification alone.
func verify(a arrival, secret string) error {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		return err
	}
	at, err := strconv.ParseInt(a.header.Get("webhook-timestamp"), 10, 64)
	if err != nil || time.Since(time.Unix(at, 0)).Abs() > 5*time.Minute {
		return fmt.Errorf("timestamp %q is not now", a.header.Get("webhook-timestamp"))
	}
	id := a.header.Get("webhook-id")
	if id == "" || strings.Contains(id, ".") {
		return fmt.Errorf("id %q", id)
	}
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%d.%s", id, at, a.body)
	want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	if !slices.Contains(strings.Split(a.header.Get("webhook-signature"), " "), want) {
		return fmt.Errorf("signatures %q do not hold %s", a.header.Get("webhook-signature"), want)
	}
	return nil
}

// parts are the parts of a multipart body: file names by field, contents by field.
func parts(t testing.TB, a arrival) (about metadata, names map[string]string, contents map[string][]byte) {
	t.Helper()
	_, params, err := mime.ParseMediaType(a.header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	names, contents = map[string]string{}, map[string][]byte{}
	for r := multipart.NewReader(strings.NewReader(string(a.body)), params["boundary"]); ; {
		p, err := r.NextPart()
		if err == io.EOF {
			return about, names, contents
		}
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(p)
		if err != nil {
			t.Fatal(err)
		}
		if p.FormName() == "metadata" {
			if err := json.Unmarshal(b, &about); err != nil {
				t.Fatal(err)
			}
			continue
		}
		names[p.FormName()], contents[p.FormName()] = p.FileName(), b
	}
}
