// Package deliver is the last stage: it hands the outputs of a job to one of its
// destinations, under a key by which the destination finds itself done when the
// same is asked twice.
package deliver

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

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

// Run gives a core.Delivered.
func (s *Stage) Run(ctx context.Context, t core.Task) (core.Result, error) {
	call, err := s.call(t)
	if err != nil {
		return nil, err
	}
	receipt, err := s.deliverer.Deliver(ctx, call)
	if err != nil {
		return nil, err
	}
	receipt.Location, receipt.Detail = brief(receipt.Location), brief(receipt.Detail)
	return core.Delivered{Destination: t.Destination, Receipt: receipt, Round: t.Document.Round}, nil
}

func (s *Stage) call(t core.Task) (core.DeliverCall, error) {
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
	call := core.DeliverCall{
		Plugin: dest.Plugin, Key: t.Document.DeliveryKey(t.Destination), Job: t.Job, Name: t.Name,
	}
	if dest.Settings != nil {
		if call.Settings, err = json.Marshal(dest.Settings); err != nil {
			return call, fmt.Errorf("settings of destination %q: %w", t.Destination, err)
		}
	}
	return call, s.addFiles(&call, t)
}

// addFiles adds the outputs that the profile delivers, and the original of a
// signed PDF, which always goes beside its searchable copy.
func (s *Stage) addFiles(call *core.DeliverCall, t core.Task) error {
	wanted := t.Options.WithDefaults().Deliver
	for _, out := range t.Document.Outputs {
		if out.Kind != core.OutputOriginal && !slices.Contains(wanted, out.Kind) {
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
