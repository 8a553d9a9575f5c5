package link

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/parity"
)

func receive(_ context.Context, c *call) error {
	raw, err := c.body(MaxMessage)
	if err != nil {
		return err
	}
	m, err := decodeMessage(raw)
	if err != nil {
		return core.Refuse(core.CodeBadRequest, "install the same version on both servers", "%v", err)
	}
	if err := c.handler.Receive(m); err != nil {
		return err
	}
	return c.done(nil)
}

func copied(ctx context.Context, c *call) error {
	at, err := c.handler.Copied(ctx)
	if err != nil {
		return err
	}
	return c.tell(at)
}

func hashAt(ctx context.Context, c *call) error {
	seq, err := parseSeq(c.query("seq"))
	if err != nil {
		return err
	}
	h, err := c.handler.HashAt(ctx, seq)
	if err != nil {
		return err
	}
	return c.tell(hashText(h))
}

func ship(ctx context.Context, c *call) error {
	frames, err := readBatch(c)
	if err != nil {
		return err
	}
	if !c.hears() { // another start of the peer was heard while they came
		return ErrUnheard
	}
	at, err := c.handler.Ship(ctx, frames)
	if err != nil {
		return err
	}
	return c.tell(at)
}

func lost(ctx context.Context, c *call) error {
	from, err := parseSeq(c.query("from"))
	if err != nil {
		return err
	}
	frames, err := c.handler.Lost(ctx, from)
	if err != nil {
		return err
	}
	return writeFrames(c, func(yield func([]byte, error) bool) {
		for _, f := range frames {
			if !yield(f, nil) {
				return
			}
		}
	})
}

func setAside(ctx context.Context, c *call) error {
	raw, err := c.body(maxError)
	if err != nil {
		return err
	}
	var w wireEnd
	if err := object(raw, &w); err != nil {
		return core.Refuse(core.CodeBadRequest, "", "the end that is to be set aside: %v", err)
	}
	end, err := w.end()
	if err != nil {
		return err
	}
	return c.done(c.handler.SetAside(ctx, end))
}

func aside(ctx context.Context, c *call) error {
	return writeFrames(c, c.handler.Aside(ctx, c.query("name")))
}

func discard(ctx context.Context, c *call) error {
	return c.done(c.handler.Discard(ctx, c.query("name")))
}

func compact(ctx context.Context, c *call) error {
	before, err := parseSeq(c.query("before"))
	if err != nil {
		return err
	}
	return c.done(c.handler.Compact(ctx, before))
}

func lacks(ctx context.Context, c *call) error {
	raw, err := c.body(maxAnswer)
	if err != nil {
		return err
	}
	var refs []core.Ref
	if err := json.Unmarshal(raw, &refs); err != nil || len(refs) > MaxLacks {
		return core.Refuse(core.CodeBadRequest, "", "this is no list of at most %d blobs", MaxLacks)
	}
	for _, ref := range refs {
		if err := checkBlob(ref, 0); err != nil {
			return err
		}
	}
	lacks, err := c.handler.Lacks(ctx, refs)
	if err != nil {
		return err
	}
	return c.tell(lacks)
}

func putBlob(ctx context.Context, c *call) error {
	ref, size := core.Ref(c.request.PathValue("ref")), c.request.ContentLength
	if err := checkBlob(ref, size); err != nil {
		return err
	}
	return c.done(c.handler.PutBlob(ctx, ref, newProof(c, ref, size), size))
}

func getBlob(ctx context.Context, c *call) error {
	ref := core.Ref(c.request.PathValue("ref"))
	if err := checkBlob(ref, 0); err != nil {
		return err
	}
	r, err := c.handler.Blob(ctx, ref)
	if err != nil {
		return err
	}
	return c.send(r)
}

func manifest(ctx context.Context, c *call) error {
	deep, err := strconv.ParseBool(c.query("deep"))
	if err != nil {
		return core.Refuse(core.CodeBadRequest, "", "deep is true or false")
	}
	var m parity.Manifest
	if m, err = c.handler.Manifest(ctx, deep); err != nil {
		return err
	}
	now := time.Now()
	c.Header().Set(headerClock, now.UTC().Format(time.RFC3339Nano))
	c.Header().Set(headerTook, strconv.FormatInt(int64(now.Sub(c.came)), 10))
	return c.tell(m)
}

func lock(ctx context.Context, c *call) error {
	raw, err := c.handler.Lock(ctx)
	if err != nil {
		return err
	}
	c.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, err = c.Write(raw)
	return err
}

func archive(ctx context.Context, c *call) error {
	r, err := c.handler.Archive(ctx, c.query("digest"))
	if err != nil {
		return err
	}
	return c.send(r)
}

func (c *call) query(name string) string { return c.request.URL.Query().Get(name) }

// Bounds of a request of joining. Whoever serves it sets narrower ones, and more time for
// whom it knows.
const (
	joinTime = 10 * time.Second
	maxJoin  = 16 << 20 // bytes
)

// serveJoin serves whoever wants to join, within bounds.
func (s *Server) serveJoin(w http.ResponseWriter, r *http.Request) {
	h := s.joining()
	if h == nil {
		c := &call{ResponseWriter: w, control: http.NewResponseController(w), idle: s.cfg.Idle, request: r}
		w.Header().Set("Connection", "close")
		c.fail(core.Refuse(core.CodeConflict, `run "twinleaf pair init" there first; its code holds for ten minutes`, "this server waits for nobody to join it"))
		return
	}
	control, end := http.NewResponseController(w), time.Now().Add(joinTime)
	_ = control.SetReadDeadline(end) // both fail only with the connection
	_ = control.SetWriteDeadline(end)
	r.Body = http.MaxBytesReader(w, r.Body, maxJoin)
	h.ServeHTTP(w, r)
}
