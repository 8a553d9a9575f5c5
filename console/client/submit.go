package client

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"

	"github.com/twinleaf-scan/twinleaf/console/api"
)

// File is one file of a submission. Open is called once for each server that is
// tried.
type File struct {
	Name string
	Size int64 // bytes; -1: unknown
	Open func() (io.ReadCloser, error)
}

// Submission is what to make into a job.
type Submission struct {
	Files        []File // in page order; at least one
	Name         string // of the document; default: the first file's
	Profile      string
	Languages    []string
	Destinations []string
	Key          string // Idempotency-Key; default: a random one, which serves the tries of one call
}

// Submit sends the files and returns when the job is durable. A second server gets them
// under the same key: it finds the job, should the first one have taken it.
func (c *Client) Submit(ctx context.Context, s Submission) (api.Accepted, error) {
	rq := request{method: http.MethodPost, path: "/v1/jobs", query: url.Values{}, header: http.Header{}, repeatable: true, large: true}
	set(rq.query, "profile", s.Profile)
	set(rq.query, "name", s.Name)
	set(rq.query, "lang", strings.Join(s.Languages, "+"))
	set(rq.query, "destination", strings.Join(s.Destinations, ","))
	if s.Key == "" {
		s.Key = rand.Text() // when the answer is lost, the second try must find the first one's job
	}
	rq.header.Set("Idempotency-Key", s.Key)
	rq.header.Set("Expect", "100-continue") // a server that takes no jobs says so before the scan travels
	if len(s.Files) == 1 {
		raw(&rq, s.Files[0])
	} else {
		form(&rq, s.Files)
	}
	var acc api.Accepted
	err := c.call(ctx, rq, &acc)
	return acc, err
}

func set(q url.Values, name, v string) {
	if v != "" {
		q.Set(name, v)
	}
}

func raw(rq *request, f File) {
	rq.header.Set("Content-Type", "application/octet-stream")
	rq.header.Set("X-Filename", url.PathEscape(f.Name))
	rq.body = func() (io.ReadCloser, int64, error) {
		r, err := f.Open()
		return r, f.Size, err
	}
}

// form streams the files as parts through a pipe: nothing is held in memory.
func form(rq *request, files []File) {
	boundary := multipart.NewWriter(io.Discard).Boundary()
	rq.header.Set("Content-Type", "multipart/form-data; boundary="+boundary)
	rq.body = func() (io.ReadCloser, int64, error) {
		pr, pw := io.Pipe()
		go func() { // ends when all is written or the reader is closed
			w := multipart.NewWriter(pw)
			err := w.SetBoundary(boundary)
			if err == nil {
				err = parts(w, files)
			}
			pw.CloseWithError(err)
		}()
		return pr, -1, nil
	}
}

func parts(w *multipart.Writer, files []File) error {
	for _, f := range files {
		if err := part(w, f); err != nil {
			return err
		}
	}
	return w.Close()
}

func part(w *multipart.Writer, f File) error {
	in, err := f.Open()
	if err != nil {
		return &localError{err}
	}
	defer in.Close() // read only
	h := textproto.MIMEHeader{}
	h.Set("Content-Disposition", fmt.Sprintf(`form-data; name="file"; filename="%s"`, quote.Replace(f.Name)))
	h.Set("Content-Type", "application/octet-stream")
	out, err := w.CreatePart(h)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, own{in})
	return err
}

// own is a file of the caller's: that it cannot be read is no server's fault.
type own struct{ io.Reader }

func (o own) Read(p []byte) (int, error) {
	n, err := o.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = &localError{err}
	}
	return n, err
}

var quote = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\r", "", "\n", "")
