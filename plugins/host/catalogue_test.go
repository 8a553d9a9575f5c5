package host

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/plugins/host/store"
	"github.com/twinleaf-scan/twinleaf/sdk"
)

// copyFault puts the fault plug-in itself into a folder: a lock wants no links.
func copyFault(t testing.TB, dir, name string) string {
	t.Helper()
	from, err := buildFault()
	must(t, err)
	content, err := os.ReadFile(from)
	must(t, err)
	to := filepath.Join(dir, name)
	must(t, os.WriteFile(to, content, 0o755))
	return to
}

// describe is what fault says, without starting it each time.
func describe(t testing.TB) store.Describer {
	return func(ctx context.Context, program string) (sdk.Manifest, error) {
		d, err := Describe(ctx, Config{Spool: t.TempDir()}, program)
		return d.Manifest, err
	}
}

func statusOf(t testing.TB, h *Host, name string) Status {
	t.Helper()
	for _, s := range h.List() {
		if s.Name == name {
			return s
		}
	}
	t.Fatalf("no plug-in %s in %+v", name, h.List())
	return Status{}
}

func TestAFolderWithALockRunsNothingElse(t *testing.T) {
	dir := t.TempDir()
	copyFault(t, dir, "fault")
	_, err := store.LockFolder(t.Context(), dir, describe(t))
	must(t, err)
	copyFault(t, dir, "other")
	h := open(t, Config{Dir: dir, Workers: 1})
	good, other := statusOf(t, h, "fault"), statusOf(t, h, "other")
	if good.Problem != "" || good.Stored || !strings.HasPrefix(good.Digest, "h1:") || good.Schema == "" || good.Permissions == "" {
		t.Errorf("status of the listed program = %+v", good)
	}
	if !strings.Contains(other.Problem, "other is not listed in "+filepath.Join(dir, store.LockFile)) {
		t.Errorf("the problem of the other is %q", other.Problem)
	}
	wantFine(t, h)
}

// The digest of a program is the same with and without a lock, or servers could not
// be compared.
func TestAProgramHasOneDigest(t *testing.T) {
	dir := t.TempDir()
	copyFault(t, dir, "fault")
	before := statusOf(t, open(t, Config{Dir: dir, Workers: 1}), "fault").Identity
	_, err := store.LockFolder(t.Context(), dir, describe(t))
	must(t, err)
	if after := statusOf(t, open(t, Config{Dir: dir, Workers: 1}), "fault").Identity; before != after {
		t.Errorf("without a lock %+v, with one %+v", before, after)
	}
}

// A program that is exchanged under a running server is not started again.
func TestAProgramThatChangesIsNotStartedAgain(t *testing.T) {
	dir := t.TempDir()
	program := copyFault(t, dir, "fault")
	_, err := store.LockFolder(t.Context(), dir, describe(t))
	must(t, err)
	h := open(t, Config{Dir: dir, Workers: 1})
	wantFine(t, h)
	content, err := os.ReadFile(program)
	must(t, err)
	must(t, os.WriteFile(program+".new", append(content, "one line more\n"...), 0o755))
	must(t, os.Rename(program+".new", program))
	_, _, err = clean(t, h, "crash") // the call is tried again in a new process
	wantFailure(t, err, core.CodePlugin, false, "the bytes of fault 1.0.0 have changed")
}

func TestALockThatCannotBeReadStopsOnlyItsStore(t *testing.T) {
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, store.LockFile), []byte("garbage\n"), 0o644))
	h := open(t, Config{Store: dir}, "fault")
	wantFine(t, h)
	if s := statusOf(t, h, store.LockFile); !strings.Contains(s.Problem, "plugins.lock, line 1") {
		t.Errorf("the problem is %q", s.Problem)
	}
}

func TestAnythingIsDescribedButGarbage(t *testing.T) {
	path, err := buildFault()
	must(t, err)
	d, err := Describe(t.Context(), Config{Spool: t.TempDir()}, path)
	if err != nil || d.Manifest.Name != "fault" || d.Status.Sandbox == "" {
		t.Errorf("%+v, %v", d, err)
	}
	_, err = Describe(t.Context(), Config{Spool: t.TempDir()}, "/etc/passwd")
	if err == nil || !strings.Contains(err.Error(), "is no executable file") {
		t.Errorf("/etc/passwd: %v", err)
	}
	_, err = Describe(t.Context(), Config{Spool: t.TempDir()}, "/bin/true")
	if err == nil || !strings.Contains(err.Error(), "no handshake") {
		t.Errorf("/bin/true: %v", err)
	}
}
