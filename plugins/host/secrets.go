package host

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strconv"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/sdk"
)

// Secrets gives the JSON pointers of the strings in a step's settings that the
// plug-in's schema calls writeOnly.
func (h *Host) Secrets(_ context.Context, kind core.StepKind, s core.Step) ([]string, error) {
	t, err := h.step(s, sdk.Kind(kind), "")
	if err != nil {
		return nil, err
	}
	found, err := secretsOf(t.schema(), s.Settings)
	return slices.Sorted(maps.Keys(found)), err
}

// Reach gives the host:port of every place to which a step's settings grant a connection.
func (h *Host) Reach(_ context.Context, kind core.StepKind, s core.Step) ([]string, error) {
	t, err := h.step(s, sdk.Kind(kind), "")
	if err != nil {
		return nil, err
	}
	g, err := grantsOf(t.schema(), s.Settings)
	var all []string
	for _, a := range g.net {
		all = append(all, a.String())
	}
	return all, err
}

// hide keeps the secrets of a call out of what the process says on its standard error.
func (w *worker) hide(t target, settings json.RawMessage) {
	// Settings that cannot be walked through are refused by the plug-in.
	found, _ := secretsOf(t.schema(), settings)
	w.stderr.hide(slices.Sorted(maps.Values(found)))
}

// secretsOf collects the secrets of settings by JSON pointer. Where several schemas may
// apply all are asked: one secret too many is better than one too few.
func secretsOf(schema, settings json.RawMessage) (map[string]string, error) {
	found := map[string]string{}
	err := walkSettings(schema, settings, "writeOnly", func(f field) (bool, error) {
		if f.schema.WriteOnly {
			collect(f.value, f.at, found)
		}
		return f.schema.WriteOnly, nil
	})
	return found, err
}

// collect takes every string at and below a secret place.
func collect(value any, at string, found map[string]string) {
	switch v := value.(type) {
	case string:
		found[at] = v
	case map[string]any:
		for name, field := range v {
			collect(field, at+"/"+pointer(name), found)
		}
	case []any:
		for i, item := range v {
			collect(item, at+"/"+strconv.Itoa(i), found)
		}
	}
}
