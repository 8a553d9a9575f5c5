package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twinleaf-scan/twinleaf/console/api"
	"github.com/twinleaf-scan/twinleaf/core"
)

// after answers with one handler n times, then with the other.
func after(n int, first, then http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if n--; n >= 0 {
			first(w, r)
			return
		}
		then(w, r)
	}
}

// A job that was taken on one server a moment ago is looked for again on the other.
func TestJobThatIsNotKnownYet(t *testing.T) {
	late := newFake(t, after(2, unknown, job(core.Queued)))
	never := newFake(t, unknown)
	knows := newFake(t, job(core.Completed))
	for _, c := range []struct {
		name    string
		servers []string
		state   core.JobState
	}{
		{"known a moment later", []string{late.URL, never.URL}, core.Queued},
		{"known to the other", []string{never.URL, knows.URL}, core.Completed},
		{"known to nobody", []string{never.URL, dead(t)}, ""},
		{"one server", []string{never.URL}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			cl, m := fast(t, c.servers...)
			j, err := cl.Job(t.Context(), "a-1")
			if (err == nil) != (c.state != "") || j.State != c.state {
				t.Errorf("got %+v, %v; want state %q", j, err, c.state)
			}
			var p *api.Problem
			if c.state == "" && (!errors.As(err, &p) || p.Code != core.CodeUnknown) {
				t.Errorf("got %v, want that nobody knows it", err)
			}
			same(t, "moves", m.causes(), nil)
		})
	}
	never.asked()
	cl, _ := fast(t, never.URL)
	_, _ = cl.Job(t.Context(), "a-1")
	if n := len(never.asked()); n != 1 {
		t.Errorf("one server alone was asked %d times, want once", n)
	}
}

// TestWaitGoesOnAtTheOtherServer: the server dies while its events are read.
func TestWaitGoesOnAtTheOtherServer(t *testing.T) {
	first := newFake(t, nil)
	first.set(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, event(70, core.Running, 1))
		_ = http.NewResponseController(w).Flush()
		cut("")(w, nil)
	})
	second := newFake(t, func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.URL.Path, "/events") {
			job(core.Completed)(w, r)
			return
		}
		_, _ = io.WriteString(w, event(3, core.Running, 2)+event(4, core.Completed, 3))
	})
	cl, m := fast(t, first.URL, second.URL)
	var seen []int
	j, err := cl.Wait(t.Context(), "a-1", func(j api.Job) { seen = append(seen, j.Pages.Done) })
	if err != nil || j.State != core.Completed {
		t.Fatalf("got %+v, %v; want the job, completed", j, err)
	}
	if len(seen) < 3 || seen[0] != 1 || seen[1] != 2 || seen[2] != 3 {
		t.Errorf("seen %v, want pages 1, 2 and 3", seen)
	}
	got := second.asked()
	if got[0].last != "" || got[0].cause != "network" {
		t.Errorf("the second server was asked %+v, want from the beginning, because of the network", got[0])
	}
	if n := len(first.asked()); n != 1 {
		t.Errorf("the server that broke off was asked %d times, want once", n)
	}
	same(t, "moves", m.causes(), []Cause{Network})
}

// A job that only the dead server has is waited for, and not taken for one that never was.
func TestWaitForAJobOfTheServerThatIsAway(t *testing.T) {
	second := newFake(t, after(5, unknown, job(core.Completed))) // a look is four questions
	cl, _ := fast(t, dead(t), second.URL)
	if j, err := cl.Wait(t.Context(), "a-1", nil); err != nil || j.State != core.Completed {
		t.Errorf("got %+v, %v; want the job when it is known", j, err)
	}
	second.set(unknown)
	cl, _ = fast(t, dead(t), second.URL)
	cl.config.Retries = 1
	_, err := cl.Wait(t.Context(), "a-1", nil)
	if err == nil || !strings.Contains(err.Error(), "cannot be followed") {
		t.Errorf("got %v, want that it gives up", err)
	}
}

const pdf = "%PDF-1.7 a document of some bytes"

// hands gives out a document, in ranges too, and breaks off after so many bytes.
func hands(content, tag string, atMost int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", tag)
		begin := 0
		status := http.StatusOK
		if _, err := fmt.Sscanf(r.Header.Get("Range"), "bytes=%d-", &begin); err == nil && r.Header.Get("If-Range") == tag {
			status = http.StatusPartialContent
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", begin, len(content)-1, len(content)))
		} else {
			begin = 0
		}
		rest := content[begin:]
		w.Header().Set("Content-Length", fmt.Sprint(len(rest)))
		w.WriteHeader(status)
		if len(rest) <= atMost {
			_, _ = io.WriteString(w, rest)
			return
		}
		_, _ = io.WriteString(w, rest[:atMost])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}

func TestDownloadGoesOnAtTheOtherServer(t *testing.T) {
	for _, c := range []struct {
		name          string
		first, second http.HandlerFunc
		want, says    string
	}{
		{"the rest", hands(pdf, `"x"`, 10), hands(pdf, `"x"`, 1000), pdf, ""},
		{"bit by bit", hands(pdf, `"x"`, 7), hands(pdf, `"x"`, 3), pdf, ""},
		{"another document", hands(pdf, `"x"`, 10), hands("%PDF-1.4 another one of some bytes", `"y"`, 1000), pdf[:10], "another version"},
		{"no tag", hands(pdf, ``, 10), hands(pdf, ``, 1000), pdf[:10], "the connection broke"},
		{"back at the first", after(1, hands(pdf, `"x"`, 10), hands(pdf, `"x"`, 1000)), unknown, pdf, ""},
		{"gone", after(1, hands(pdf, `"x"`, 10), unknown), unknown, pdf[:10], "there is no job"},
		{"never on", after(1, hands(pdf, `"x"`, 10), hands(pdf, `"x"`, 0)), hands(pdf, `"x"`, 0), pdf[:10], "the connection broke"},
	} {
		t.Run(c.name, func(t *testing.T) {
			first, second := newFake(t, c.first), newFake(t, c.second)
			cl, _ := fast(t, first.URL, second.URL)
			body, size, err := cl.Output(t.Context(), "a-1", "pdf", 0)
			if err != nil {
				t.Fatal(err)
			}
			defer body.Close()
			got, err := io.ReadAll(body)
			if string(got) != c.want || size != int64(len(pdf)) || (err == nil) != (c.says == "") {
				t.Errorf("got %q of %d bytes, %v; want %q", got, size, err, c.want)
			}
			if err != nil && !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %q, want %q in it", err, c.says)
			}
		})
	}
}

// Half a scan must not be taken for a whole one, nor a changing file for a dead server.
func TestFileThatChangesWhileItIsSent(t *testing.T) {
	for _, size := range []int64{4, 400} {
		a, b := newFake(t, accepts("a-1")), newFake(t, accepts("b-1"))
		cl, m := fast(t, a.URL, b.URL)
		f := text("scan", "eleven byte")
		f.Size = size
		_, err := cl.Submit(t.Context(), Submission{Files: []File{f}})
		if err == nil || errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), "changed while it was sent") {
			t.Errorf("told %d bytes, has 11: got %v, want that it was changed", size, err)
		}
		if len(b.asked()) > 0 || len(m.list) > 0 {
			t.Errorf("told %d bytes: the second server was asked", size)
		}
	}
}

func TestSpool(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	f, done, err := spool(t.Context(), "stdin", strings.NewReader("0123456789"), 10)
	if err != nil || f.Size != 10 || f.Name != "stdin" {
		t.Fatalf("got %+v, %v; want ten bytes", f, err)
	}
	for range 2 {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(r); err != nil || string(got) != "0123456789" {
			t.Errorf("got %q, %v; want all ten", got, err)
		}
	}
	if err := done(); err != nil {
		t.Error(err)
	}
	if _, _, err := spool(t.Context(), "stdin", strings.NewReader("0123456789"), 9); err == nil || !strings.Contains(err.Error(), "longer than 9 bytes") {
		t.Errorf("got %v, want that it is too long", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	stuck, w := io.Pipe()
	defer w.Close()
	if _, _, err := spool(ctx, "stdin", stuck, 9); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped: got %v, want context.Canceled", err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %q, %v", left, err)
	}
	t.Setenv("TMPDIR", filepath.Join(dir, "none"))
	if _, _, err := Spool(t.Context(), "stdin", strings.NewReader("x")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no folder: got %v, want ErrNotExist", err)
	}
}
