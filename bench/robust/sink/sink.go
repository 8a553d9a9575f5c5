// Package sink is the destination of a fault run: a web address that takes the documents
// of the webhook plug-in and writes down each delivery. It honours the Idempotency-Key as
// a good receiver does: whoever comes again under the same key is told that all is well.
package sink

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/twinleaf-scan/twinleaf/bench/robust/history"
)

// Sink is a running receiver.
type Sink struct {
	URL    string
	server *http.Server
	done   chan struct{}
	told   func(history.Arrival)
}

// Open begins to listen on an address, and calls told for each delivery, from several
// goroutines.
func Open(address string, told func(history.Arrival)) (*Sink, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	s := &Sink{URL: "http://" + l.Addr().String() + "/in", told: told, done: make(chan struct{})}
	s.server = &http.Server{Handler: http.HandlerFunc(s.take), ReadTimeout: time.Minute, WriteTimeout: time.Minute}
	go func() {
		defer close(s.done)
		_ = s.server.Serve(l) // ends with Close
	}()
	return s, nil
}

// Close stops listening and waits until nothing is being taken any more.
func (s *Sink) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	err := s.server.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = s.server.Close()
	}
	<-s.done
	return err
}

// maxBody bounds one delivery, in bytes.
const maxBody = 16 << 20

func (s *Sink) take(w http.ResponseWriter, r *http.Request) {
	a, err := delivery(http.MaxBytesReader(w, r.Body, maxBody), r)
	if err != nil { // cut off: it was not delivered
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.told(a)
	w.WriteHeader(http.StatusOK)
}

// metadata is the first part of a delivery.
type metadata struct{ Key, Job, Name string }

func delivery(body io.Reader, r *http.Request) (history.Arrival, error) {
	boundary, ok := strings.CutPrefix(r.Header.Get("Content-Type"), "multipart/form-data; boundary=")
	if !ok {
		return history.Arrival{}, fmt.Errorf("a %s is no delivery", r.Header.Get("Content-Type"))
	}
	parts := multipart.NewReader(body, strings.Trim(boundary, `"`))
	first, err := parts.NextPart()
	if err != nil {
		return history.Arrival{}, err
	}
	var m metadata
	if err := json.NewDecoder(first).Decode(&m); err != nil {
		return history.Arrival{}, err
	}
	a := history.Arrival{Job: Number(m.Name), ID: m.Job, Key: r.Header.Get("Idempotency-Key"), At: time.Now()}
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return a, nil
		}
		if err != nil {
			return a, err
		}
		text, err := io.ReadAll(part)
		if err != nil {
			return a, err
		}
		if part.FormName() == "text" {
			a.Text = strings.Join(strings.Fields(string(text)), " ")
		}
	}
}

var named = regexp.MustCompile(`^job-(\d+)$`)

// Name is how the job with a number is called.
func Name(job int) string { return fmt.Sprintf("job-%06d", job) }

// Number is the number of the job with a name, 0 if it is none of ours.
func Number(name string) int {
	if m := named.FindStringSubmatch(name); m != nil {
		n, _ := strconv.Atoi(m[1]) // digits only; too many of them give the largest number, which is none of ours
		return n
	}
	return 0
}
