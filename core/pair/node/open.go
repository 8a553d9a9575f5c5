package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/journal"
	"github.com/twinleaf-scan/twinleaf/internal/durable"
)

// OpenJournal opens the own journal of a server in a pair. A damaged one is set aside:
// the new one is restored from the peer's copy. salvage names a folder that was set
// aside and is not taken back yet, by this call or an earlier one; empty: there is none.
func OpenJournal(ctx context.Context, cfg journal.Config) (j *journal.Journal, salvage string, err error) {
	if err := finishSetAside(cfg.Dir); err != nil {
		return nil, "", core.DataDown("look for journals that were set aside", err)
	}
	j, err = journal.Open(ctx, cfg)
	if damage := (*journal.Damage)(nil); errors.As(err, &damage) {
		warn(cfg, "the own journal is damaged and set aside; it will be restored from the peer's copy", err)
		if err := SetAside(cfg); err != nil {
			return nil, "", err
		}
		j, err = journal.Open(ctx, cfg)
	}
	if err != nil {
		return nil, "", err
	}
	if salvage, err = leftover(cfg.Dir); err != nil {
		return nil, "", errors.Join(core.DataDown("look for journals that were set aside", err), j.Close())
	}
	return j, salvage, nil
}

// OpenCopy opens the copy of the peer's journal. A damaged one is set aside: the peer
// ships its journal anew.
func OpenCopy(ctx context.Context, cfg journal.Config) (*journal.Copy, error) {
	c, err := journal.OpenCopy(ctx, cfg)
	if damage := (*journal.Damage)(nil); errors.As(err, &damage) {
		warn(cfg, "the copy of the peer's journal is damaged and set aside; the peer will ship it anew", err)
		if _, err := journal.ResetCopy(cfg); err != nil {
			return nil, err
		}
		c, err = journal.OpenCopy(ctx, cfg)
	}
	if err != nil {
		return nil, fmt.Errorf("open the copy of the peer's journal: %w", err)
	}
	return c, nil
}

func warn(cfg journal.Config, what string, err error) {
	if cfg.Logger != nil {
		cfg.Logger.Warn(what, "err", err)
	}
}

// The folders of an own journal that was set aside, by what their names begin with.
// Those that journal.Recover leaves are damaged ones too, and nothing is to be taken
// back from them: a note says what of them was there before SetAside.
const (
	asideDamaged = "damaged-"
	asideLeft    = "salvage-" // is to be taken back
	asideDone    = "adopted-" // was; kept for people

	asideNote = "setting-aside"
)

// SetAside sets the own journal aside: it is to be restored from the peer's copy, and
// what only the folder that was set aside has is taken back then. The journal must not
// be open.
func SetAside(cfg journal.Config) error {
	before, err := named(cfg.Dir, asideDamaged)
	if err != nil {
		return core.DataDown("set the journal aside", err)
	}
	if err := durable.Write(filepath.Join(cfg.Dir, asideNote), []byte(strings.Join(before, "\n")), 0o600); err != nil {
		return core.DataDown("set the journal aside", err)
	}
	if _, err := journal.SetAside(cfg); err != nil {
		return err
	}
	if err := finishSetAside(cfg.Dir); err != nil {
		return core.DataDown("set the journal aside", err)
	}
	return nil
}

// finishSetAside gives the folders of a SetAside that was perhaps interrupted the name
// of those that are to be taken back.
func finishSetAside(dir string) error {
	note := filepath.Join(dir, asideNote)
	text, err := os.ReadFile(note)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	names, err := named(dir, asideDamaged)
	if err != nil {
		return err
	}
	before := strings.Split(string(text), "\n")
	for _, name := range names {
		if slices.Contains(before, name) {
			continue
		}
		if err := rename(filepath.Join(dir, name), asideDamaged, asideLeft); err != nil {
			return err
		}
	}
	return os.Remove(note)
}

// takenBack gives a folder the name of those that are taken back, and names the next
// one that is not.
func takenBack(dir string) (next string, err error) {
	if err := rename(dir, asideLeft, asideDone); err != nil {
		return "", err
	}
	return leftover(filepath.Dir(dir))
}

// rename changes what the name of a folder begins with.
func rename(dir, from, to string) error {
	parent, name := filepath.Split(dir)
	return os.Rename(dir, filepath.Join(parent, to+strings.TrimPrefix(name, from)))
}

// leftover is the oldest folder in dir that is to be taken back; empty: there is none.
func leftover(dir string) (string, error) {
	names, err := named(dir, asideLeft)
	if err != nil || len(names) == 0 {
		return "", err
	}
	return filepath.Join(dir, names[0]), nil
}

// named are the folders in dir whose names begin so, in the order of their names.
func named(dir, prefix string) ([]string, error) {
	files, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var names []string
	for _, f := range files {
		if f.IsDir() && strings.HasPrefix(f.Name(), prefix) {
			names = append(names, f.Name())
		}
	}
	return names, nil
}
