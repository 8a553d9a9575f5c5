package journal

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
)

// Config says where and how a journal is kept. Only Dir has to be set; Memory
// needs not even that.
type Config struct {
	// Dir is the journal's own folder. It is made when it is missing.
	Dir string

	// Writer names this server in every entry, at most 255 bytes. Default "local".
	Writer string

	// Epoch goes into every entry that is written from now on.
	Epoch uint64

	// Reserve is how many bytes of the disk the journal leaves free: an Append
	// that would eat into them fails with core.CodeDataDown. Default 64 MiB;
	// negative: none, which leaves it to the engine to run into the wall.
	Reserve int64

	// SyncEvery is how often the watermark goes to disk: what a power loss and
	// damage together take within this time cannot be noticed. Default 200 ms.
	SyncEvery time.Duration

	// Timeout bounds one write to the disk, and one read of up to 4 MiB. Default 30 s.
	Timeout time.Duration

	// Logger gets the journal's lines and those of its engine. Default: none.
	Logger *slog.Logger

	// Now names the folder that Recover sets aside. Default time.Now.
	Now func() time.Time

	free        func(dir string) (int64, error) // seam for tests: bytes left
	smallBlocks bool                            // 32 kB, so that a test has several
}

func (c Config) withDefaults() Config {
	if c.Writer == "" {
		c.Writer = "local"
	}
	if c.Reserve == 0 {
		c.Reserve = 64 << 20
	}
	if c.SyncEvery <= 0 {
		c.SyncEvery = 200 * time.Millisecond
	}
	if c.Timeout <= 0 {
		c.Timeout = 30 * time.Second
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.free == nil {
		c.free = freeSpace
	}
	return c
}

// Journal is a Log on disk, and the only writer of its folder.
type Journal struct {
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

// Open opens the journal in cfg.Dir, or makes a new one. It reads and checks
// everything first. The error is a *Damage when the journal is not what was
// written; Recover is the way on. It is ErrLocked when another process has the
// journal open, and a *core.Failure with core.CodeDataDown when the disk does
// not let it.
func Open(ctx context.Context, cfg Config) (*Journal, error) {
	cfg = cfg.withDefaults()
	if len(cfg.Writer) > 255 {
		return nil, fmt.Errorf("open journal: the writer's name has %d bytes, limit 255", len(cfg.Writer))
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, core.DataDown("make the journal's folder", err)
	}
	lock, err := lockDir(cfg.Dir)
	if err != nil {
		return nil, err
	}
	j, err := open(ctx, cfg)
	if err != nil {
		lock.Close()
		return nil, err
	}
	j.lock = lock
	j.services.Go((&writer{Journal: j}).run)
	j.services.Go(func() {
		j.mark.keepSynced(cfg.SyncEvery, j.stopping, func(err error) { cfg.Logger.Warn("watermark not synced", "err", err) })
	})
	return j, nil
}

func open(ctx context.Context, cfg Config) (*Journal, error) {
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
	return &Journal{
		cfg:      cfg,
		mark:     w,
		tail:     newTail(base.last+1, end),
		requests: make(chan *request),
		stopping: make(chan struct{}),
		engine:   e,
	}, nil
}

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
	if state.first <= v.base.last && state.messages > 0 {
		// Compact was interrupted, or the engine has forgotten it.
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

// Close implements Log.
func (j *Journal) Close() error {
	j.closing.Do(func() {
		close(j.stopping)
		j.tail.close()
		j.services.Wait()
		j.mu.Lock()
		if j.engine != nil {
			j.engine.stop()
			j.engine = nil
		}
		j.mu.Unlock()
		j.closeErr = errors.Join(j.mark.close(), j.lock.Close())
	})
	return j.closeErr
}
