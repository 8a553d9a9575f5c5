//go:build faults

package main

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/blob"
	"github.com/twinleaf-scan/twinleaf/core/journal"
)

func newFaults(t *testing.T, flags ...string) (*faults, *lines) {
	t.Helper()
	var log lines
	f := &faults{flags: flags}
	if err := f.begin(t.TempDir(), slog.New(slog.NewTextHandler(&log, nil))); err != nil {
		t.Fatal(err)
	}
	return f, &log
}

// TestGS28TheWebServiceCanBeMadeToFail: while it fails nobody gets an answer, and who waits
// for events is cut off.
func TestGS28TheWebServiceCanBeMadeToFail(t *testing.T) {
	f, _ := newFaults(t)
	began := make(chan struct{})
	hs := httptest.NewServer(f.web(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/events" {
			w.WriteHeader(http.StatusOK)
			_ = http.NewResponseController(w).Flush()
			close(began)
			<-r.Context().Done()
		}
	})))
	defer hs.Close()
	ask := func() error {
		resp, err := hs.Client().Get(hs.URL)
		if err == nil {
			err = resp.Body.Close()
		}
		return err
	}
	if err := ask(); err != nil {
		t.Errorf("nothing fails: %v", err)
	}
	cut := make(chan error, 1)
	go func() {
		resp, err := hs.Client().Get(hs.URL + "/events")
		if err == nil {
			_, err = io.Copy(io.Discard, resp.Body)
		}
		cut <- err
	}()
	<-began
	write(t, f.file, "web\n")
	f.look()
	if err := <-cut; err == nil {
		t.Error("the stream of events ended well")
	}
	if err := ask(); err == nil {
		t.Error("a web service that fails answered")
	}
	if f.data() != nil {
		t.Error("the data service fails too")
	}
	write(t, f.file, "")
	f.look()
	if err := ask(); err != nil {
		t.Errorf("switched off again: %v", err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestGS29TheDataServiceCanBeMadeToFail: journal and blobs take nothing, as on a full disk.
func TestGS29TheDataServiceCanBeMadeToFail(t *testing.T) {
	f, log := newFaults(t)
	b, err := blob.Open(t.TempDir(), blob.Config{Refuse: f.data})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	j, err := journal.Open(t.Context(), journal.Config{Dir: filepath.Join(t.TempDir(), "j"), Refuse: f.data})
	if err != nil {
		t.Fatal(err)
	}
	defer j.Close()
	try := func() (put, add error) {
		_, _, put = b.Put(t.Context(), strings.NewReader("x"), 0)
		_, add = j.Append(t.Context(), core.Event{Body: core.JobHeld{}})
		return put, add
	}
	if put, add := try(); put != nil || add != nil {
		t.Errorf("nothing fails: %v, %v", put, add)
	}
	write(t, f.file, "data\nclock=-3s\n")
	f.look()
	put, add := try()
	if core.AsFailure(put).Code != core.CodeDataDown || core.AsFailure(add).Code != core.CodeDataDown {
		t.Errorf("data fails: %v, %v", put, add)
	}
	if d := time.Until(f.now()).Round(time.Second); d != -3*time.Second {
		t.Errorf("the clock is off by %v", d)
	}
	if err := os.Remove(f.file); err != nil {
		t.Fatal(err)
	}
	f.look()
	if put, add := try(); put != nil || add != nil {
		t.Errorf("switched off again: %v, %v", put, add)
	}
	if n := log.count("faults switched"); n != 2 {
		t.Errorf("told %d times", n)
	}
}

func TestFaultsOfTheCommandLineHoldBesidesTheFile(t *testing.T) {
	f, log := newFaults(t, "clock=+5s")
	write(t, f.file, " data \n\n")
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { f.run(ctx); close(done) }()
	late := time.After(20 * time.Second)
	for f.data() == nil {
		select {
		case <-time.After(faultsEvery / 10):
		case <-late:
			t.Fatal("the file is not looked at")
		}
	}
	stop()
	<-done
	if d := time.Until(f.now()).Round(time.Second); d != 5*time.Second {
		t.Errorf("the clock is off by %v", d)
	}
	write(t, f.file, "nonsense")
	f.look()
	if f.data() == nil || log.count("there is no fault") != 1 {
		t.Error("nonsense in the file switched something, or was not told")
	}
	for _, bad := range []string{"disk", "clock=soon", ""} {
		if err := (&faults{flags: []string{bad}}).begin(t.TempDir(), slog.New(slog.NewTextHandler(&bytes.Buffer{}, nil))); code(err) != exitUsage {
			t.Errorf("%q: got %v, want a usage error", bad, err)
		}
	}
}

func TestTheFlagForFaultsIsThere(t *testing.T) {
	if newServe(&app{}).Flags().Lookup("fault") == nil {
		t.Error("serve has no flag fault")
	}
}
