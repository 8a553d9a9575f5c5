// Package deliver is the last stage: it hands the outputs of a job to one of its
// destinations, under a key by which the destination finds itself done when the
// same is asked twice.
package deliver

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/pipeline/internal/take"
)

// Deliverer hands files over.
type Deliverer interface {
	Deliver(context.Context, core.DeliverCall) (core.Receipt, error)
}

// Stage is the deliver stage.
type Stage struct {
	store     take.Store
	deliverer Deliverer
}

// New makes the stage.
func New(store take.Store, deliverer Deliverer) *Stage { return &Stage{store, deliverer} }

// Run gives a core.Delivered. The documents of a job that was split are handed over
// one after the other, each under a key of its own. When one is not taken, all are
// handed over again at the next attempt, and the destination finds the first ones done.
func (s *Stage) Run(ctx context.Context, t core.Task) (core.Result, error) {
	first, err := call(t)
	if err != nil {
		return nil, err
	}
	var receipts []core.Receipt
	for _, part := range partsOf(t.Document.Outputs) {
		c := first
		c.Key, c.Name = t.Document.PartKey(t.Destination, part), core.PartName(t.Name, part)
		if err := s.addFiles(&c, t, part); err != nil {
			return nil, err
		}
		receipt, err := s.deliverer.Deliver(ctx, c)
		if err != nil {
			return nil, inPart(err, part)
		}
		receipts = append(receipts, receipt)
	}
	return core.Delivered{Destination: t.Destination, Receipt: join(receipts), Round: t.Document.Round}, nil
}

// partsOf are the numbers of the documents; 0 alone is a job that was not split.
func partsOf(outputs []core.Output) []int {
	parts := []int{}
	for _, o := range outputs {
		if !slices.Contains(parts, o.Part) {
			parts = append(parts, o.Part)
		}
	}
	if len(parts) == 0 {
		return []int{0}
	}
	return parts
}

// inPart says which document a destination did not take.
func inPart(err error, part int) error {
	if part == 0 {
		return err
	}
	f := core.AsFailure(err)
	f.Detail = fmt.Sprintf("document %d: %s", part, f.Detail)
	return &f
}

// join makes one receipt of several: every place, as far as there is room.
func join(receipts []core.Receipt) core.Receipt {
	var locations, details []string
	for _, r := range receipts {
		if r.Location != "" {
			locations = append(locations, r.Location)
		}
		if r.Detail != "" {
			details = append(details, r.Detail)
		}
	}
	return core.Receipt{Location: brief(strings.Join(locations, ", ")), Detail: brief(strings.Join(details, ", "))}
}

// call is what the deliveries of all documents have in common.
func call(t core.Task) (core.DeliverCall, error) {
	value, ok := t.Document.Settings[core.DestinationKey(t.Destination)]
	if !ok {
		return core.DeliverCall{}, core.Refuse(core.CodeUnknown,
			fmt.Sprintf("make it with \"twinleaf destination set %s\", then retry the job", t.Destination),
			"there is no destination %q any more", t.Destination)
	}
	dest, err := core.ParseDestination(value)
	if err != nil {
		return core.DeliverCall{}, err
	}
	c := core.DeliverCall{Destination: t.Destination, Plugin: dest.Plugin, Job: t.Job}
	if dest.Settings != nil {
		if c.Settings, err = json.Marshal(dest.Settings); err != nil {
			return c, fmt.Errorf("settings of destination %q: %w", t.Destination, err)
		}
	}
	return c, nil
}

// addFiles adds the outputs of a document that the profile delivers, and the original
// of a signed PDF, which always goes beside its searchable copy.
func (s *Stage) addFiles(call *core.DeliverCall, t core.Task, part int) error {
	wanted := t.Options.WithDefaults().Deliver
	for _, out := range t.Document.Outputs {
		if out.Part != part || out.Kind != core.OutputOriginal && !slices.Contains(wanted, out.Kind) {
			continue
		}
		source, err := take.Source(s.store, out.File)
		if err != nil {
			return err
		}
		call.Files = append(call.Files, source)
		call.Kinds = append(call.Kinds, out.Kind)
	}
	if len(call.Files) == 0 {
		return core.Refuse(core.CodeInternal, "look at outputs and deliver in the profile",
			"nothing was made that is to be delivered")
	}
	return nil
}

// maxReceipt bounds what a destination may say, in bytes.
const maxReceipt = 2048

func brief(s string) string {
	for i := range s {
		if i > maxReceipt {
			return s[:i]
		}
	}
	return s
}
