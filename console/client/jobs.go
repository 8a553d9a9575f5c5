package client

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/twinleaf-scan/twinleaf/console/api"
	"github.com/twinleaf-scan/twinleaf/core"
)

// Job looks at one job.
func (c *Client) Job(ctx context.Context, id core.JobID) (api.Job, error) {
	var j api.Job
	err := c.call(ctx, request{method: http.MethodGet, path: jobPath(id), repeatable: true, job: true}, &j)
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
	err := c.call(ctx, request{method: http.MethodGet, path: "/v1/jobs", query: v, repeatable: true}, &l)
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

func jobPath(id core.JobID) string { return "/v1/jobs/" + url.PathEscape(string(id)) }

// Get reads any JSON resource below /v1, e.g. "profiles/default".
func (c *Client) Get(ctx context.Context, resource string, out any) error {
	return c.call(ctx, request{method: http.MethodGet, path: "/v1/" + resource, repeatable: true}, out)
}

// Put sends v as JSON to a resource below /v1.
func (c *Client) Put(ctx context.Context, resource string, v any) error {
	return c.Send(ctx, http.MethodPut, resource, v, nil)
}

// Delete removes a resource below /v1.
func (c *Client) Delete(ctx context.Context, resource string) error {
	return c.Send(ctx, http.MethodDelete, resource, nil, nil)
}

// Send sends in as JSON to a resource below /v1 and reads the answer into out; nil is
// nothing, for either. What one server does for itself, such as going into maintenance,
// is asked of the first server only. Of the changes only log-in and log-out are sent to
// a second server when the first may have made them.
func (c *Client) Send(ctx context.Context, method, resource string, in, out any) error {
	reads := method == http.MethodGet || method == http.MethodHead
	rq := request{method: method, path: "/v1/" + resource, repeatable: reads || resource == "session", alone: !reads && ofOneServer(resource)}
	if in != nil {
		body, err := jsonBody(in)
		if err != nil {
			return fmt.Errorf("write the value for %s: %w", resource, err)
		}
		rq.body, rq.header = body, http.Header{"Content-Type": {"application/json"}}
	}
	return c.call(ctx, rq, out)
}

// ofOneServer reports whether changing a resource concerns one server of a pair: what is
// meant for one must not be done to the other because the first one is away.
func ofOneServer(resource string) bool {
	first, _, _ := strings.Cut(resource, "/")
	return slices.Contains([]string{"pair", "license", "log"}, first)
}
