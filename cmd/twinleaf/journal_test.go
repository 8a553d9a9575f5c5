package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/twinleaf-scan/twinleaf/core/journal"
)

// Who looks at the journal of a server that runs is told what helps, and that alone.
func TestTheJournalOfARunningServerIsRefusedWithOneHint(t *testing.T) {
	data := t.TempDir()
	log, err := journal.Open(t.Context(), journal.Config{Dir: filepath.Join(data, "journal"), Writer: "a"})
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	exit, out, errs := typed(t, "", "journal", "--data", data)
	if exit != 1 || out != "" || strings.Count(errs, "hint:") != 1 || !strings.Contains(errs, "held by process") || !strings.Contains(errs, "stop the server first") {
		t.Errorf("exit %d, %q, %q", exit, out, errs)
	}
}
