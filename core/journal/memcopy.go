package journal

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"sync"
)

// MemoryCopy is a Copy that forgets everything when the process ends.
type MemoryCopy struct {
	cfg Config

	mu     sync.Mutex // guards the fields below
	store  *memstore
	names  []string // of asides, in order
	asides map[string]*memstore
	made   int // asides so far
}

// NewMemoryCopy makes an empty copy. Of the Config it uses Writer and Formerly.
func NewMemoryCopy(cfg Config) *MemoryCopy {
	return &MemoryCopy{cfg: cfg, store: newMemstore(cfg), asides: map[string]*memstore{}}
}

func (c *MemoryCopy) now() *memstore {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.store
}

// Put is Copy.Put.
func (c *MemoryCopy) Put(ctx context.Context, frames [][]byte) (Seq, error) {
	return c.now().give(ctx, frames)
}

// Read is Reader.Read.
func (c *MemoryCopy) Read(ctx context.Context, from Seq) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) { c.now().Read(ctx, from)(yield) }
}

// Follow is Copy.Follow.
func (c *MemoryCopy) Follow(ctx context.Context, from Seq) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) { c.now().Follow(ctx, from)(yield) }
}

// Bounds is Reader.Bounds.
func (c *MemoryCopy) Bounds() (first, last Seq) { return c.now().Bounds() }

// End is Copy.End.
func (c *MemoryCopy) End() (Seq, Hash) { return c.now().End() }

// HashAt is Copy.HashAt.
func (c *MemoryCopy) HashAt(ctx context.Context, seq Seq) (Hash, error) {
	return c.now().HashAt(ctx, seq)
}

// Frames is Copy.Frames.
func (c *MemoryCopy) Frames(ctx context.Context, from Seq, max int) ([][]byte, error) {
	return c.now().Frames(ctx, from, max)
}

// Compact is Copy.Compact.
func (c *MemoryCopy) Compact(ctx context.Context, before Seq) error {
	return c.now().Compact(ctx, before)
}

// SetAside is Copy.SetAside; the name is no folder.
func (c *MemoryCopy) SetAside(ctx context.Context) (name string, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.store.tail.err(); err != nil {
		return "", err
	}
	if err := ctx.Err(); err != nil {
		return "", err
	}
	c.store.tail.close(ErrSetAside)
	c.made++
	name = fmt.Sprintf("%s-%d", asideForked, c.made)
	c.names, c.asides[name] = append(c.names, name), c.store
	c.store = newMemstore(c.cfg)
	return name, nil
}

// Asides is Copy.Asides.
func (c *MemoryCopy) Asides() ([]string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.names), nil
}

// Aside is Copy.Aside.
func (c *MemoryCopy) Aside(ctx context.Context, name string) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		c.mu.Lock()
		s, ok := c.asides[name]
		c.mu.Unlock()
		if !ok {
			yield(nil, noAside(name))
			return
		}
		for _, raw := range s.frames { // nothing changes them any more
			if ctx.Err() != nil {
				yield(nil, ctx.Err())
				return
			}
			if !yield(raw, nil) {
				return
			}
		}
	}
}

// Discard is Copy.Discard.
func (c *MemoryCopy) Discard(name string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.asides[name]; !ok {
		return noAside(name)
	}
	delete(c.asides, name)
	c.names = slices.DeleteFunc(c.names, func(n string) bool { return n == name })
	return nil
}

// Close is Copy.Close.
func (c *MemoryCopy) Close() error { return c.now().Close() }
