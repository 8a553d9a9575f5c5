package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// A crash between the writes of a small batch leaves a part of it. So does a full
// disk in the middle of one of the engine's own batches: it throws away what it
// would have finished it with. Nobody was told that the batch is in the journal,
// so its part is cut off before the engine sees it.

// tornBatch gives the entries at the end whose batch is not whole and was not
// acknowledged; nil when there are none.
func (v *inventory) tornBatch(m mark) *Range {
	n := len(v.runs)
	if n == 0 || v.runs[n-1].left == 0 {
		return nil
	}
	whole := max(v.base.last, m.end.last)
	for _, r := range v.runs {
		whole = max(whole, r.whole)
	}
	if whole >= v.end.last {
		return nil // Recover kept a part of a batch whose end was lost
	}
	return &Range{whole + 1, v.end.last}
}

// drop cuts the entries from the sequence from on out of the blocks and of v.
func (v *inventory) drop(dir string, from Seq) error {
	for n := len(v.runs); n > 0 && v.runs[n-1].last >= from; n-- {
		r := &v.runs[n-1]
		if err := r.cut(from); err != nil {
			return err
		}
		if r.first >= from {
			v.runs = v.runs[:n-1]
		}
	}
	v.end = v.base
	if n := len(v.runs); n > 0 {
		v.end = chain{v.runs[n-1].last, v.runs[n-1].hash}
	}
	// The engine makes its index again from what the blocks hold now.
	err := os.Remove(filepath.Join(blockDir(dir), "index.db"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return syncDir(blockDir(dir))
}

// cut ends the run's block before the entry from, or removes it when nothing is left.
func (r *run) cut(from Seq) error {
	buf, err := os.ReadFile(r.block)
	if err != nil {
		return err
	}
	place := -1
	kept := run{first: r.first, prev: r.prev, block: r.block, from: r.from}
	for at := r.from; at < r.to; {
		f, start, end, ok := nextFrame(buf[:r.to], at)
		if !ok {
			return fmt.Errorf("%s has changed since it was checked", r.block)
		}
		if f.seq >= from {
			place = recordAt(buf, start)
			break
		}
		kept.last, kept.hash, kept.left, kept.whole, kept.to = f.seq, f.hash, f.left, f.seq, end
		at = end
	}
	switch {
	case place < 0:
		return fmt.Errorf("%s has changed since it was checked", r.block)
	case place == 0:
		return os.Remove(r.block)
	case r.first < from:
		*r = kept
	}
	return truncate(r.block, int64(place))
}

// recordAt gives the beginning of the engine's record that has a byte at offset.
func recordAt(buf []byte, offset int) int {
	at := 0
	for {
		size := int(binary.LittleEndian.Uint32(buf[at:]) &^ recordsHave)
		if at+size > offset || size == 0 {
			return at
		}
		at += size
	}
}

func truncate(path string, size int64) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	return errors.Join(f.Truncate(size), f.Sync(), f.Close())
}
