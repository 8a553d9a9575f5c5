package journal

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"runtime"
	"slices"
	"sync"

	"github.com/twinleaf-scan/twinleaf/core"
)

// inventory is what lies in the blocks, judged against the watermark.
type inventory struct {
	runs  []run // in order, without overlaps, above what was compacted
	base  chain // the entry before the first
	end   chain // the last intact entry
	found []string
	lost  []Range
	kind  Kind
	torn  string // an unfinished write at the end, which was not acknowledged
}

func (v *inventory) say(k Kind, format string, a ...any) {
	v.found = append(v.found, fmt.Sprintf(format, a...))
	if v.kind == "" {
		v.kind = k
	}
}

// damage gives the error for what was found, or nil.
func (v *inventory) damage(dir string) error {
	if len(v.found) == 0 {
		return nil
	}
	return &Damage{Dir: dir, Kind: v.kind, Found: v.found, Lost: v.lost, Last: v.end.last}
}

// inspect reads all blocks of the journal in dir. It changes nothing, and must
// run before the engine starts. known says whether m is known.
func inspect(ctx context.Context, dir string, m mark, known bool) (*inventory, error) {
	paths, err := listBlocks(dir)
	if err != nil {
		return nil, err
	}
	blocks, err := readBlocks(ctx, paths, []Seq{m.base.last, m.end.last})
	if err != nil {
		return nil, err
	}
	v := &inventory{}
	seen := map[Seq]Hash{}
	var runs []run
	for i, b := range blocks {
		if b.flaw != "" {
			if i == len(blocks)-1 && b.cutTorn(m.end.last, known) {
				v.torn = b.flaw
			} else {
				v.say(ChangedBytes, "%s", b.flaw)
			}
		}
		runs = append(runs, b.runs...)
		for seq, hash := range b.seen {
			seen[seq] = hash
		}
	}
	v.link(runs, m, known)
	v.judge(m, known, seen)
	return v, nil
}

// link puts the runs in order and notes where they do not join.
func (v *inventory) link(runs []run, m mark, known bool) {
	slices.SortStableFunc(runs, func(a, b run) int { return cmp.Compare(a.first, b.first) })
	v.base = m.base
	if !known && len(runs) > 0 {
		v.base = chain{runs[0].first - 1, runs[0].prev}
	}
	v.end = v.base
	for _, r := range runs {
		switch {
		case r.last <= v.end.last:
			continue // compacted, or there twice
		case r.first > v.end.last+1:
			v.miss(v.end.last+1, r.first-1)
		case r.first == v.end.last+1 && r.prev != v.end.hash:
			v.say(Forked, "entry %d does not follow entry %d", r.first, v.end.last)
		}
		v.runs = append(v.runs, r)
		v.end = chain{r.last, r.hash}
	}
}

func (v *inventory) miss(first, last Seq) {
	r := Range{first, last}
	v.lost = append(v.lost, r)
	v.say(Hole, "entries %s are missing", r)
}

// judge compares the end with the watermark.
func (v *inventory) judge(m mark, known bool, seen map[Seq]Hash) {
	if !known {
		return
	}
	if v.end.last < m.end.last {
		r := Range{v.end.last + 1, m.end.last}
		v.lost = append(v.lost, r)
		v.say(Truncated, "it ends at entry %d, but entry %d was acknowledged", v.end.last, m.end.last)
		return
	}
	for _, c := range []chain{m.base, m.end} {
		if hash, ok := seen[c.last]; ok && hash != c.hash {
			v.say(Forked, "entry %d is not the one that was acknowledged (%s, expected %s)", c.last, hash, c.hash)
		}
	}
}

// readBlocks reads the blocks on all cores, decoding every event.
func readBlocks(ctx context.Context, paths []string, want []Seq) ([]block, error) {
	blocks := make([]block, len(paths))
	errs := make([]error, len(paths))
	work := make(chan int)
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(paths)) {
		wg.Go(func() {
			for i := range work {
				if errs[i] = ctx.Err(); errs[i] == nil {
					blocks[i], errs[i] = readBlock(paths[i], want)
				}
			}
		})
	}
	for i := range paths {
		work <- i
	}
	close(work)
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return blocks, nil
}

// frames gives the frames of a run once more.
func (r run) frames(yield func(frame, []byte) bool) error {
	buf, err := os.ReadFile(r.block)
	if err != nil {
		return fmt.Errorf("read the journal's block: %w", err)
	}
	for at := r.from; at < r.to; {
		f, start, end, ok := nextFrame(buf[:r.to], at)
		if !ok || !yield(f, buf[start:end]) {
			return nil
		}
		at = end
	}
	return nil
}

// decodes checks that the event of an intact frame is one that this version knows.
func (f frame) decodes() error {
	_, err := core.DecodeEvent(f.event)
	if err != nil {
		return fmt.Errorf("entry %d: %w\nhint: a newer version may have written it; start that version again", f.seq, err)
	}
	return nil
}
