package store

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
)

// Finding is one thing of a store that is not as it should be.
type Finding struct {
	What   string `json:"what"`   // the plug-in or file
	Here   string `json:"here"`   // how it is
	There  string `json:"there"`  // how it should be
	Remedy string `json:"remedy"` // what to do
}

func (f Finding) String() string {
	return fmt.Sprintf("%s: %s; %s; %s", f.What, f.Here, f.There, f.Remedy)
}

// Audit reads every byte of every plug-in in the store, active or not, and gives all
// that is not as the lock and the signatures say.
func (s *Store) Audit(policy Policy) ([]Finding, error) {
	l, err := s.Lock()
	if err != nil {
		return []Finding{{LockFile, err.Error(), "it can be read", "mend that line, or take the lock from a backup"}}, nil
	}
	keys, err := s.Keys()
	if err != nil {
		return []Finding{{KeysFile, err.Error(), "it can be read", "mend that line"}}, nil
	}
	var found []Finding
	if err := s.writable(); err != nil {
		found = append(found, Finding{s.dir, err.Error(), "only its owner may change it", "chmod -R o-w " + s.dir})
	}
	for _, e := range l.sorted() {
		found = append(found, s.audit(e, keys, policy)...)
	}
	stray, err := s.strays(l)
	return append(found, stray...), err
}

func (s *Store) audit(e Entry, keys Keys, policy Policy) []Finding {
	again := fmt.Sprintf("twinleaf plugin remove %s %s, and add it again", e.Name, e.Version)
	var found []Finding
	if err := s.confirm(e, keys, policy); err != nil {
		found = append(found, Finding{e.String(), err.Error(), "its signer is in " + KeysFile, again + ", or trust the key"})
	}
	p := &Pin{Entry: e, where: LockFile}
	var err error
	if p.dir, err = s.Folder(p.Digest()); err == nil {
		err = p.Check()
	}
	if err != nil {
		found = append(found, Finding{e.String(), err.Error(), "its bytes are " + p.Digest(), again})
		return found
	}
	if err := p.ownManifest(); err != nil {
		found = append(found, Finding{e.String(), err.Error(), LockFile + " says what " + ManifestFile + " says", again})
	}
	return found
}

// strays are folders that the lock does not know.
func (s *Store) strays(l Lock) ([]Finding, error) {
	digests := s.left() // of what a running server may still use
	for _, e := range l.Entries {
		digests = slices.AppendSeq(digests, maps.Values(e.Hashes))
	}
	known := map[string]bool{}
	for _, h1 := range digests {
		if name, err := hexOf(h1); err == nil {
			known[name] = true
		}
	}
	entries, err := os.ReadDir(s.path("sha256"))
	var found []Finding
	for _, e := range entries {
		if !known[e.Name()] && !strings.HasPrefix(e.Name(), ".new-") {
			found = append(found, Finding{s.path("sha256", e.Name()), "a folder", "nothing: " + LockFile + " does not list it", "delete it"})
		}
	}
	return found, ignoreAbsent(err)
}
