package journal_test

import (
	"testing"

	"github.com/twinleaf-scan/twinleaf/core/journal"
	"github.com/twinleaf-scan/twinleaf/core/journal/journaltest"
)

func TestMemory(t *testing.T) {
	journaltest.Run(t, func(t *testing.T) journal.Log { return journal.NewMemory(journal.Config{}) })
}

func TestJournal(t *testing.T) {
	journaltest.Run(t, func(t *testing.T) journal.Log {
		j, err := journal.Open(t.Context(), journal.Config{Dir: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		return j
	})
}

func TestMemoryCopy(t *testing.T) {
	journaltest.RunCopies(t, journaltest.Pair{
		Owner: func(_ *testing.T, cfg journal.Config) journaltest.Owner { return journal.NewMemory(cfg) },
		Copy:  func(_ *testing.T, cfg journal.Config) journaltest.Copy { return journal.NewMemoryCopy(cfg) },
	})
}

func TestCopy(t *testing.T) {
	configs := map[journaltest.Copy]journal.Config{}
	open := func(t *testing.T, cfg journal.Config) journaltest.Copy {
		c, err := journal.OpenCopy(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		configs[c] = cfg
		return c
	}
	journaltest.RunCopies(t, journaltest.Pair{
		Owner: func(t *testing.T, cfg journal.Config) journaltest.Owner {
			cfg.Dir = t.TempDir()
			j, err := journal.Open(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			return j
		},
		Copy: func(t *testing.T, cfg journal.Config) journaltest.Copy {
			cfg.Dir = t.TempDir()
			return open(t, cfg)
		},
		Reopen: func(t *testing.T, c journaltest.Copy) journaltest.Copy {
			if err := c.Close(); err != nil {
				t.Fatal(err)
			}
			return open(t, configs[c])
		},
	})
}
