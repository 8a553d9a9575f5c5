package journal

import (
	"context"
	"fmt"
	"log/slog"
	"time"
)

// Config says where and how a journal is kept. Only Dir has to be set; Memory
// needs not even that.
type Config struct {
	// Dir is the journal's own folder. It is made when it is missing.
	Dir string

	// Writer names this server in every entry, at most 255 bytes. Default "local".
	// For a copy it is the server that owns the journal; default: whoever wrote the
	// first entry that is put.
	Writer string

	// Formerly are names that Writer had before: the first entries that are put
	// into an empty copy, or restored, may bear them too.
	Formerly []string

	// Epoch goes into every entry that is written from now on.
	Epoch uint64

	// Reserve is how many bytes of the disk the journal leaves free: an Append
	// that would eat into them fails with core.CodeDataDown. Default 64 MiB;
	// negative: none, which leaves it to the engine to run into the wall.
	Reserve int64

	// Refuse is asked before every write: its error is told as that of a disk which
	// takes nothing. For tests of what follows from that; nil: nothing is refused.
	Refuse func() error

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

// owning is withDefaults for the one who writes the journal.
func (c Config) owning() Config {
	c = c.withDefaults()
	if c.Writer == "" {
		c.Writer = "local"
	}
	return c
}

// Journal is a Log on disk, and the only writer of its folder.
type Journal struct{ *store }

// Open opens the journal in cfg.Dir, or makes a new one. It reads and checks
// everything first. The error is a *Damage when the journal is not what was
// written; Recover is the way on, or SetAside where a peer has a copy. It is
// ErrLocked when another process has the journal open, and a *core.Failure with
// core.CodeDataDown when the disk does not let it.
func Open(ctx context.Context, cfg Config) (*Journal, error) {
	cfg = cfg.owning()
	if len(cfg.Writer) > maxName {
		return nil, fmt.Errorf("open journal: the writer's name has %d bytes, limit %d", len(cfg.Writer), maxName)
	}
	s, err := openStore(ctx, cfg)
	if err != nil {
		return nil, err
	}
	return &Journal{s}, nil
}

// Restore takes back the end that this journal has lost, entry by entry as it was,
// from the peer's copy. It must come before the first Append; the rules and the
// errors are those of Copy.Put. An empty journal begins with what is given first.
func (j *Journal) Restore(ctx context.Context, frames [][]byte) (Seq, error) {
	return j.give(ctx, frames)
}
