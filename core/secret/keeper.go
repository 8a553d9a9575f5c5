package secret

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/twinleaf-scan/twinleaf/core"
)

// Finder knows which fields of settings are secret: the schema of the plug-in says it.
type Finder interface {
	// Secrets gives the JSON pointers of the secrets in a step's settings.
	Secrets(context.Context, core.StepKind, core.Step) ([]string, error)
	// Reach gives the host:port of every place to which a step's settings let the
	// plug-in connect.
	Reach(context.Context, core.StepKind, core.Step) ([]string, error)
}

// Keeper keeps the secrets of settings.
type Keeper struct {
	box  *Box
	find Finder
}

// NewKeeper makes a keeper of secrets under a key.
func NewKeeper(key Key, find Finder) (*Keeper, error) {
	box, err := NewBox(key)
	return &Keeper{box, find}, err
}

// Seal gives the value of a setting as it may be journaled. What has not changed since
// old is sealed as it was, so that an unchanged setting is seen to be unchanged.
func (k *Keeper) Seal(ctx context.Context, key string, value, old []byte) ([]byte, error) {
	tree, err := decode(value)
	if err != nil {
		return nil, err
	}
	found := 0
	before := k.sealedIn(key, old)
	for _, s := range spots(key, tree) {
		n, err := k.sealSpot(ctx, s, before)
		if err != nil {
			return nil, err
		}
		found += n
	}
	if found == 0 {
		return value, nil
	}
	return json.Marshal(tree)
}

func (k *Keeper) sealSpot(ctx context.Context, s spot, before map[string][]string) (int, error) {
	raw, err := json.Marshal(s.settings)
	if err != nil {
		return 0, err
	}
	step := s.step
	step.Settings = raw
	secrets, err := k.find.Secrets(ctx, s.kind, step)
	if err != nil {
		return 0, err
	}
	found := 0
	_, err = rewrite(s.settings, "", func(at string, node any) (any, bool, error) {
		clear, ok := node.(string)
		if !ok || clear == "" {
			return node, false, nil
		}
		sealed, was := k.sealedAs(before[s.place+at], s.place+at, clear)
		if !was {
			if !slices.Contains(secrets, at) {
				return node, false, nil
			}
			sealed = k.box.Seal(s.place+at, clear)
		}
		found++
		return core.SealedForm(sealed), true, nil
	})
	return found, err
}

// sealedAs finds among the sealed secrets of a place the one that holds a text. Once
// sealed it stays sealed, even if the plug-in no longer calls it a secret.
func (k *Keeper) sealedAs(list []string, place, clear string) (string, bool) {
	for _, sealed := range list {
		if was, err := k.box.Open(place, sealed); err == nil && was == clear {
			return sealed, true
		}
	}
	return "", false
}

// sealedIn lists the sealed secrets of a setting's value by place.
func (k *Keeper) sealedIn(key string, value []byte) map[string][]string {
	found := map[string][]string{}
	tree, err := decode(value)
	if err != nil {
		return found
	}
	for _, s := range spots(key, tree) {
		_, _ = rewrite(s.settings, "", func(at string, node any) (any, bool, error) {
			sealed, ok := core.Sealed(node)
			if ok {
				found[s.place+at] = append(found[s.place+at], sealed)
			}
			return node, ok, nil
		})
	}
	return found
}

// OpenStep gives a step with its secrets in clear, and what is not to be shown of it.
func (k *Keeper) OpenStep(kind core.StepKind, s core.Step) (core.Step, Hidden, error) {
	what := fmt.Sprintf("the settings of %s %s", kind, s)
	clear, hidden, err := k.open(stepPlace(kind, s), what, `set the secret again with "twinleaf profile set" and submit the document again`, s.Settings)
	s.Settings = clear
	return s, hidden, err
}

// OpenDestination gives the settings of a destination with its secrets in clear, and
// what is not to be shown of them.
func (k *Keeper) OpenDestination(name string, settings json.RawMessage) (json.RawMessage, Hidden, error) {
	what := fmt.Sprintf("the settings of destination %q", name)
	return k.open(destinationPlace(name), what, fmt.Sprintf(`set the secret again with "twinleaf destination set %s"`, name), settings)
}

func (k *Keeper) open(place, what, remedy string, settings json.RawMessage) (json.RawMessage, Hidden, error) {
	if !core.MaySeal(settings) {
		return settings, nil, nil
	}
	tree, err := decode(settings)
	if err != nil {
		return nil, nil, err
	}
	hidden := map[string]bool{}
	tree, err = rewrite(tree, "", func(at string, node any) (any, bool, error) {
		sealed, ok := core.Sealed(node)
		if !ok {
			return node, false, nil
		}
		clear, err := k.box.Open(place+at, sealed)
		if err != nil {
			return nil, true, &core.Failure{
				Code:   core.CodeSecret,
				Detail: fmt.Sprintf("the secret %s in %s does not open: %v", at, what, err),
				Remedy: "bring back the server's secret key, or " + remedy,
			}
		}
		hidden[clear] = true
		return clear, true, nil
	})
	if err != nil {
		return nil, nil, err
	}
	clear, err := json.Marshal(tree)
	return clear, hiding(slices.Collect(maps.Keys(hidden))), err
}
