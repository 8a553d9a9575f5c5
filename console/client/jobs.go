package client

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/twinleaf-scan/twinleaf/console/api"
	"github.com/twinleaf-scan/twinleaf/core"
)

// Job looks at one job.
func (c *Client) Job(ctx context.Context, id core.JobID) (api.Job, error) {
	var j api.Job
	err := c.call(ctx, request{method: http.MethodGet, path: jobPath(id)}, &j)
	return j, err
}

// Jobs lists jobs, the newest first.
func (c *Client) Jobs(ctx context.Context, q api.Query) (api.List, error) {
	v := url.Values{}
	set(v, "state", string(q.State))
	set(v, "after", string(q.After))
	if q.Limit > 0 {
		v.Set("limit", strconv.Itoa(q.Limit))
	}
	var l api.List
	err := c.call(ctx, request{method: http.MethodGet, path: "/v1/jobs", query: v}, &l)
	return l, err
}

// The actions on a job answer with the job as it is afterwards.
const (
	Retry   = "retry"
	Cancel  = "cancel"
	Hold    = "hold"
	Release = "release"
)

// Act does one of [Retry], [Cancel], [Hold] and [Release].
func (c *Client) Act(ctx context.Context, id core.JobID, action string) (api.Job, error) {
	var j api.Job
	err := c.call(ctx, request{method: http.MethodPost, path: jobPath(id) + "/" + action}, &j)
	return j, err
}

// Output opens what a job made: pdf, text, hocr, alto, manifest or original; of a job
// that was split, that of the part, else part is 0. The caller closes it. Size is -1
// where the server does not tell.
func (c *Client) Output(ctx context.Context, id core.JobID, kind string, part int) (body io.ReadCloser, size int64, err error) {
	rq := request{method: http.MethodGet, path: jobPath(id) + "/outputs/" + url.PathEscape(kind)}
	if part > 0 {
		rq.query = url.Values{"part": {strconv.Itoa(part)}}
	}
	resp, err := c.do(ctx, rq)
	if err != nil {
		return nil, 0, err
	}
	if err := check(resp); err != nil {
		_ = resp.Body.Close() // the problem is what matters
		return nil, 0, err
	}
	return resp.Body, resp.ContentLength, nil
}

func jobPath(id core.JobID) string { return "/v1/jobs/" + url.PathEscape(string(id)) }

// Get reads any JSON resource below /v1, e.g. "profiles/default".
func (c *Client) Get(ctx context.Context, resource string, out any) error {
	return c.call(ctx, request{method: http.MethodGet, path: "/v1/" + resource}, out)
}

// Put sends v as JSON to a resource below /v1.
func (c *Client) Put(ctx context.Context, resource string, v any) error {
	body, err := jsonBody(v)
	if err != nil {
		return fmt.Errorf("write the value for %s: %w", resource, err)
	}
	return c.call(ctx, request{method: http.MethodPut, path: "/v1/" + resource, body: body, header: http.Header{"Content-Type": {"application/json"}}}, nil)
}

// Delete removes a resource below /v1.
func (c *Client) Delete(ctx context.Context, resource string) error {
	return c.call(ctx, request{method: http.MethodDelete, path: "/v1/" + resource}, nil)
}

// Send sends in as JSON to a resource below /v1 and reads the answer into out; nil is
// nothing, for either.
func (c *Client) Send(ctx context.Context, method, resource string, in, out any) error {
	rq := request{method: method, path: "/v1/" + resource}
	if in != nil {
		body, err := jsonBody(in)
		if err != nil {
			return fmt.Errorf("write the value for %s: %w", resource, err)
		}
		rq.body, rq.header = body, http.Header{"Content-Type": {"application/json"}}
	}
	return c.call(ctx, rq, out)
}
