package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/twinleaf-scan/twinleaf/bench/robust/history"
	"github.com/twinleaf-scan/twinleaf/bench/robust/scan"
	"github.com/twinleaf-scan/twinleaf/bench/robust/site"
)

// readLogs takes from the logs what the engines did, and whatever a server must not say.
func (a *act) readLogs() {
	for name, log := range a.logs {
		lines, err := log.Next()
		if err != nil {
			a.find("%v", err)
		}
		var list []history.Reading
		for _, l := range lines {
			switch {
			case l.Message == "page begun" || l.Message == "page done":
				if p, err := scan.Parse(l.Text("number")); err == nil && p.Job >= a.first {
					list = append(list, history.Reading{Page: p, Server: name, Done: l.Message == "page done", At: l.Time})
				}
			case l.Level == "TEXT" && (strings.HasPrefix(l.Message, "panic:") || strings.HasPrefix(l.Message, "fatal error:")):
				a.find("%s: %s", name, l.Message)
			}
		}
		a.record.Read(list)
	}
}

// readJournals takes from the journals what the real engine did. It kills both servers for
// that: one that is stopped folds its journal into a snapshot.
func (a *act) readJournals(ctx context.Context) error {
	numbers := map[string]int{} // by job
	for _, list := range a.record.Round().Lists {
		for _, l := range list {
			numbers[l.ID] = l.Job
		}
	}
	a.pair.Kill()
	for _, s := range a.pair.Both() {
		list, err := a.journal(ctx, s, numbers)
		if err != nil {
			return err
		}
		a.record.Read(list)
	}
	return a.pair.Start(ctx)
}

// entry is what is needed of an event.
type entry struct {
	Type string
	At   time.Time
	Job  string
	Data struct {
		Stage string
		Page  int
	}
}

func (a *act) journal(ctx context.Context, s *site.Server, numbers map[string]int) ([]history.Reading, error) {
	out, err := a.programs.Run(ctx, "journal", "--data", s.DataDir())
	if err != nil {
		return nil, err
	}
	var list []history.Reading
	for line := range strings.Lines(out) {
		var e entry
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			return nil, fmt.Errorf("journal of %s: %q: %w", s.Name, line, err)
		}
		done := e.Type == "PageRecognized"
		if n := numbers[e.Job]; n >= a.first && (done || e.Type == "StageStarted" && e.Data.Stage == "recognize") {
			list = append(list, history.Reading{Page: scan.Page{Job: n, Page: e.Data.Page}, Server: s.Name, Done: done, At: e.At})
		}
	}
	return list, nil
}
