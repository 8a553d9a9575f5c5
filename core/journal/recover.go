package journal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Recovery is what Recover did.
type Recovery struct {
	Found    []string // what was wrong; empty when the journal was sound
	Lost     []Range  // sequences, as they were, of which nothing intact was left
	Dropped  []Range  // sequences of a last batch that was never whole and never acknowledged
	Kept     int      // events that are in the journal now
	Moved    int      // of those, events that have another sequence now
	First    Seq      // bounds of the journal now
	Last     Seq
	SetAside string // folder with the damaged files; empty when nothing was done
}

// Recover makes a damaged journal usable again. It reads every intact entry out
// of the damaged files, writes them to a new journal and puts that in place of the
// old one, whose files stay beside it. Entries up to the first damage keep their
// sequences and hashes. Those behind it move up and are chained anew under an
// epoch one higher than any before, so that a copy of the old journal can tell
// that history has changed.
//
// The journal must not be open. A sound journal is left as it is. When nothing
// intact is left Recover refuses: then there is only a backup, or moving the
// folder away by hand and starting afresh.
func Recover(ctx context.Context, cfg Config) (*Recovery, error) {
	cfg = cfg.withDefaults()
	lock, err := lockDir(cfg.Dir)
	if err != nil {
		return nil, err
	}
	defer lock.Close()
	m, known, err := readMark(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("recover journal: %w", err)
	}
	v, err := inspect(ctx, cfg.Dir, m, known)
	if err != nil {
		return nil, fmt.Errorf("recover journal: %w", err)
	}
	torn := v.tornBatch(m)
	if len(v.found) == 0 && torn == nil {
		return &Recovery{Kept: int(v.end.last - v.base.last), First: v.base.last + 1, Last: v.end.last}, nil
	}
	if len(v.runs) == 0 {
		return nil, fmt.Errorf("recover the journal in %s: no intact entry is left: %w", cfg.Dir, v.damage(cfg.Dir))
	}
	r := &rescue{cfg: cfg, v: v, torn: torn, end: v.base}
	if err := r.rebuild(ctx); err != nil {
		return nil, fmt.Errorf("recover the journal in %s: %w", cfg.Dir, err)
	}
	aside, err := r.swap()
	if err != nil {
		return nil, fmt.Errorf("recover the journal in %s: %w", cfg.Dir, err)
	}
	rec := &Recovery{
		Found: v.found, Lost: v.lost, Kept: r.kept, Moved: r.moved,
		First: v.base.last + 1, Last: r.end.last, SetAside: aside,
	}
	if torn != nil {
		rec.Dropped = []Range{*torn}
	}
	return rec, nil
}

// rescue writes what is intact into a new journal.
type rescue struct {
	cfg   Config
	v     *inventory
	torn  *Range
	e     *engine
	end   chain  // of the new journal
	epoch uint64 // highest seen
	batch [][]byte
	bytes int

	kept, moved int
}

func (r *rescue) dir() string { return filepath.Join(r.cfg.Dir, "rebuilt") }

// rebuild writes the new journal into a folder of its own.
func (r *rescue) rebuild(ctx context.Context) error {
	if err := os.RemoveAll(r.dir()); err != nil { // left by a try that was interrupted
		return err
	}
	e, err := startEngine(ctx, r.dir(), r.v.base.last+1, r.cfg.Logger, false)
	if err != nil {
		return err
	}
	defer e.stop()
	r.e = e
	seen := r.v.base.last
	for _, run := range r.v.runs {
		var failed error
		err := run.frames(func(f frame, raw []byte) bool {
			if f.seq <= seen || r.torn != nil && f.seq >= r.torn.First {
				return true
			}
			seen = f.seq
			failed = r.add(ctx, f, raw)
			return failed == nil
		})
		if err := errors.Join(err, failed); err != nil {
			return err
		}
	}
	return r.flush(ctx)
}

// add takes one frame: as it is while the chain holds, else framed anew.
func (r *rescue) add(ctx context.Context, f frame, raw []byte) error {
	r.epoch = max(r.epoch, f.epoch)
	r.kept++
	if r.moved == 0 && f.seq == r.end.last+1 && f.prev == r.end.hash {
		r.end = chain{f.seq, f.hash}
	} else {
		if r.moved == 0 {
			r.epoch++
		}
		r.moved++
		var frames [][]byte
		frames, r.end = r.end.next([][]byte{f.event}, string(f.writer), r.epoch)
		raw = frames[0]
	}
	r.batch, r.bytes = append(r.batch, raw), r.bytes+len(raw)
	if len(r.batch) < groupEvents && r.bytes < maxBytes/2 {
		return nil
	}
	return r.flush(ctx)
}

func (r *rescue) flush(ctx context.Context) error {
	if len(r.batch) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, r.cfg.Timeout)
	defer cancel()
	err := r.e.putBatch(ctx, r.end.last-Seq(len(r.batch)), r.batch)
	r.batch, r.bytes = nil, 0
	return err
}

// swap puts the new journal in the place of the old one.
func (r *rescue) swap() (aside string, err error) {
	aside, err = makeAside(r.cfg, asideDamaged)
	if err != nil {
		return "", err
	}
	if err := moveFiles(r.cfg.Dir, aside); err != nil {
		return "", err
	}
	if err := os.Rename(filepath.Join(r.dir(), "jetstream"), filepath.Join(r.cfg.Dir, "jetstream")); err != nil {
		return "", err
	}
	w, _, err := openWatermark(r.cfg.Dir)
	if err != nil {
		return "", err
	}
	err = w.set(mark{end: r.end, base: r.v.base})
	return aside, errors.Join(err, w.close(), os.RemoveAll(r.dir()), syncDir(r.cfg.Dir))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
