package main

import (
	"errors"
	"strings"
	"testing"

	"github.com/twinleaf-scan/twinleaf/console/api"
	"github.com/twinleaf-scan/twinleaf/core"
)

// What plug-ins, documents and other servers say is read on a terminal.
func TestForeignWordsDoNotMoveTheCursor(t *testing.T) {
	const evil = "a\x1b[2J\u009b31m\u202eb\nstate  completed"
	f := core.Failure{Code: evil, Detail: evil, Remedy: evil}
	j := api.Job{}
	j.ID, j.Name, j.State, j.Error = "1", evil, core.Failed, &f
	j.Failures = []core.PageFailure{{Page: 1, Failure: f}}
	j.Unindexed = []core.IndexFailure{{Indexer: evil, Failure: f}}
	j.Fields = map[string]string{evil: evil}
	var job, failed strings.Builder
	if err := describeJob(&job, j); err != nil {
		t.Fatal(err)
	}
	explain(&failed, errors.New(evil))
	for _, got := range []string{job.String(), failed.String()} {
		if strings.ContainsAny(got, "\x1b\u009b\u202e") || !strings.Contains(got, "a?[2J?31m?b") {
			t.Errorf("printed %q", got)
		}
	}
	if strings.Contains(job.String(), "\nstate  completed") {
		t.Errorf("a line of its own: %q", job.String())
	}
	if got := printable("Müller 日本 e\u0301"); got != "Müller 日本 e\u0301" {
		t.Errorf("honest words became %q", got)
	}
}
