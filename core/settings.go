package core

import (
	"bytes"
	"cmp"
	"iter"
	"maps"
	"slices"
	"strings"
)

// setting is a shared setting as the fold keeps it: the highest revision counts.
// A removed one keeps its revision, so that an older change cannot bring it back.
type setting struct {
	At       stamp  `json:"at"`
	Revision int    `json:"revision"`
	Value    []byte `json:"value,omitempty"`
	User     string `json:"user,omitempty"`
}

// Setting is a shared setting with who set it. Value is JSON.
type Setting struct {
	Key      string
	Value    []byte
	Revision int
	User     string
}

// ProfileKey and DestinationKey are the keys of settings.
func ProfileKey(name string) string     { return "profile/" + name }
func DestinationKey(name string) string { return "destination/" + name }

func (s *State) set(at stamp, b SettingChanged) {
	old, known := s.settings[b.Key]
	now := setting{at, b.Revision, b.Value, b.User}
	if b.Key != "" && (!known || newer(now, old)) {
		s.settings[b.Key] = now
	}
}

// newer orders two changes of one setting: by revision, then by time, then by content.
func newer(a, b setting) bool {
	return cmp.Or(
		cmp.Compare(a.Revision, b.Revision),
		cmp.Compare(a.At, b.At),
		bytes.Compare(a.Value, b.Value),
		cmp.Compare(a.User, b.User),
	) > 0
}

// Setting gives the present value of a key.
func (s *State) Setting(key string) (Setting, bool) {
	v, ok := s.settings[key]
	if !ok || len(v.Value) == 0 {
		return Setting{}, false
	}
	return Setting{key, v.Value, v.Revision, v.User}, true
}

// Settings gives all settings whose key begins with prefix, ordered by key.
func (s *State) Settings(prefix string) iter.Seq[Setting] {
	return func(yield func(Setting) bool) {
		var keys []string
		for key := range s.settings {
			if strings.HasPrefix(key, prefix) {
				keys = append(keys, key)
			}
		}
		slices.Sort(keys)
		for _, key := range keys {
			if v, ok := s.Setting(key); ok && !yield(v) {
				return
			}
		}
	}
}

// Revised gives all settings that were ever set, ordered by key; those that were removed have
// no value.
func (s *State) Revised() iter.Seq[Setting] {
	return func(yield func(Setting) bool) {
		for _, key := range slices.Sorted(maps.Keys(s.settings)) {
			v := s.settings[key]
			if !yield(Setting{key, v.Value, v.Revision, v.User}) {
				return
			}
		}
	}
}

// Revision is the number of the last change of a key, 0 if it was never set. The
// next change has one more.
func (s *State) Revision(key string) int { return s.settings[key].Revision }
