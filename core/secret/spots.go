package secret

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/twinleaf-scan/twinleaf/core"
)

// spot is a place in a setting's value where the settings of one plug-in stand.
type spot struct {
	kind     core.StepKind
	step     core.Step // without its settings
	at       string    // JSON pointer to the settings in the value, for people
	place    string    // what the secrets of it are sealed with, without their own pointer
	settings map[string]any
}

// same reports whether two spots belong to one plug-in.
func (s spot) same(o spot) bool {
	return s.kind == o.kind && s.step.Plugin == o.step.Plugin && s.step.Component == o.step.Component
}

func destinationPlace(name string) string { return core.DestinationKey(name) + "#/settings" }

func stepPlace(kind core.StepKind, s core.Step) string {
	return "step/" + string(kind) + "/" + s.Plugin + "/" + s.Component + "#"
}

// spots finds the settings of plug-ins in the value of a setting.
func spots(key string, value any) []spot {
	object, ok := value.(map[string]any)
	if !ok {
		return nil
	}
	kind, name, _ := strings.Cut(key, "/")
	switch kind {
	case "destination":
		settings, ok := object["settings"].(map[string]any)
		if !ok {
			return nil
		}
		return []spot{{core.StepDeliverer, core.Step{Plugin: text(object["plugin"])}, "/settings", destinationPlace(name), settings}}
	case "profile":
		return profileSpots(object)
	}
	return nil
}

func profileSpots(profile map[string]any) []spot {
	var found []spot
	add := func(kind core.StepKind, at string, step any) {
		object, ok := step.(map[string]any)
		settings, has := object["settings"].(map[string]any)
		if !ok || !has {
			return
		}
		s := core.Step{Plugin: text(object["plugin"]), Component: text(object["component"])}
		found = append(found, spot{kind, s, at + "/settings", stepPlace(kind, s), settings})
	}
	for field, kind := range map[string]core.StepKind{"filters": core.StepFilter, "indexers": core.StepIndexer} {
		list, _ := profile[field].([]any)
		for i, step := range list {
			add(kind, "/"+field+"/"+strconv.Itoa(i), step)
		}
	}
	add(core.StepRecognizer, "/recognizer", profile["recognizer"])
	add(core.StepAssembler, "/assembler", profile["assembler"])
	return found
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

// rewrite replaces nodes of a JSON tree: where change reports true, its value stands
// instead of the node; else the walk goes on below it.
func rewrite(node any, at string, change func(at string, node any) (any, bool, error)) (any, error) {
	if new, done, err := change(at, node); done || err != nil {
		return new, err
	}
	var err error
	switch v := node.(type) {
	case map[string]any:
		for name := range v {
			if v[name], err = rewrite(v[name], at+"/"+escape(name), change); err != nil {
				return nil, err
			}
		}
	case []any:
		for i := range v {
			if v[i], err = rewrite(v[i], at+"/"+strconv.Itoa(i), change); err != nil {
				return nil, err
			}
		}
	}
	return node, nil
}

// escape writes a name for a JSON pointer.
func escape(name string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
}

func decode(raw []byte) (any, error) {
	if len(raw) == 0 {
		return nil, nil
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, fmt.Errorf("a setting is no JSON: %w", err)
	}
	return v, nil
}
