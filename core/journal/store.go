package journal

import (
	"context"
	"errors"
	"os"
	"sync"

	"github.com/twinleaf-scan/twinleaf/core"
)

// store is a chain of entries on disk: what a Journal and a Copy are made of.
type store struct {
	cfg  Config
	lock *os.File
	mark *watermark
	tail tail

	requests chan *request
	stopping chan struct{}  // closed by Close
	services sync.WaitGroup // the writer and the watermark's sync
	closing  sync.Once
	closeErr error

	mu     sync.RWMutex // guards engine
	engine *engine      // nil while it could not be started again; only the writer sets it
}

// openStore opens the store in cfg.Dir, or makes a new one, with every check.
func openStore(ctx context.Context, cfg Config) (*store, error) {
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, core.DataDown("make the journal's folder", err)
	}
	lock, err := lockDir(cfg.Dir)
	if err != nil {
		return nil, err
	}
	s, err := newStore(ctx, cfg)
	if err != nil {
		lock.Close()
		return nil, err
	}
	s.lock = lock
	s.services.Go((&writer{store: s}).run)
	s.services.Go(func() {
		s.mark.keepSynced(cfg.SyncEvery, s.stopping, func(err error) { cfg.Logger.Warn("watermark not synced", "err", err) })
	})
	return s, nil
}

func newStore(ctx context.Context, cfg Config) (*store, error) {
	w, known, err := openWatermark(cfg.Dir)
	if err != nil {
		return nil, core.DataDown("open the journal's watermark", err)
	}
	e, base, end, err := startChecked(ctx, cfg, w.get(), known)
	if err == nil {
		err = w.set(mark{end: end, base: base})
		if err == nil {
			err = w.sync()
		}
		if err != nil {
			e.stop()
			err = core.DataDown("open the journal", err)
		}
	}
	if err != nil {
		w.file.Close()
		return nil, err
	}
	return &store{
		cfg:      cfg,
		mark:     w,
		tail:     newTail(base, end),
		requests: make(chan *request),
		stopping: make(chan struct{}),
		engine:   e,
	}, nil
}

// Close implements Log.
func (s *store) Close() error { return s.closeWith(ErrClosed) }

// closeWith is Close that tells why to those who still read.
func (s *store) closeWith(why error) error {
	s.closing.Do(func() {
		s.tail.close(why)
		close(s.stopping)
		s.services.Wait()
		s.mu.Lock()
		if s.engine != nil {
			s.engine.stop()
			s.engine = nil
		}
		s.mu.Unlock()
		s.closeErr = errors.Join(s.mark.close(), s.lock.Close())
	})
	return s.closeErr
}
