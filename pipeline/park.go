package pipeline

import (
	"maps"
	"slices"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/journal"
)

// While settings may not be synchronised, changes of the peer's are put aside: the last one
// of each key. They are in the copy of its journal all the same, so a start loses none.

// park puts changes of settings aside if they may not come over, and gives the rest.
func (d *dispatcher) park(entries []journal.Entry) []journal.Entry {
	if d.syncs() {
		return entries
	}
	rest := make([]journal.Entry, 0, len(entries))
	for _, e := range entries {
		b, is := e.Event.Body.(core.SettingChanged)
		if !is {
			rest = append(rest, e)
			continue
		}
		if d.parked == nil {
			d.parked = map[string]core.Event{}
		}
		if old, there := d.parked[b.Key].Body.(core.SettingChanged); !there || b.Revision >= old.Revision {
			d.parked[b.Key] = e.Event
		}
	}
	return rest
}

// unpark folds what was put aside once it may come over.
func (d *dispatcher) unpark() {
	if len(d.parked) == 0 || !d.syncs() {
		return
	}
	events := make([]core.Event, 0, len(d.parked))
	for _, key := range slices.Sorted(maps.Keys(d.parked)) {
		events = append(events, d.parked[key])
	}
	d.parked = nil
	d.cfg.Log.Info("settings of the other server come over again", "settings", len(events))
	d.take(events, func(int, core.Event) {})
}

func (d *dispatcher) syncs() bool { return d.cfg.Syncs == nil || d.cfg.Syncs() }
