package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/twinleaf-scan/twinleaf/core"
)

// maxResumes is how often in a row a download may break without getting on.
const maxResumes = 3

// Output opens what a job made: pdf, text, hocr, alto, manifest or original; of a job
// that was split, that of the part, else part is 0. The caller closes it. Size is -1
// where the server does not tell. A download that breaks off goes on where it was, at
// the other server if need be.
func (c *Client) Output(ctx context.Context, id core.JobID, kind string, part int) (body io.ReadCloser, size int64, err error) {
	rq := request{
		method: http.MethodGet, path: jobPath(id) + "/outputs/" + url.PathEscape(kind), repeatable: true, stream: true, job: true,
		header: http.Header{"Accept-Encoding": {"identity"}}, // ranges are of the file itself
	}
	if part > 0 {
		rq.query = url.Values{"part": {strconv.Itoa(part)}}
	}
	r, err := c.find(ctx, rq)
	if err != nil {
		return nil, 0, err
	}
	if err := r.problem(); err != nil {
		return nil, 0, err
	}
	d := &download{ctx: ctx, client: c, rq: rq, body: r.Body, tag: r.Header.Get("ETag")}
	return d, r.ContentLength, nil
}

// download reads an output over as many connections as it takes.
type download struct {
	ctx    context.Context // of the call that opened it
	client *Client
	rq     request
	body   io.ReadCloser
	tag    string // names the content, on both servers; weak or empty: it cannot be resumed
	at     int64  // bytes read
	broken int    // breaks since the last byte
}

// Read reads on, elsewhere if the answer broke off.
func (d *download) Read(p []byte) (int, error) {
	for {
		n, err := d.body.Read(p)
		d.at += int64(n)
		if n > 0 {
			d.broken = 0
		}
		var f *fault
		if n > 0 && errors.As(err, &f) {
			return n, nil // the break shows again at the next read
		}
		if !errors.As(err, &f) {
			return n, err
		}
		if err := d.resume(err); err != nil {
			return 0, err
		}
	}
}

// resume opens the rest of the output. The error is the break's if there is no way on.
func (d *download) resume(broke error) error {
	if d.broken++; d.broken > maxResumes || d.tag == "" || strings.HasPrefix(d.tag, "W/") {
		return broke
	}
	rq := d.rq
	rq.header = rq.header.Clone()
	rq.header.Set("Range", fmt.Sprintf("bytes=%d-", d.at))
	rq.header.Set("If-Range", d.tag)
	r, err := d.client.find(d.ctx, rq)
	if err == nil {
		err = r.problem()
	}
	if err != nil {
		return fmt.Errorf("%w; going on after %d bytes: %w", broke, d.at, err)
	}
	if r.StatusCode != http.StatusPartialContent || !strings.HasPrefix(r.Header.Get("Content-Range"), fmt.Sprintf("bytes %d-", d.at)) {
		_ = r.Body.Close() // of another content
		return fmt.Errorf("%w; %s has another version of it\nhint: fetch it again", broke, r.server.name)
	}
	_ = d.body.Close() // it is broken
	d.body = r.Body
	return nil
}

func (d *download) Close() error { return d.body.Close() }
