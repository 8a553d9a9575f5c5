package journal

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"sync"

	"github.com/twinleaf-scan/twinleaf/core"
)

// ErrSetAside ends the iterations over a copy that was set aside meanwhile.
// Whoever gets it begins anew with the first entry.
var ErrSetAside = errors.New("the copy was set aside and begun anew")

// Copy is the peer's journal as the peer wrote it, in a folder of its own. It
// takes entries only as they are and only in order, so that it is at any moment a
// stretch of the peer's journal, or of a history that the peer has lost. All
// methods may be called from any goroutine.
type Copy struct {
	cfg  Config
	lock *os.File

	mu     sync.RWMutex // guards the fields below
	store  *store       // nil while the new one could not be opened
	closed bool
}

// OpenCopy opens the copy in cfg.Dir, or makes an empty one, with the checks and
// errors of Open. A *Damage is not repaired: see ResetCopy.
func OpenCopy(ctx context.Context, cfg Config) (*Copy, error) {
	cfg = cfg.withDefaults()
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, core.DataDown("make the copy's folder", err)
	}
	lock, err := lockDir(cfg.Dir)
	if err != nil {
		return nil, err
	}
	c := &Copy{cfg: cfg, lock: lock}
	if c.store, err = c.open(ctx); err != nil {
		lock.Close()
		return nil, err
	}
	return c, nil
}

// A copy's files lie in one folder below its own, so that a single rename sets
// them aside.
func currentDir(dir string) string { return filepath.Join(dir, "current") }

func (c *Copy) open(ctx context.Context) (*store, error) {
	cfg := c.cfg
	cfg.Dir = currentDir(c.cfg.Dir)
	return openStore(ctx, cfg)
}

// Put takes frames as the peer's Frames gave them and gives the sequence of the
// last entry there is. They are on disk when it returns. At most MaxBatch at once,
// and MaxFrames bytes.
//
// Entries that are there already are no error. It refuses, and takes none of them,
// with a *Gap when some are missing before them, with a *Fork when an entry is not
// the one that is there, with a *Stranger when another server wrote it, with
// ErrFrame when bytes are no entry or the entries do not follow each other, with
// core.ErrUnknownEvent when a newer version wrote them, with ErrTooLarge or with
// ErrCompacted when all of them were compacted away. An empty copy may begin with any sequence.
//
// When the disk does not take them it is a *core.Failure with core.CodeDataDown:
// then the copy has none of them, or a beginning of them that ends where an Append
// of the peer ended. End tells; so it does after ctx has ended.
func (c *Copy) Put(ctx context.Context, frames [][]byte) (Seq, error) {
	s, err := c.live(ctx)
	if err != nil {
		return 0, err
	}
	return s.give(ctx, frames)
}

// live gives the store, which it opens when SetAside could not.
func (c *Copy) live(ctx context.Context) (*store, error) {
	c.mu.RLock()
	s, closed := c.store, c.closed
	c.mu.RUnlock()
	switch {
	case closed:
		return nil, ErrClosed
	case s != nil:
		return s, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, ErrClosed
	}
	if c.store == nil {
		var err error
		if c.store, err = c.open(ctx); err != nil {
			return nil, err
		}
	}
	return c.store, nil
}

// Read is Reader.Read.
func (c *Copy) Read(ctx context.Context, from Seq) iter.Seq2[Entry, error] {
	return c.entries(ctx, func(s *store) iter.Seq2[Entry, error] { return s.Read(ctx, from) })
}

// Follow is Reader.Follow. It ends with ErrSetAside when the copy is set aside.
func (c *Copy) Follow(ctx context.Context, from Seq) iter.Seq2[Entry, error] {
	return c.entries(ctx, func(s *store) iter.Seq2[Entry, error] { return s.Follow(ctx, from) })
}

func (c *Copy) entries(ctx context.Context, of func(*store) iter.Seq2[Entry, error]) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		s, err := c.live(ctx)
		if err != nil {
			yield(Entry{}, err)
			return
		}
		of(s)(yield)
	}
}

// peek gives the store without opening it; nil when there is none.
func (c *Copy) peek() *store {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.store
}

// Bounds is Reader.Bounds.
func (c *Copy) Bounds() (first, last Seq) {
	if s := c.peek(); s != nil {
		return s.Bounds()
	}
	return 1, 0
}

// End gives the last entry's sequence and hash, as Journal.End does.
func (c *Copy) End() (Seq, Hash) {
	if s := c.peek(); s != nil {
		return s.End()
	}
	return 0, Hash{}
}

// HashAt is Journal.HashAt.
func (c *Copy) HashAt(ctx context.Context, seq Seq) (Hash, error) {
	s, err := c.live(ctx)
	if err != nil {
		return Hash{}, err
	}
	return s.HashAt(ctx, seq)
}

// Frames is Journal.Frames: what the peer takes its lost end back from.
func (c *Copy) Frames(ctx context.Context, from Seq, max int) ([][]byte, error) {
	s, err := c.live(ctx)
	if err != nil {
		return nil, err
	}
	return s.Frames(ctx, from, max)
}

// Compact is Journal.Compact. A copy follows its owner: before is the first
// sequence that the owner still has.
func (c *Copy) Compact(ctx context.Context, before Seq) error {
	s, err := c.live(ctx)
	if err != nil {
		return err
	}
	return s.Compact(ctx, before)
}

// SetAside keeps what the copy has in a folder beside, which it names, and begins
// anew. It is the answer to a *Fork.
func (c *Copy) SetAside(ctx context.Context) (dir string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return "", ErrClosed
	}
	if c.store != nil {
		if err := c.store.closeWith(ErrSetAside); err != nil {
			c.cfg.Logger.Warn("the copy that is set aside was not closed well", "err", err)
		}
		c.store = nil
	}
	dir, err = moveCopy(c.cfg, asideForked)
	if err != nil {
		return "", core.DataDown("set the copy aside", err)
	}
	c.cfg.Logger.Warn("the copy of the peer's journal was set aside", "dir", dir)
	if c.store, err = c.open(ctx); err != nil {
		return dir, fmt.Errorf("begin the copy anew: %w", err)
	}
	return dir, nil
}

// Close implements Log.
func (c *Copy) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil
	}
	c.closed = true
	var err error
	if c.store != nil {
		err = c.store.Close()
	}
	return errors.Join(err, c.lock.Close())
}
