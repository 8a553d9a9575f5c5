package testscripts

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"
)

// receiver is a web server that takes what is posted to it: $WORK/received/KEY holds
// the body that came under an Idempotency-Key first.
type receiver struct {
	dir string

	mu       sync.Mutex // guards what follows
	requests int
	mute     int // so many requests are taken and never answered
}

type receiverKey struct{}

// receiver start | mute N | requests N: one receiver a script, whose address is
// $RECEIVER. The next N requests get no answer; so many have come.
func receiverCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: receiver start | mute N | requests N")
	}
	if args[0] == "start" {
		startReceiver(ts)
		return
	}
	if len(args) != 2 {
		ts.Fatalf("usage: receiver mute|requests N")
	}
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	r := ts.Value(receiverKey{}).(*receiver)
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case args[0] == "mute":
		r.mute = n
	case args[0] != "requests":
		ts.Fatalf("receiver %s: unknown", args[0])
	case r.requests != n:
		ts.Fatalf("%d requests have come, want %d", r.requests, n)
	}
}

func startReceiver(ts *testscript.TestScript) {
	r := ts.Value(receiverKey{}).(*receiver)
	r.dir = ts.MkAbs("received")
	ts.Check(os.Mkdir(r.dir, 0o755))
	s := httptest.NewServer(r)
	ts.Defer(s.Close)
	ts.Setenv("RECEIVER", s.URL)
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return
	}
	mute, err := r.take(req.Header.Get("Idempotency-Key"), body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	if mute {
		<-req.Context().Done() // until the other side is gone
	}
}

func (r *receiver) take(key string, body []byte) (mute bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests++
	if r.mute > 0 {
		r.mute--
		mute = true
	}
	f, err := os.OpenFile(filepath.Join(r.dir, filepath.Base(key)), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if os.IsExist(err) {
		return mute, nil
	}
	if err != nil {
		return mute, err
	}
	defer f.Close()
	_, err = f.Write(body)
	return mute, err
}
