package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"time"

	"github.com/twinleaf-scan/twinleaf/console/api"
	"github.com/twinleaf-scan/twinleaf/core"
)

// try asks one server. The fault is the server's and lets another one be asked; err is
// the caller's own. With neither, the answer's body is to be closed.
func (c *Client) try(ctx context.Context, s *server, rq request, why Cause) (*http.Response, *fault, error) {
	v := c.watch(ctx, s, rq)
	var reached atomic.Bool // the server has been spoken to
	traced := httptrace.WithClientTrace(v.ctx, &httptrace.ClientTrace{
		GotConn:              func(httptrace.GotConnInfo) { reached.Store(true); v.move() },
		Got100Continue:       v.move,
		GotFirstResponseByte: v.move,
	})
	hr, err := c.build(traced, s, rq, why, v)
	if err != nil {
		v.end()
		return nil, nil, &localError{err}
	}
	resp, err := c.http.Do(hr)
	if err == nil {
		err = c.take(resp, rq, v)
	}
	if err != nil {
		v.end()
		f, err := c.faultOf(ctx, s, v, err)
		if f != nil {
			f.acted = reached.Load()
		}
		return nil, f, err
	}
	f := judge(s, rq, resp)
	if f == nil && resp.Header.Get(api.RenewedHeader) != "" {
		c.token.Store(resp.Header.Get(api.RenewedHeader))
	}
	return resp, f, nil
}

// build makes the request for one server.
func (c *Client) build(ctx context.Context, s *server, rq request, why Cause, v *vigil) (*http.Request, error) {
	u := s.url.JoinPath(rq.path)
	u.RawQuery = rq.query.Encode()
	hr, err := http.NewRequestWithContext(ctx, rq.method, u.String(), nil)
	if err != nil {
		return nil, err
	}
	for k, values := range rq.header {
		hr.Header[k] = values
	}
	hr.Header.Set(api.SessionHeader, c.session)
	if why != "" {
		hr.Header.Set(api.FailoverHeader, string(why))
	}
	if token := c.token.Load().(string); token != "" {
		hr.Header.Set("Authorization", "Bearer "+token)
	}
	if rq.each != nil {
		rq.each(s, hr.Header)
	}
	if rq.body == nil {
		return hr, nil
	}
	open := func() (io.ReadCloser, int64, error) {
		body, size, err := rq.body()
		if err != nil {
			return nil, 0, err
		}
		return &sent{body: body, size: size, left: size, vigil: v}, size, nil
	}
	hr.GetBody = func() (io.ReadCloser, error) { // for a connection that had ended unnoticed
		body, _, err := open()
		return body, err
	}
	hr.Body, hr.ContentLength, err = open()
	return hr, err
}

// take reads an answer to its end, unless the caller reads it bit by bit.
func (c *Client) take(resp *http.Response, rq request, v *vigil) error {
	if rq.stream && resp.StatusCode < 300 {
		resp.Body = &watched{body: resp.Body, vigil: v, stream: true}
		v.pause()
		return nil
	}
	limit := int64(maxAnswer)
	if resp.StatusCode >= 300 {
		limit = maxProblem
	}
	data, err := io.ReadAll(&watched{body: io.NopCloser(io.LimitReader(resp.Body, limit+1)), vigil: v})
	_ = resp.Body.Close() // read only
	if err != nil {
		return err
	}
	v.end()
	if int64(len(data)) > limit {
		return fmt.Errorf("the answer is longer than %d bytes", limit)
	}
	resp.Body = &whole{Reader: bytes.NewReader(data), data: data}
	return nil
}

// faultOf tells whose fault it is that there is no answer: the caller's, who stopped or
// whose file cannot be read, or the server's.
func (c *Client) faultOf(ctx context.Context, s *server, v *vigil, err error) (*fault, error) {
	var local *localError
	var f *fault
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.As(err, &local):
		return nil, local
	case errors.As(err, &f), errors.As(context.Cause(v.ctx), &f):
		return f, nil
	}
	return broken(s, err), nil
}

// broken is the fault of a server to which the connection could not be made, or broke.
func broken(s *server, err error) *fault {
	return &fault{server: s, cause: Network, state: fmt.Sprintf("does not answer (%s)", short(err)), err: err, at: time.Now()}
}

// short is an error in a few words for a line.
func short(err error) string {
	var timeout interface{ Timeout() bool }
	text := plain(err).Error()
	switch {
	case errors.As(err, &timeout) && timeout.Timeout():
		return "no connection in time"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the connection broke"
	}
	for _, known := range []string{"connection refused", "connection reset by peer", "no such host", "no route to host", "network is unreachable", "broken pipe"} {
		if strings.Contains(text, known) {
			return known
		}
	}
	return text
}

// judge says whether an answer means that another server is to be asked.
func judge(s *server, rq request, resp *http.Response) *fault {
	if resp.StatusCode < 300 {
		return misfit(s, rq, resp)
	}
	p := ours(resp)
	switch {
	case p != nil:
		return refusal(s, p)
	case resp.StatusCode < 400:
		return notOurs(s, resp, "sends elsewhere, to %q", resp.Header.Get("Location"))
	}
	return notOurs(s, resp, "answers %s", resp.Status)
}

// misfit is the fault of a success that Twinleaf does not give.
func misfit(s *server, rq request, resp *http.Response) *fault {
	body, read := resp.Body.(*whole)
	if rq.stream || !read || len(body.data) == 0 {
		return nil
	}
	media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if media == "application/json" || strings.HasSuffix(media, "+json") {
		return nil
	}
	return notOurs(s, resp, "answers with %q instead of JSON", media)
}

// notOurs is the fault of a web server that is not Twinleaf's: a proxy, or a page in between.
func notOurs(s *server, resp *http.Response, format string, a ...any) *fault {
	text := fmt.Sprintf(format, a...)
	return &fault{server: s, cause: Web, state: text + ", which is not Twinleaf", acted: true, at: time.Now(),
		err: api.NewProblem(resp.StatusCode, core.CodeInternal, "is this the address of a Twinleaf server?", "%s %s", s.url.Host, text)}
}

// refusal is the fault of a server that says it cannot; nil: its answer is what the
// caller has to know.
func refusal(s *server, p *api.Problem) *fault {
	f := &fault{server: s, err: p, at: time.Now()}
	switch p.Code {
	case core.CodeDataDown:
		f.cause, f.state, f.acted = Data, "has no data service", true
	case core.CodeMaintenance:
		f.cause, f.state = Maintenance, "is in maintenance"
	case api.CodeStarting:
		f.cause, f.state = Maintenance, "is starting"
	case api.CodeSecondPrimary:
		f.cause, f.state = Maintenance, "stays out as a second primary"
	case api.CodeStandby:
		f.state = "is the standby"
	case core.CodeInterrupted:
		if p.Status != http.StatusServiceUnavailable {
			return nil
		}
		f.cause, f.state, f.acted = Web, "is shutting down", true
	default:
		return nil
	}
	return f
}
