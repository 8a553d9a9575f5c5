package journal

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/twinleaf-scan/twinleaf/core"
)

const (
	fetchEntries = 4096    // in one answer of the engine
	fetchBytes   = 4 << 20 // after which it ends an answer; the last message may go over
)

// stream reads the engine's stream in big answers, the next one under way while
// the one before is decoded. It belongs to one goroutine.
type stream struct {
	nc      *nats.Conn
	gone    <-chan struct{}
	timeout time.Duration // of one answer
	sub     *nats.Subscription
	answers chan [][]byte
	entries int  // at most so many in one answer
	bytes   int  // after which an answer ends; the last frame may go over
	asked   Seq  // where the answer that is under way begins; 0: none
	prev    Hash // of the last entry given
	next    Seq  // the sequence after it; 0: none was given
	damage  func(at Seq, why string) error
}

// openStream starts a reader. damage makes the error for an entry that cannot be
// read as it was written.
func openStream(e *engine, timeout time.Duration, damage func(Seq, string) error) (*stream, error) {
	s := &stream{nc: e.nc, gone: e.gone, timeout: timeout, entries: fetchEntries, bytes: fetchBytes, answers: make(chan [][]byte, 1), damage: damage}
	inbox := e.nc.NewRespInbox()
	var frames [][]byte // only touched by the callback
	sub, err := e.nc.Subscribe(inbox, func(m *nats.Msg) {
		if len(m.Data) > 0 {
			frames = append(frames, m.Data)
			return
		}
		s.answers <- frames // never waits: there is one answer at a time
		frames = nil
	})
	if errors.Is(err, nats.ErrConnectionClosed) {
		return nil, core.DataDown("read the journal", errors.New("its engine has stopped"))
	}
	if err != nil {
		return nil, err
	}
	s.sub = sub
	return s, sub.SetPendingLimits(-1, -1) // bounded by one answer at a time
}

func (s *stream) ask(from Seq) error {
	s.asked = from
	err := s.nc.PublishRequest("$JS.API.DIRECT.GET."+streamName, s.sub.Subject,
		fmt.Appendf(nil, `{"seq":%d,"batch":%d,"max_bytes":%d,"no_hdr":true}`, from, s.entries, s.bytes))
	if errors.Is(err, nats.ErrConnectionClosed) {
		return errStale
	}
	return err
}

// fetch implements source.
func (s *stream) fetch(ctx context.Context, from, to Seq) ([]Entry, error) {
	frames, err := s.answer(ctx, from)
	if err != nil {
		return nil, err
	}
	if uint64(len(frames)) > uint64(to-from+1) {
		frames = frames[:to-from+1]
	}
	if next := from + Seq(len(frames)); next <= to {
		if err := s.ask(next); err != nil && !errors.Is(err, errStale) {
			return nil, err // a stale source gives what it has first
		}
	}
	return s.prove(from, frames)
}

// answer gives the frames from the sequence from on, at least one.
func (s *stream) answer(ctx context.Context, from Seq) ([][]byte, error) {
	if s.asked == 0 {
		if err := s.ask(from); err != nil {
			return nil, err
		}
	}
	if s.asked != from {
		return nil, fmt.Errorf("journal read out of order: %d while %d is under way", from, s.asked)
	}
	late := time.NewTimer(s.timeout)
	defer late.Stop()
	var frames [][]byte
	select {
	case frames = <-s.answers:
	case <-late.C: // the engine does not answer when it cannot read
		return nil, s.damage(from, fmt.Sprintf("no answer within %v", s.timeout))
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-s.gone:
		return nil, errStale
	}
	s.asked = 0
	if len(frames) == 0 {
		return nil, s.damage(from, "the engine does not give it back")
	}
	return frames, nil
}

// prove decodes the frames and checks that they follow each other.
func (s *stream) prove(from Seq, frames [][]byte) ([]Entry, error) {
	entries, err := decodeAll(frames)
	if err != nil {
		if errors.Is(err, ErrFrame) {
			return nil, s.damage(from, err.Error())
		}
		return nil, err
	}
	for i, e := range entries {
		seq := from + Seq(i)
		if e.Seq != seq {
			return nil, s.damage(seq, fmt.Sprintf("entry %d stands in its place", e.Seq))
		}
		if s.next == seq && e.Prev != s.prev {
			return nil, s.damage(seq, "it does not follow the entry before")
		}
		s.prev, s.next = e.Hash, seq+1
	}
	return entries, nil
}

func (s *stream) stop() {
	_ = s.sub.Unsubscribe() // fails only when the engine is gone, and the subscription with it
}

// decodeAll decodes frames on all cores.
func decodeAll(frames [][]byte) ([]Entry, error) {
	entries := make([]Entry, len(frames))
	return entries, spread(len(frames), func(from, to int) error {
		return decodeInto(entries[from:to], frames[from:to])
	})
}

// spread does n things on all cores, in stretches from..to, to not included.
func spread(n int, do func(from, to int) error) error {
	workers := min(runtime.GOMAXPROCS(0), n/64+1)
	errs := make([]error, workers)
	var wg sync.WaitGroup
	for w := range workers {
		from, to := w*n/workers, (w+1)*n/workers
		wg.Go(func() { errs[w] = do(from, to) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

func decodeInto(entries []Entry, frames [][]byte) error {
	for i, raw := range frames {
		f, err := parseFrame(raw)
		if err != nil {
			return err
		}
		if entries[i], err = f.entry(); err != nil {
			return err
		}
		if i > 0 && entries[i].Writer == entries[i-1].Writer {
			entries[i].Writer = entries[i-1].Writer // one copy of the name is enough
		}
	}
	return nil
}
