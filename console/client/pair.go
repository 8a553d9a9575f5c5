package client

import (
	"context"
	"io"
	"net/http"
	"net/url"

	"github.com/twinleaf-scan/twinleaf/console/api"
)

// Parity asks in what the servers of a pair differ; with deep they look at their OCR
// engines anew.
func (c *Client) Parity(ctx context.Context, deep bool) (api.Parity, error) {
	rq := request{method: http.MethodGet, path: "/v1/parity", repeatable: true}
	if deep {
		rq.query = url.Values{"deep": {"true"}}
	}
	var p api.Parity
	err := c.call(ctx, rq, &p)
	return p, err
}

// PeerLock is the list of the plug-ins that were added to the other server of the pair.
func (c *Client) PeerLock(ctx context.Context) ([]byte, error) {
	body, err := c.stream(ctx, "/v1/pair/plugins")
	if err != nil {
		return nil, err
	}
	defer body.Close() // read only
	return io.ReadAll(io.LimitReader(body, maxAnswer))
}

// PeerPlugin opens a plug-in of that list, by its digest. The caller closes it.
func (c *Client) PeerPlugin(ctx context.Context, digest string) (io.ReadCloser, error) {
	return c.stream(ctx, "/v1/pair/plugins/"+url.PathEscape(digest))
}

// stream opens what the first server has; the other one's would be another.
func (c *Client) stream(ctx context.Context, path string) (io.ReadCloser, error) {
	r, err := c.do(ctx, request{method: http.MethodGet, path: path, repeatable: true, stream: true, alone: true})
	if err != nil {
		return nil, err
	}
	if err := r.problem(); err != nil {
		return nil, err
	}
	return r.Body, nil
}
