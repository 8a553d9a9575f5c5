package overnats

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/twinleaf-scan/twinleaf/pipeline/farm"
)

// inWay is how many messages of one page may wait to be read.
const inWay = 512

// Recognize implements farm.Worker.
func (r *remote) Recognize(ctx context.Context, t farm.Task) (farm.Answer, error) {
	a, err := r.recognize(ctx, t)
	if errors.Is(err, farm.ErrGone) {
		r.server.forget(r)
	}
	return a, err
}

func (r *remote) recognize(ctx context.Context, t farm.Task) (farm.Answer, error) {
	id, of := newID(), subjects{r.server.config.Server, r.id}
	text, err := json.Marshal(order{ID: id, Task: t})
	if err != nil {
		return farm.Answer{}, err
	}
	if int64(len(text)) > min(maxTask, r.limit/2) || t.Image.Size <= 0 || t.Image.Size > maxImage {
		return farm.Answer{}, fmt.Errorf("the page is too large for a worker: %d bytes, and %d of its settings", t.Image.Size, len(text))
	}
	in := make(chan *nats.Msg, inWay)
	sub, err := r.server.nc.ChanSubscribe(of.reply(id), in)
	if err != nil {
		return farm.Answer{}, fmt.Errorf("%w: %w", farm.ErrGone, err)
	}
	defer func() { _ = sub.Unsubscribe() }() // the connection may be gone
	r.server.give(id, r.id, t.Image)
	defer r.server.take(id)
	if err := r.server.nc.PublishRequest(of.page(), of.reply(id), text); err != nil {
		return farm.Answer{}, fmt.Errorf("%w: %w", farm.ErrGone, err)
	}
	a, err := r.listen(ctx, in)
	if err != nil {
		r.tellOff(of, id)
	}
	return a, err
}

// tellOff has the worker stop at a page that nobody waits for any more.
func (r *remote) tellOff(of subjects, id string) {
	if text, err := json.Marshal(drop{id}); err == nil {
		_ = r.server.nc.Publish(of.drop(), text) // what it then says reaches nobody
	}
}

// listen waits for a page's answer, for as long as beats come.
func (r *remote) listen(ctx context.Context, in <-chan *nats.Msg) (farm.Answer, error) {
	var got assembly
	lost := time.NewTimer(lostAfter)
	defer lost.Stop()
	for {
		var m *nats.Msg
		select {
		case m = <-in:
			lost.Reset(lostAfter)
		case <-lost.C:
			return farm.Answer{}, fmt.Errorf("%w: nothing was heard of the page for %v", farm.ErrGone, lostAfter)
		case <-r.alive.Done():
			return farm.Answer{}, context.Cause(r.alive)
		case <-ctx.Done():
			return farm.Answer{}, context.Cause(ctx)
		}
		whole, err := got.hear(m)
		if err != nil {
			return farm.Answer{}, err
		}
		if whole {
			return r.server.packer.unpack(got.bytes)
		}
	}
}

// hear takes in one message of a page, and reports that the answer is whole.
func (a *assembly) hear(m *nats.Msg) (whole bool, err error) {
	if len(m.Data) == 0 && m.Header.Get("Status") == "503" {
		return false, fmt.Errorf("%w: it does not listen", farm.ErrGone)
	}
	f, load, err := decodeFrame(m.Data)
	switch {
	case err != nil:
		return false, err
	case f.Kind == kindBeat:
		return false, nil
	case f.Kind == kindPart:
		return a.add(f, load)
	case f.Kind == kindError:
		return false, f.err()
	}
	return false, fmt.Errorf("a reply of the kind %s", f.Kind)
}
