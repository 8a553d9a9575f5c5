package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"path/filepath"
	"slices"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/journal"
	"github.com/twinleaf-scan/twinleaf/core/pair"
	"github.com/twinleaf-scan/twinleaf/core/pair/link"
	"github.com/twinleaf-scan/twinleaf/core/parity"
)

// Offers are what the peer may ask for beside journals and blobs. What is nil is not
// there.
type Offers struct {
	Manifest func(ctx context.Context, deep bool) (parity.Manifest, error)
	Lock     func(context.Context) ([]byte, error)
	Archive  func(ctx context.Context, digest string) (io.ReadCloser, error)
	Pages    link.Reader // reads pages for the peer
}

// Handler is what the peer may ask of this server. It is good from New on; what is about
// the copy is refused until the machine hears the peer.
func (n *Node) Handler() link.Handler { return handler{n} }

type handler struct{ *Node }

// Receive implements link.Handler. A message that finds the machine busy is lost, as
// messages may be.
func (h handler) Receive(m pair.Message) error {
	h.tell(pair.Received{Message: m})
	hello, is := m.(pair.Hello)
	h.mu.Lock()
	defer h.mu.Unlock()
	if !is || h.m == nil {
		return nil
	}
	if why := h.m.Twin(hello.View.Run); why != nil {
		return why
	}
	return nil
}

func (h handler) Hears(run uint64) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.m != nil && h.m.Hears(run)
}

func (h handler) Copied(context.Context) (link.Copied, error) {
	asides, err := h.cfg.Copy.Asides()
	if err != nil {
		return link.Copied{}, err
	}
	names := make([]string, len(asides))
	for i, a := range asides {
		names[i] = filepath.Base(a)
	}
	slices.Sort(names)
	first, last := h.cfg.Copy.Bounds()
	c := link.Copied{First: first, Seq: last, Asides: names}
	if last > 0 {
		c.Seq, c.Hash = h.cfg.Copy.End()
	}
	return c, nil
}

func (h handler) HashAt(ctx context.Context, seq journal.Seq) (journal.Hash, error) {
	return h.cfg.Copy.HashAt(ctx, seq)
}

func (h handler) Ship(ctx context.Context, frames [][]byte) (link.Copied, error) {
	if _, err := h.cfg.Copy.Put(ctx, frames); err != nil {
		return link.Copied{}, err
	}
	return h.Copied(ctx)
}

func (h handler) Lost(ctx context.Context, from journal.Seq) ([][]byte, error) {
	if first, last := h.cfg.Copy.Bounds(); last < first || from > last {
		return nil, nil
	}
	return h.cfg.Copy.Frames(ctx, from, 0)
}

// SetAside sets the copy aside if it still ends as the peer believes.
func (h handler) SetAside(ctx context.Context, end pair.End) error {
	seq, hash := h.cfg.Copy.End()
	switch {
	case seq != end.Seq:
		return &journal.Gap{Want: seq, Got: end.Seq}
	case hash != end.Hash:
		return &journal.Fork{Seq: seq, Have: hash, Got: end.Hash}
	}
	return h.setAsideCopy(ctx)
}

func (h handler) Aside(ctx context.Context, name string) iter.Seq2[[]byte, error] {
	full, err := h.aside(name)
	if err != nil {
		return func(yield func([]byte, error) bool) { yield(nil, err) }
	}
	return h.cfg.Copy.Aside(ctx, full)
}

// Discard drops what the peer has taken back. Whatever is not there was dropped before.
func (h handler) Discard(_ context.Context, name string) error {
	full, err := h.aside(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return h.cfg.Copy.Discard(full)
}

// aside finds what was set aside by its name, which is no path.
func (h handler) aside(name string) (string, error) {
	asides, err := h.cfg.Copy.Asides()
	if err != nil {
		return "", err
	}
	for _, a := range asides {
		if filepath.Base(a) == name {
			return a, nil
		}
	}
	return "", fmt.Errorf("nothing of the name %.100q was set aside: %w", name, fs.ErrNotExist)
}

func (h handler) Compact(ctx context.Context, before journal.Seq) error {
	if err := h.mayBegin(ctx, before); err != nil {
		return err
	}
	if err := h.cfg.Copy.Compact(ctx, before); err != nil {
		return err
	}
	h.cfg.CopyCompacted(before)
	return nil
}

// mayBegin makes sure that the copy can be folded if it begins with an entry: else what
// the snapshot has, and the entries before it had, would be lost with the peer's disk.
func (h handler) mayBegin(ctx context.Context, at journal.Seq) error {
	first, last := h.cfg.Copy.Bounds()
	switch {
	case at <= first:
		return nil
	case at > last:
		return &journal.Gap{Want: last + 1, Got: at}
	}
	frames, err := h.cfg.Copy.Frames(ctx, at, 1)
	if err != nil {
		return err
	}
	e, err := journal.ParseFrame(frames[0])
	if err != nil {
		return err
	}
	s, is := e.Event.Body.(core.Snapshot)
	if !is {
		return core.Refuse(core.CodeConflict, "", "the copy is not compacted to entry %d, which is no snapshot", at)
	}
	if err := h.Heal(ctx, s.State); err != nil {
		return core.Refuse(core.CodeConflict, "", "the copy is not compacted to entry %d, for the state of that snapshot cannot be had: %v", at, err)
	}
	return nil
}

// Lacks renews what is here: the peer counts on it from now on, and nothing here may
// need it before the event is folded that names it.
func (h handler) Lacks(ctx context.Context, refs []core.Ref) ([]core.Ref, error) {
	var lacks []core.Ref
	for _, ref := range refs {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		switch there, err := h.cfg.Blobs.Renew(ref); {
		case err != nil:
			return nil, err
		case !there:
			lacks = append(lacks, ref)
		}
	}
	return lacks, nil
}

func (h handler) PutBlob(ctx context.Context, ref core.Ref, r io.Reader, size int64) error {
	got, _, err := h.cfg.Blobs.Put(ctx, r, max(size, 1))
	if err != nil {
		return err
	}
	if got != ref {
		return core.Refuse(core.CodeDamaged, "look at the disk of the server that sent it", "the blob that came as %s is %s", ref, got)
	}
	return nil
}

func (h handler) Blob(_ context.Context, ref core.Ref) (io.ReadCloser, error) {
	return h.cfg.Blobs.Open(ref)
}

func (h handler) Manifest(ctx context.Context, deep bool) (parity.Manifest, error) {
	if h.cfg.Offers.Manifest == nil {
		return parity.Manifest{}, notOffered("manifest")
	}
	return h.cfg.Offers.Manifest(ctx, deep)
}

func (h handler) Lock(ctx context.Context) ([]byte, error) {
	if h.cfg.Offers.Lock == nil {
		return nil, notOffered("lock file of plug-ins")
	}
	return h.cfg.Offers.Lock(ctx)
}

func (h handler) Archive(ctx context.Context, digest string) (io.ReadCloser, error) {
	if h.cfg.Offers.Archive == nil {
		return nil, notOffered("archive of plug-ins")
	}
	return h.cfg.Offers.Archive(ctx, digest)
}

func (h handler) Places() int {
	if h.cfg.Offers.Pages == nil {
		return 0
	}
	return h.cfg.Offers.Pages.Places()
}

func (h handler) Page(ctx context.Context, task []byte) ([]byte, error) {
	if h.cfg.Offers.Pages == nil {
		return nil, notOffered("engine that reads pages")
	}
	return h.cfg.Offers.Pages.Page(ctx, task)
}

func notOffered(what string) error {
	return fmt.Errorf("this server has no %s to give: %w", what, fs.ErrNotExist)
}
