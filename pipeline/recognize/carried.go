package recognize

import (
	"context"
	"sync"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/pipeline/internal/take"
)

// carried is the text of a page that brought it along.
func (s *Stage) carried(ctx context.Context, t core.Task) (core.Result, error) {
	work, err := take.Begin(s.store)
	if err != nil {
		return nil, err
	}
	defer work.End()
	input, err := work.Source(t.Input)
	if err != nil {
		return nil, err
	}
	text, err := s.inTurn(ctx, core.TextCall{Input: input, Page: t.InputPage, Options: t.Options, Dir: work.Dir})
	if err != nil {
		return nil, err
	}
	return finish(ctx, text, t, work, func() {})
}

// inTurn asks the reader for the text of a page.
func (s *Stage) inTurn(ctx context.Context, c core.TextCall) (core.PageText, error) {
	defer s.turns.take(ctx, c.Input.Ref)()
	return s.reader.Text(ctx, c)
}

// politeness is how long one waits for one's turn.
const politeness = time.Second

// turns keep calls about one document apart: a reader that reads several pages of it at
// once does so in one process, and not in each at the same time. Where a page takes long
// nobody waits long. The zero value is ready.
type turns struct {
	mu sync.Mutex // guards what follows
	of map[core.Ref]*turn
}

type turn struct {
	taken chan struct{} // holds one
	users int           // that have it or wait for it
}

// take waits for the turn, a while, and gives what ends it.
func (t *turns) take(ctx context.Context, document core.Ref) (end func()) {
	own := t.join(document)
	timer := time.NewTimer(politeness)
	defer timer.Stop()
	select {
	case own.taken <- struct{}{}:
		return func() { <-own.taken; t.leave(document) }
	case <-timer.C:
	case <-ctx.Done():
	}
	return func() { t.leave(document) }
}

func (t *turns) join(document core.Ref) *turn {
	t.mu.Lock()
	defer t.mu.Unlock()
	own := t.of[document]
	if own == nil {
		if t.of == nil {
			t.of = map[core.Ref]*turn{}
		}
		own = &turn{taken: make(chan struct{}, 1)}
		t.of[document] = own
	}
	own.users++
	return own
}

func (t *turns) leave(document core.Ref) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if own := t.of[document]; own.users > 1 {
		own.users--
	} else {
		delete(t.of, document)
	}
}
