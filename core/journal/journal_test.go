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
