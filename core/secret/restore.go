package secret

import (
	"context"
	"encoding/json"
	"reflect"
	"slices"
	"strconv"

	"github.com/twinleaf-scan/twinleaf/core"
)

// Restore gives the value of a setting with the secrets of old in clear where value
// has the mask. A mask without a secret behind it is refused; so is a sealed secret,
// which nobody but the server writes. So is a mask in settings that let the plug-in connect
// where it could not before: who does not know a secret must not send it to a place of
// their own.
func (k *Keeper) Restore(ctx context.Context, key string, value, old []byte) ([]byte, error) {
	tree, err := decode(value)
	if err != nil || tree == nil {
		return value, err
	}
	was, err := decode(old)
	if err != nil {
		return nil, err
	}
	before := spots(key, was)
	changed := false
	for _, s := range spots(key, tree) {
		r := restorer{keeper: k}
		for i, b := range before {
			if s.same(b) {
				r.old, before[i] = b, spot{} // of several steps with one plug-in each has its own
				break
			}
		}
		if _, err := r.restore(s.settings, anyOf(r.old.settings), s.at, ""); err != nil {
			return nil, err
		}
		if r.kept == 0 {
			continue
		}
		changed = true
		if err := k.staysHome(ctx, s, r.old); err != nil {
			return nil, err
		}
	}
	if !changed {
		return value, nil
	}
	return json.Marshal(tree)
}

// staysHome refuses settings that reach farther than those whose secrets they keep.
func (k *Keeper) staysHome(ctx context.Context, now, was spot) error {
	before, err := k.reach(ctx, was)
	if err != nil {
		return err
	}
	after, err := k.reach(ctx, now)
	if err != nil {
		return err
	}
	for _, address := range after {
		if !slices.Contains(before, address) {
			return core.Refuse(core.CodeBadRequest, "give the secret itself",
				"%s now names %s, so %s does not keep the secret there", now.at, address, core.Mask)
		}
	}
	return nil
}

func (k *Keeper) reach(ctx context.Context, s spot) ([]string, error) {
	raw, err := json.Marshal(s.settings)
	if err != nil {
		return nil, err
	}
	step := s.step
	step.Settings = raw
	return k.find.Reach(ctx, s.kind, step)
}

// anyOf is nil for a map that is not there.
func anyOf(m map[string]any) any {
	if m == nil {
		return nil
	}
	return m
}

// restorer puts the secrets of one spot back.
type restorer struct {
	keeper *Keeper
	old    spot
	kept   int
}

// restore gives node, which stands at a place, with the secrets of was, which stood at
// another one in the old settings.
func (r *restorer) restore(node, was any, at, wasAt string) (any, error) {
	if _, sealed := core.Sealed(node); sealed {
		return nil, core.Refuse(core.CodeBadRequest, "give the secret itself", "%s holds a sealed secret, which only the server writes", at)
	}
	var err error
	switch v := node.(type) {
	case string:
		if v == core.Mask {
			return r.kept1(was, at, wasAt)
		}
	case map[string]any:
		old, _ := was.(map[string]any)
		for name := range v {
			if v[name], err = r.restore(v[name], old[name], at+"/"+escape(name), wasAt+"/"+escape(name)); err != nil {
				return nil, err
			}
		}
	case []any:
		old, _ := was.([]any)
		for i := range v {
			// Items have no names: a secret stays with the item that is otherwise the same.
			j := twin(v[i], old)
			if v[i], err = r.restore(v[i], item(old, j), at+"/"+strconv.Itoa(i), wasAt+"/"+strconv.Itoa(j)); err != nil {
				return nil, err
			}
		}
	}
	return node, nil
}

// kept1 is the secret that a mask keeps.
func (r *restorer) kept1(was any, at, wasAt string) (any, error) {
	sealed, ok := core.Sealed(was)
	if !ok {
		return nil, core.Refuse(core.CodeBadRequest, "give the secret itself",
			"%s is %s, which keeps a secret that is set; there is none for this plug-in in this place", at, core.Mask)
	}
	clear, err := r.keeper.box.Open(r.old.place+wasAt, sealed)
	if err != nil {
		return nil, core.Refuse(core.CodeBadRequest, "give the secret itself, or bring back the server's secret key",
			"the secret at %s cannot be kept: %v", at, err)
	}
	r.kept++
	return clear, nil
}

// twin finds the item that is the same but for what is masked, -1 if there is none.
func twin(node any, old []any) int {
	for i, was := range old {
		raw, err := json.Marshal(was)
		if err != nil {
			continue
		}
		shown, err := decode(core.MaskSecrets(raw))
		if err == nil && reflect.DeepEqual(node, shown) {
			return i
		}
	}
	return -1
}

func item(list []any, i int) any {
	if i < 0 {
		return nil
	}
	return list[i]
}
