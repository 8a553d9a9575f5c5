package store

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"golang.org/x/mod/semver"
)

// LockFile is the name of the lock in a store and in a plug-in folder.
const LockFile = "plugins.lock"

// Lock says which plug-ins may run. Each version of a plug-in has one entry, and
// one version at most is active.
type Lock struct {
	Entries []Entry
}

// compare orders entries by name and rising version.
func compare(a, b Entry) int {
	return cmp.Or(cmp.Compare(a.Name, b.Name), semver.Compare("v"+a.Version, "v"+b.Version), cmp.Compare(a.Version, b.Version))
}

// sorted is a copy in order.
func (l Lock) sorted() []Entry { return slices.SortedFunc(slices.Values(l.Entries), compare) }

// Equal reports whether two locks say the same, in whatever order.
func (l Lock) Equal(o Lock) bool { return slices.EqualFunc(l.sorted(), o.sorted(), Entry.Equal) }

// Find gives the entry of a version.
func (l Lock) Find(name, version string) (Entry, bool) {
	i := slices.IndexFunc(l.Entries, func(e Entry) bool { return e.Name == name && e.Version == version })
	if i < 0 {
		return Entry{}, false
	}
	return l.Entries[i], true
}

// Versions are the entries of a plug-in, oldest first.
func (l Lock) Versions(name string) []Entry {
	return slices.DeleteFunc(l.sorted(), func(e Entry) bool { return e.Name != name })
}

// Active are the entries that run, by name.
func (l Lock) Active() []Entry {
	return slices.DeleteFunc(l.sorted(), func(e Entry) bool { return !e.Active })
}

// use makes a version the active one.
func (l *Lock) use(name, version string) {
	for i, e := range l.Entries {
		if e.Name == name {
			l.Entries[i].Active = e.Version == version
		}
	}
}

// drop takes a version out.
func (l *Lock) drop(name, version string) {
	l.Entries = slices.DeleteFunc(l.Entries, func(e Entry) bool { return e.Name == name && e.Version == version })
}

// check says what cannot be true of several entries together.
func (l Lock) check() error {
	seen, active := map[string]bool{}, map[string]bool{}
	for _, e := range l.Entries {
		switch {
		case seen[e.String()]:
			return fmt.Errorf("%s is there twice", e)
		case e.Active && active[e.Name]:
			return fmt.Errorf("two versions of %s are active", e.Name)
		case len(e.Hashes) == 0:
			return fmt.Errorf("%s has no digest: a line \"h1 PLATFORM DIGEST\" is missing", e)
		}
		seen[e.String()] = true
		active[e.Name] = active[e.Name] || e.Active
	}
	return nil
}

const lockHead = "# What plug-ins may run here. Written by \"twinleaf plugin\"; a change by hand is noticed.\n"

// Bytes is the lock as text: the same for equal locks.
func (l Lock) Bytes() []byte {
	var b strings.Builder
	b.WriteString(lockHead)
	for _, e := range l.sorted() {
		fmt.Fprintf(&b, "\n%s %s program=%s sdk=%d kind=%s signer=%s perms=%s schema=%s", e.Name, e.Version,
			e.Program, e.Protocol, joinKinds(e.Kinds), cmp.Or(e.Signer, "none"), e.Permissions, e.Schema)
		if e.Active {
			b.WriteString(" active")
		}
		b.WriteByte('\n')
		for _, platform := range slices.Sorted(maps.Keys(e.Hashes)) {
			fmt.Fprintf(&b, "  h1 %s %s\n", platform, e.Hashes[platform])
		}
	}
	return []byte(b.String())
}

// Bounds of a lock.
const (
	maxLock    = 4 << 20 // bytes
	maxEntries = 5000
	maxHashes  = 50 // platforms of an entry
)

var errTooBig = errors.New("it is too big")
