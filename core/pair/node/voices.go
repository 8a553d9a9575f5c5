package node

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/pair"
	"github.com/twinleaf-scan/twinleaf/core/pair/link"
)

const (
	// voiceCount is how many messages may be under way. With a few, one that hangs in a
	// dead connection does not hold up the next.
	voiceCount = 3

	// sayWithin is how long a message may take. After that it would be no news any more.
	sayWithin = 800 * time.Millisecond
)

// voices carry messages to the peer. Nothing is retried: the machine says it again.
type voices struct {
	wake chan struct{}

	mu      sync.Mutex     // guards the field below
	waiting []pair.Message // one of each kind, the newest
}

func newVoices() voices { return voices{wake: signal()} }

// say lets a message go; one of its kind that still waits is news no more.
func (v *voices) say(msg pair.Message) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.waiting = append(slices.DeleteFunc(v.waiting, func(m pair.Message) bool { return kind(m) == kind(msg) }), msg)
	wake(v.wake)
}

// kind tells messages apart of which only the newest counts.
func kind(m pair.Message) string {
	h, is := m.(pair.Hello)
	return fmt.Sprintf("%T %v", m, is && h.Answer)
}

// next gives the message that waits for longest, and wakes another voice for the rest.
func (v *voices) next() (pair.Message, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.waiting) == 0 {
		return nil, false
	}
	msg := v.waiting[0]
	if v.waiting = v.waiting[1:]; len(v.waiting) > 0 {
		wake(v.wake)
	}
	return msg, true
}

// speak is the goroutine of one voice.
func (n *Node) speak(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-n.voices.wake:
		}
		if msg, ok := n.voices.next(); ok {
			n.send(ctx, msg)
		}
	}
}

// send fills in where the own journal ends and lets the message go.
func (n *Node) send(ctx context.Context, msg pair.Message) {
	end, _ := n.cfg.Journal.End()
	switch m := msg.(type) {
	case pair.Hello:
		m.View.End = end
		msg = m
	case pair.GiveBack:
		m.End = end
		msg = m
	}
	ctx, cancel := context.WithTimeout(ctx, sayWithin)
	defer cancel()
	err := n.cfg.Link.Send(ctx, msg)
	if err == nil {
		return
	}
	n.cfg.Log.Debug("a message did not reach the peer", "err", err)
	if why := disowned(err); why != nil {
		n.feed(ctx, pair.Unfit{Why: why})
	}
}

// disowned is the peer's own word that this server is not its peer, for it is in no pair
// any more, or another server speaks as this one; nil: it is. Such a peer is there and
// works on its jobs: it is not to be stood in for.
func disowned(err error) *core.Failure {
	var f *core.Failure
	if errors.Is(err, link.ErrUnreachable) || !errors.As(err, &f) || f.Code != link.CodeNoPair && f.Code != pair.CodeCopiedServer {
		return nil
	}
	return f
}
