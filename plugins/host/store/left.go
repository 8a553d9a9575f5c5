package store

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/twinleaf-scan/twinleaf/internal/durable"
)

// leftFile lists h1 digests of files that the lock does not name any more and that a
// running server may still use, one a line.
const leftFile = "left"

// left are the digests in it. What cannot be read of it is not there: the files are
// strays then, which an audit tells.
func (s *Store) left() []string {
	text, err := readSmall(s.path(leftFile))
	if err != nil {
		return nil
	}
	return slices.DeleteFunc(strings.Fields(string(text)), func(h1 string) bool { _, err := hexOf(h1); return err != nil })
}

// keepLeft is how long they stay after the last of them was left.
const keepLeft = 7 * 24 * time.Hour

// clearLeft deletes the files that were left long ago, unless the lock has come to name
// them again.
func (s *Store) clearLeft(l Lock, now time.Time) error {
	info, err := os.Stat(s.path(leftFile))
	if err != nil {
		return ignoreAbsent(err)
	}
	if now.Sub(info.ModTime()) < keepLeft {
		return nil
	}
	var errs []error
	for _, h1 := range s.left() {
		if !l.uses(h1) {
			errs = append(errs, s.deleteFolder(h1))
		}
	}
	return errors.Join(append(errs, os.Remove(s.path(leftFile)))...)
}

// leave notes the files of active versions that will not be named any more.
func (s *Store) leave(have, next Lock) error {
	left := s.left()
	before := len(left)
	for _, e := range have.Active() {
		for _, h1 := range e.Hashes {
			if !next.uses(h1) {
				left = append(left, h1)
			}
		}
	}
	if len(left) == before {
		return nil
	}
	slices.Sort(left)
	return durable.Write(s.path(leftFile), []byte(strings.Join(slices.Compact(left), "\n")+"\n"), 0o644)
}

// dropUnused deletes the files and signatures of versions that are not named any more and
// were not active.
func (s *Store) dropUnused(have, next Lock) error {
	left := s.left()
	var errs []error
	for _, e := range have.Entries {
		if now, there := next.Find(e.Name, e.Version); !there || now.Signer == "" {
			errs = append(errs, ignoreAbsent(os.Remove(s.signedFile(e))))
		}
		for h1 := range maps.Values(e.Hashes) {
			if !next.uses(h1) && !slices.Contains(left, h1) {
				errs = append(errs, s.deleteFolder(h1))
			}
		}
	}
	return errors.Join(errs...)
}

func (s *Store) deleteFolder(h1 string) error {
	folder, err := s.Folder(h1)
	if err != nil {
		return err
	}
	return removeSealed(folder)
}

// uses reports whether an entry has a digest.
func (l Lock) uses(h1 string) bool {
	return slices.ContainsFunc(l.Entries, func(e Entry) bool {
		return slices.Contains(slices.Collect(maps.Values(e.Hashes)), h1)
	})
}

// Changes says in words what makes the lock to out of the lock from, in the order of names.
func Changes(from, to Lock) []string {
	var all []string
	for _, e := range to.sorted() {
		old, there := from.Find(e.Name, e.Version)
		switch {
		case !there:
			all = append(all, fmt.Sprintf("%s: added%s", e, becomes(e)))
		case !equalBut(old, e):
			all = append(all, fmt.Sprintf("%s: replaced by other files of this version%s", e, becomes(e)))
		case old.Active != e.Active && e.Active:
			all = append(all, fmt.Sprintf("%s: active now", e))
		case old.Active != e.Active:
			all = append(all, fmt.Sprintf("%s: not active any more", e))
		}
	}
	for _, e := range from.sorted() {
		if _, there := to.Find(e.Name, e.Version); !there {
			all = append(all, fmt.Sprintf("%s: removed", e))
		}
	}
	return all
}

func becomes(e Entry) string {
	if e.Active {
		return " and active"
	}
	return ""
}

// equalBut is Equal whether active or not.
func equalBut(a, b Entry) bool {
	a.Active = b.Active
	return a.Equal(b)
}
