package client

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/twinleaf-scan/twinleaf/console/api"
)

// Log reads lines of the first server's log; that of the other one is another log.
func (c *Client) Log(ctx context.Context, q api.LogQuery) (api.Log, error) {
	v := url.Values{}
	if !q.Since.IsZero() {
		v.Set("since", q.Since.UTC().Format(time.RFC3339Nano))
	}
	if q.Level != "" {
		v.Set("level", q.Level)
	}
	if q.After > 0 {
		v.Set("after", strconv.FormatUint(q.After, 10))
	}
	if q.Limit > 0 {
		v.Set("limit", strconv.Itoa(q.Limit))
	}
	var out api.Log
	err := c.call(ctx, request{method: http.MethodGet, path: "/v1/log", query: v, repeatable: true, alone: true}, &out)
	return out, err
}

// ExportLog fetches the archive of the first server's log files. The caller closes it.
func (c *Client) ExportLog(ctx context.Context) (io.ReadCloser, error) {
	return c.stream(ctx, "/v1/log/export")
}
