package link

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/parity"
)

// Bounds of what is asked for and brought at once.
const (
	MaxLacks = 1000    // refs
	MaxBlob  = 4 << 30 // bytes
	maxLock  = 4 << 20
	maxTaken = 8<<20 + 1 // bytes of a manifest; package parity has its own limit
)

// Lacks gives those of at most MaxLacks refs that the peer has no blob of.
func (c *Client) Lacks(ctx context.Context, refs []core.Ref) ([]core.Ref, error) {
	if len(refs) > MaxLacks {
		return nil, fmt.Errorf("ask the peer about %d blobs at once, limit %d", len(refs), MaxLacks)
	}
	raw, err := json.Marshal(refs)
	if err != nil {
		return nil, err
	}
	var lacks []core.Ref
	err = c.call(ctx, http.MethodPost, "lacks", nil, raw, &lacks)
	return lacks, err
}

// PutBlob gives the peer a blob of size bytes, which is on its disk when there is no
// error. What has another hash than ref is refused. It may take as long as something
// moves. After an error r may still be read from for a moment.
func (c *Client) PutBlob(ctx context.Context, ref core.Ref, r io.Reader, size int64) error {
	if err := checkBlob(ref, size); err != nil {
		return err
	}
	ctx, w := newWatch(ctx, c.cfg.Idle)
	defer w.stop()
	var body io.Reader = http.NoBody
	if size > 0 {
		body = sent{io.LimitReader(r, size), w}
	}
	resp, err := c.ask(ctx, c.streams, http.MethodPut, "blob/"+string(ref), nil, body, size)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// Blob opens a blob of the peer; fs.ErrNotExist when it has none of that name. Reading
// ends with an error unless the content is what ref says.
func (c *Client) Blob(ctx context.Context, ref core.Ref) (io.ReadCloser, error) {
	if err := checkBlob(ref, 0); err != nil {
		return nil, err
	}
	body, err := c.stream(ctx, "blob/"+string(ref), nil)
	if err != nil {
		return nil, err
	}
	return proven{newProof(body, ref, -1), body}, nil
}

type proven struct {
	io.Reader
	io.Closer
}

// Manifest asks what the peer is and has; deep lets its engines read the golden page. It
// gives the peer's clock at its answer, and how long question and answer were under way.
func (c *Client) Manifest(ctx context.Context, deep bool) (parity.Manifest, time.Time, time.Duration, error) {
	limit := c.cfg.Call
	if deep {
		limit = c.cfg.Deep
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	asked := time.Now()
	resp, err := c.ask(ctx, c.streams, http.MethodGet, "manifest", url.Values{"deep": {strconv.FormatBool(deep)}}, http.NoBody, 0)
	if err != nil {
		return parity.Manifest{}, time.Time{}, 0, err
	}
	defer resp.Body.Close()
	under := time.Since(asked)
	clock, took, err := times(resp.Header)
	if err != nil {
		return parity.Manifest{}, time.Time{}, 0, err
	}
	m, err := parity.Decode(io.LimitReader(resp.Body, maxTaken))
	return m, clock, max(under-took, 0), err
}

func times(h http.Header) (clock time.Time, took time.Duration, err error) {
	clock, err = time.Parse(time.RFC3339Nano, h.Get(headerClock))
	ns, err2 := strconv.ParseInt(h.Get(headerTook), 10, 64)
	if err != nil || err2 != nil || ns < 0 {
		return clock, 0, fmt.Errorf("the peer's answer does not say when it was given (%.60q, %.60q)", h.Get(headerClock), h.Get(headerTook))
	}
	return clock, time.Duration(ns), nil
}

// Lock gives the lock of the peer's plug-in store.
func (c *Client) Lock(ctx context.Context) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Call)
	defer cancel()
	resp, err := c.ask(ctx, c.calls, http.MethodGet, "plugins/lock", nil, http.NoBody, 0)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	raw, err := readUpTo(resp.Body, maxLock)
	if err != nil {
		return nil, unreachable(ctx, err)
	}
	return raw, nil
}

// Archive opens the plug-in of a digest (h1:…) of the peer's store as an archive. It is
// for the store to say whether its content has that digest.
func (c *Client) Archive(ctx context.Context, digest string) (io.ReadCloser, error) {
	return c.stream(ctx, "plugins/archive", url.Values{"digest": {digest}})
}

// stream opens what the peer sends for as long as something moves.
func (c *Client) stream(ctx context.Context, path string, query url.Values) (io.ReadCloser, error) {
	ctx, w := newWatch(ctx, c.cfg.Idle)
	body, err := c.open(ctx, w, path, query)
	if err != nil {
		w.stop()
		return nil, err
	}
	return body, nil
}

// open asks for a stream under a watch, which closing it stops.
func (c *Client) open(ctx context.Context, w *watch, path string, query url.Values) (*received, error) {
	resp, err := c.ask(ctx, c.streams, http.MethodGet, path, query, http.NoBody, 0)
	if err != nil {
		return nil, err
	}
	w.pause()
	return &received{ctx, resp.Body, w}, nil
}
