package store

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestWhatIsAddedRunsAsLongAsNothingChanges(t *testing.T) {
	s := newStore(t)
	c := add(t, s, pack(t, "1.0.0", ""))
	p := onlyPin(t, s, Policy{})
	if err := p.Check(); err != nil {
		t.Fatal(err)
	}
	if !c.Entry.Active || p.Digest() != c.Entry.Hash(Platform()) {
		t.Errorf("entry %+v", p.Entry)
	}
	if err := p.CheckManifest(manifest("1.0.0")); err != nil {
		t.Error(err)
	}
	grown := manifest("1.0.1")
	grown.Permissions.Net = []string{"evil.example:443"}
	err := p.CheckManifest(grown)
	wantError(t, err, "version is 1.0.1, plugins.lock says 1.0.0")
	wantError(t, err, "permissions is net:evil.example:443,memory:64, plugins.lock says memory:64")

	program := p.Program()
	if err := os.Chmod(program, 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, program, "#!/bin/sh\n# 1.0.1\n", 0o755)
	wantError(t, p.Check(), "the bytes of example.invert 1.0.0 have changed")
	found, err := s.Audit(Policy{})
	if err != nil || len(found) != 1 || !strings.Contains(found[0].Here, "have changed") {
		t.Errorf("audit finds %v (%v)", found, err)
	}
	write(t, program, "#!/bin/sh\n# 1.0.0\n", 0o755)
	if err := p.Check(); err != nil {
		t.Errorf("as it was before: %v", err)
	}
	if err := os.Chmod(filepath.Dir(program), 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(filepath.Dir(program), "more"), "", 0o644)
	wantError(t, p.Check(), "have changed")
	if err := os.Remove(filepath.Join(filepath.Dir(program), "more")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/bin/sh", filepath.Join(filepath.Dir(program), "more")); err != nil {
		t.Fatal(err)
	}
	wantError(t, p.Check(), "is no plain file")
}

func TestBytesAreReadAgainOnlyWhenAFileWasTouched(t *testing.T) {
	s := newStore(t)
	add(t, s, pack(t, "1.0.0", ""))
	p := onlyPin(t, s, Policy{})
	if err := p.Check(); err != nil {
		t.Fatal(err)
	}
	if p.lasting {
		t.Error("a file that was written a moment ago is taken for settled")
	}
	_, files, err := digestOf(p.dir)
	if err != nil {
		t.Fatal(err)
	}
	if now := time.Now(); files.settled(now) || !files.settled(now.Add(settled)) {
		t.Error("files settle at another time")
	}
	p.good, p.lasting = files, true
	if err := p.Unchanged(); err != nil {
		t.Error(err)
	}
	if err := os.Chtimes(p.Program(), time.Now(), time.Now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	wantError(t, p.Unchanged(), "were touched")
	if err := p.Check(); err != nil {
		t.Errorf("its bytes are the same: %v", err)
	}
	if err := p.Unchanged(); err != nil {
		t.Error(err)
	}
	away := p.dir + ".away"
	if err := errors.Join(os.Rename(p.dir, away), os.Rename(away, p.dir)); err != nil {
		t.Fatal(err)
	}
	wantError(t, p.Unchanged(), "were touched")
}

func TestALockChangedByHandIsNoticed(t *testing.T) {
	for _, c := range []struct{ name, old, now, want string }{
		{"version", "1.0.0", "1.0.1", "version is 1.0.0, plugins.lock says 1.0.1"},
		{"permissions", "perms=memory:64", "perms=none", "permissions is memory:64, plugins.lock says none"},
		{"program", "program=invert", "program=data/words", "program is invert, plugins.lock says data/words"},
		{"kind", "kind=filter", "kind=reader", "kind is filter, plugins.lock says reader"},
		{"digest", "h1:", "h1:" + strings.Repeat("A", 4), "is no h1 digest"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStore(t)
			add(t, s, pack(t, "1.0.0", ""))
			text := strings.Replace(string(mustRead(t, s.path(LockFile))), c.old, c.now, 1)
			write(t, s.path(LockFile), text, 0o644)
			pins, err := s.Pins(Policy{})
			if err == nil {
				err = pins[0].Check()
			}
			wantError(t, err, c.want)
		})
	}
}

func TestAStoreThatEverybodyMayChangeIsNotUsed(t *testing.T) {
	s := newStore(t)
	add(t, s, pack(t, "1.0.0", ""))
	if err := os.Chmod(s.path("sha256"), 0o777); err != nil {
		t.Fatal(err)
	}
	_, err := s.Pins(Policy{})
	wantError(t, err, "can be changed by every user")
}

func TestTheLockOfAFolderHoldsItsPrograms(t *testing.T) {
	dir := t.TempDir()
	if _, locked, err := FolderPins(dir); locked || err != nil {
		t.Fatalf("without a lock: %v %v", locked, err)
	}
	write(t, filepath.Join(dir, "invert"), "#!/bin/sh\n", 0o755)
	write(t, filepath.Join(dir, "README"), "", 0o644)
	l, err := LockFolder(t.Context(), dir, says(manifest("1.0.0")))
	if err != nil || len(l.Entries) != 1 {
		t.Fatalf("%+v %v", l, err)
	}
	pins, locked, err := FolderPins(dir)
	if err != nil || !locked || len(pins) != 1 {
		t.Fatalf("%v %v %v", pins, locked, err)
	}
	p := pins["invert"]
	if err := errors.Join(p.Check(), p.CheckManifest(manifest("1.0.0"))); err != nil {
		t.Error(err)
	}
	write(t, filepath.Join(dir, "README"), "read me", 0o644)
	if err := p.Check(); err != nil {
		t.Errorf("another file does not matter: %v", err)
	}
	write(t, filepath.Join(dir, "invert"), "#!/bin/bash\n", 0o755)
	wantError(t, p.Check(), "have changed")
	if err := errors.Join(os.Rename(filepath.Join(dir, "invert"), filepath.Join(dir, "_invert")), os.Symlink("_invert", filepath.Join(dir, "invert"))); err != nil {
		t.Fatal(err)
	}
	wantError(t, p.Check(), "is a link")
	write(t, filepath.Join(dir, LockFile), "garbage\n", 0o644)
	_, _, err = FolderPins(dir)
	wantError(t, err, "line 1")
}
