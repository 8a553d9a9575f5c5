package parity

import (
	"cmp"
	"iter"
	"maps"
	"slices"
)

func byName[T any](name func(T) string) func(a, b T) int {
	return func(a, b T) int { return cmp.Compare(name(a), name(b)) }
}

// find looks a name up in a sorted list.
func find[T any](list []T, name func(T) string, wanted string) *T {
	i, found := slices.BinarySearchFunc(list, wanted, func(item T, wanted string) int { return cmp.Compare(name(item), wanted) })
	if !found {
		return nil
	}
	return &list[i]
}

// pairs walks two sorted lists side by side by name; what one list lacks is nil.
func pairs[T any](a, b []T, name func(T) string) iter.Seq2[*T, *T] {
	return func(yield func(*T, *T) bool) {
		for i, j := 0, 0; i < len(a) || j < len(b); {
			var here, there *T
			order := 0
			switch {
			case i == len(a):
				order = 1
			case j == len(b):
				order = -1
			default:
				order = cmp.Compare(name(a[i]), name(b[j]))
			}
			if order <= 0 {
				here, i = &a[i], i+1
			}
			if order >= 0 {
				there, j = &b[j], j+1
			}
			if !yield(here, there) {
				return
			}
		}
	}
}

// keys are those of both maps, sorted.
func keys(a, b map[string]string) []string {
	all := slices.AppendSeq(slices.Collect(maps.Keys(a)), maps.Keys(b))
	slices.Sort(all)
	return slices.Compact(all)
}
