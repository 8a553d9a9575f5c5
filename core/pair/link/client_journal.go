package link

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strconv"

	"github.com/twinleaf-scan/twinleaf/core/journal"
	"github.com/twinleaf-scan/twinleaf/core/pair"
)

// Copied asks how the copy stands that the peer keeps of the own journal.
func (c *Client) Copied(ctx context.Context) (Copied, error) {
	var at Copied
	err := c.call(ctx, http.MethodGet, "copy", nil, nil, &at)
	return at, err
}

// HashAt is Copy.HashAt of the peer's copy.
func (c *Client) HashAt(ctx context.Context, seq journal.Seq) (journal.Hash, error) {
	var text string
	if err := c.call(ctx, http.MethodGet, "copy/hash", seqQuery("seq", seq), nil, &text); err != nil {
		return journal.Hash{}, err
	}
	return parseHash(text)
}

// Ship puts frames into the peer's copy, as Copy.Put does, and says how it stands then.
// They are on the peer's disk when there is no error.
func (c *Client) Ship(ctx context.Context, frames [][]byte) (Copied, error) {
	size := frameExtra
	for _, f := range frames {
		size += frameExtra + len(f)
	}
	if size > maxShipped {
		return Copied{}, fmt.Errorf("ship %d bytes at once, limit %d: %w", size, maxShipped, journal.ErrTooLarge)
	}
	body := bytes.NewBuffer(make([]byte, 0, size))
	for _, f := range frames {
		if err := writeFrame(body, f); err != nil {
			return Copied{}, fmt.Errorf("ship: %w", err)
		}
	}
	if err := writeLength(body, endOfFrames); err != nil {
		return Copied{}, err
	}
	var at Copied
	err := c.call(ctx, http.MethodPost, "copy/frames", nil, body.Bytes(), &at)
	return at, err
}

// Lost gives entries of the peer's copy from a sequence on, 0 for the first there is:
// what the own journal takes back. They are as many as Copy.Frames gives at once, none
// when there is none.
func (c *Client) Lost(ctx context.Context, from journal.Seq) ([][]byte, error) {
	ctx, w := newWatch(ctx, c.cfg.Idle)
	defer w.stop()
	body, err := c.open(ctx, w, "copy/frames", seqQuery("from", from))
	if err != nil {
		return nil, err
	}
	defer body.Close()
	return readBatch(body)
}

// SetAside has the copy set aside, if it still ends so: *journal.Fork or *journal.Gap if not.
func (c *Client) SetAside(ctx context.Context, end pair.End) error {
	raw, err := json.Marshal(toWire(end))
	if err != nil {
		return err
	}
	return c.call(ctx, http.MethodPost, "copy/aside", nil, raw, nil)
}

// Aside gives the frames of one of Copied.Asides.
func (c *Client) Aside(ctx context.Context, name string) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		ctx, w := newWatch(ctx, c.cfg.Idle)
		defer w.stop()
		body, err := c.open(ctx, w, "copy/aside", url.Values{"name": {name}})
		if err != nil {
			yield(nil, err)
			return
		}
		defer body.Close()
		readFrames(body)(yield)
	}
}

// Discard has one of Copied.Asides deleted. One that is not there is no error.
func (c *Client) Discard(ctx context.Context, name string) error {
	return c.call(ctx, http.MethodDelete, "copy/aside", url.Values{"name": {name}}, nil, nil)
}

// Compact is Copy.Compact of the peer's copy.
func (c *Client) Compact(ctx context.Context, before journal.Seq) error {
	return c.call(ctx, http.MethodPost, "copy/compact", seqQuery("before", before), nil, nil)
}

func seqQuery(name string, seq journal.Seq) url.Values {
	return url.Values{name: {strconv.FormatUint(uint64(seq), 10)}}
}
