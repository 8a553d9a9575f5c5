package link

import (
	"bytes"
	"context"
	"net/http"

	"github.com/twinleaf-scan/twinleaf/core"
)

// Bounds of pages that one server reads for the other.
const (
	MaxPages = 128      // at once; each has a connection
	MaxTask  = 1 << 20  // bytes of what is said of a page
	MaxText  = 80 << 20 // bytes of what was read
)

// Reader reads pages for the peer. What a task and a text are made of is for those who
// call and answer.
type Reader interface {
	// Places is how many pages are read for the peer at once; 0: none at present. It must
	// not wait for anything.
	Places() int

	// Page reads one. It may take as long as the peer waits.
	Page(ctx context.Context, task []byte) (text []byte, err error)
}

// Places asks how many pages the peer would read for this server at once.
func (c *Client) Places(ctx context.Context) (n int, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Message)
	defer cancel()
	err = c.small(ctx, c.pages, http.MethodGet, "pages", nil, nil, &n)
	return min(max(n, 0), MaxPages), err
}

// Page has the peer read a page. It takes as long as ctx has.
func (c *Client) Page(ctx context.Context, task []byte) ([]byte, error) {
	if len(task) > MaxTask {
		return nil, core.Refuse(core.CodeOverLimit, "", "what is said of the page has %d bytes, the limit is %d", len(task), MaxTask)
	}
	resp, err := c.ask(ctx, c.pages, http.MethodPost, "page", nil, bytes.NewReader(task), int64(len(task)))
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	text, err := readUpTo(resp.Body, MaxText)
	if err != nil {
		return nil, unreachable(ctx, err)
	}
	return text, nil
}

func places(_ context.Context, c *call) error { return c.tell(c.handler.Places()) }

func page(ctx context.Context, c *call) error {
	task, err := c.body(MaxTask)
	if err != nil {
		return err
	}
	text, err := c.handler.Page(ctx, task)
	if err != nil {
		return err
	}
	c.Header().Set("Content-Type", "application/octet-stream")
	_, err = c.Write(text)
	return err
}
