package journal

import (
	"context"
	"fmt"

	"github.com/twinleaf-scan/twinleaf/core"
)

// startChecked inspects the blocks, starts the engine on them and holds what the
// engine says against what was found.
func startChecked(ctx context.Context, cfg Config, m mark, known bool) (e *engine, base, end chain, err error) {
	v, err := inspect(ctx, cfg.Dir, m, known)
	if err != nil {
		return nil, base, end, err
	}
	if err := v.damage(cfg.Dir); err != nil {
		return nil, base, end, err
	}
	if !known && v.end.last > 0 {
		cfg.Logger.Warn("the journal's watermark is missing; its end cannot be checked", "dir", cfg.Dir, "last", v.end.last)
	}
	if v.torn != "" {
		cfg.Logger.Info("the journal ends with an unfinished write, which was not acknowledged and is dropped", "found", v.torn)
	}
	if torn := v.tornBatch(m); torn != nil && known {
		cfg.Logger.Info("the journal ends with a part of a batch, which was not acknowledged and is dropped", "entries", torn.String())
		if err := v.drop(cfg.Dir, torn.First); err != nil {
			return nil, base, end, core.DataDown("drop the unfinished end of the journal", err)
		}
	}
	e, err = startEngine(ctx, cfg.Dir, v.base.last+1, cfg.Logger, cfg.smallBlocks)
	if err != nil {
		return nil, base, end, core.DataDown("open the journal", err)
	}
	end, err = e.agree(ctx, cfg.Dir, v, m.end.last)
	if err != nil {
		e.stop()
		return nil, base, end, err
	}
	return e, v.base, end, nil
}

// agree checks that the engine has what the inventory has, and reads what the
// engine added when it finished a batch that a crash had interrupted.
func (e *engine) agree(ctx context.Context, dir string, v *inventory, acked Seq) (chain, error) {
	state, err := e.state(ctx)
	if err != nil {
		return chain{}, core.DataDown("open the journal", err)
	}
	if state.first <= v.base.last && (state.messages > 0 || state.last < v.base.last) {
		// Compact or a high beginning was interrupted, or the engine has forgotten it.
		if err := e.purge(ctx, v.base.last+1); err != nil {
			return chain{}, core.DataDown("finish the compaction of the journal", err)
		}
		if state, err = e.state(ctx); err != nil {
			return chain{}, core.DataDown("open the journal", err)
		}
	}
	whole := state.deleted == 0 && state.last >= v.end.last && state.last-v.base.last == state.messages
	if !whole {
		v.say(Hole, "the engine reads %d of the entries %d-%d (%d to %d, %d deleted)",
			state.messages, v.base.last+1, v.end.last, state.first, state.last, state.deleted)
		return chain{}, v.damage(dir)
	}
	return e.readOn(ctx, dir, v, state.last, acked)
}

// readOn reads the entries behind the inventory's end and checks that the last
// batch is whole.
func (e *engine) readOn(ctx context.Context, dir string, v *inventory, last, acked Seq) (chain, error) {
	end, left := v.end, uint32(0)
	if n := len(v.runs); n > 0 {
		left = v.runs[n-1].left
	}
	frames, err := e.raw(ctx, end.last+1, last)
	if err != nil {
		return chain{}, err
	}
	for _, f := range frames {
		if f.seq != end.last+1 || f.prev != end.hash {
			v.say(Forked, "entry %d does not follow entry %d", f.seq, end.last)
			return chain{}, v.damage(dir)
		}
		end, left = chain{f.seq, f.hash}, f.left
	}
	if left > 0 && end.last > acked { // after Recover the last entry may have been inside a batch
		v.say(TornBatch, "%d more entries belong to the batch of entry %d, which was not acknowledged", left, end.last)
		return chain{}, v.damage(dir)
	}
	return end, nil
}

// raw reads a few frames that the blocks did not have before.
func (e *engine) raw(ctx context.Context, from, to Seq) ([]frame, error) {
	var frames []frame
	for seq := from; seq <= to; seq++ {
		s, err := e.js.Stream(ctx, streamName)
		if err != nil {
			return nil, core.DataDown("read the journal", err)
		}
		m, err := s.GetMsg(ctx, uint64(seq))
		if err != nil {
			return nil, core.DataDown(fmt.Sprintf("read entry %d of the journal", seq), err)
		}
		f, err := parseFrame(m.Data)
		if err != nil {
			return nil, fmt.Errorf("read entry %d of the journal: %w", seq, err)
		}
		if err := f.decodes(); err != nil {
			return nil, err
		}
		frames = append(frames, f)
	}
	return frames, nil
}
