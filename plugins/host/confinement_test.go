package host

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/twinleaf-scan/twinleaf/plugins/host/sandbox"
	"github.com/twinleaf-scan/twinleaf/plugins/host/store"
	"github.com/twinleaf-scan/twinleaf/sdk"
)

func TestThePolicyKeepsAddedPluginsFromWeakSandboxes(t *testing.T) {
	added := newPlugin("/store/added")
	added.stored, added.pin = true, &store.Pin{Entry: store.Entry{Name: "added"}}
	for _, test := range []struct {
		level  sandbox.Level
		policy sandbox.Policy
		runs   bool
	}{
		{sandbox.None, "", true}, {sandbox.None, sandbox.BestEffort, true}, {sandbox.RLimit, sandbox.RequireLandlock, false},
		{sandbox.Landlock, sandbox.RequireLandlock, true}, {sandbox.Landlock, sandbox.RequireFull, false}, {sandbox.Full, sandbox.RequireFull, true},
	} {
		h := &Host{config: Config{Sandbox: test.policy}, sandbox: sandbox.Assume(test.level)}
		err := h.permits(added)
		if (err == nil) != test.runs || err != nil && !strings.Contains(err.Error(), "reaches level "+test.level.String()+" only") {
			t.Errorf("%s with %q: %v, want it to run: %v", test.level, test.policy, err, test.runs)
		}
		if err := h.permits(newPlugin("/bundled")); err != nil {
			t.Errorf("%s with %q: what comes with the server: %v", test.level, test.policy, err)
		}
	}
}

// On level rlimit the user is all that keeps a stranger from the server's data.
func TestAStrangerIsNotRunAsRoot(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("under an ordinary user nothing runs as root")
	}
	roots, others := t.TempDir(), t.TempDir()
	must(t, os.Chown(others, nobody, nobody))
	stranger, own := newPlugin("/store/stranger"), newPlugin("/own")
	stranger.stored = true
	for _, test := range []struct {
		level  sandbox.Level
		plugin *plugin
		writes []string
		runs   bool
	}{
		{sandbox.RLimit, stranger, []string{roots}, false}, {sandbox.RLimit, stranger, []string{roots, others}, false},
		{sandbox.RLimit, stranger, []string{others}, true}, {sandbox.RLimit, stranger, nil, true},
		{sandbox.RLimit, own, []string{roots}, true}, {sandbox.Landlock, stranger, []string{roots}, true}, {sandbox.Full, stranger, []string{roots}, true},
	} {
		h := &Host{sandbox: sandbox.Assume(test.level)}
		err := h.notAsRoot(test.plugin, test.writes)
		if (err == nil) != test.runs {
			t.Errorf("%s on %s with %v: %v", test.plugin.file(), test.level, test.writes, err)
		}
	}
}

// Whatever user a plug-in runs as, what is taken from it is the server's alone.
func TestOutputsBecomeTheServers(t *testing.T) {
	h := open(t, Config{Workers: 1}, "fault")
	_, dir, err := clean(t, h, "good")
	must(t, err)
	info, err := os.Stat(filepath.Join(dir, "good.bin"))
	must(t, err)
	stat := info.Sys().(*syscall.Stat_t)
	if int(stat.Uid) != os.Geteuid() || int(stat.Gid) != os.Getegid() || info.Mode() != 0o600 {
		t.Errorf("user %d, group %d, mode %v, want %d, %d and 0600", stat.Uid, stat.Gid, info.Mode(), os.Geteuid(), os.Getegid())
	}
}

// The very file is handed over only where the process cannot change it and may read it.
func TestInputsAreLinkedOrCopied(t *testing.T) {
	other := os.Geteuid() + 1
	for _, test := range []struct {
		what   string
		level  sandbox.Level
		uid    int
		mode   os.FileMode
		linked bool
	}{
		{"own user, file of its own", sandbox.Full, os.Geteuid(), 0o600, true},
		{"another user, readable", sandbox.Full, other, 0o444, true},
		{"another user, private", sandbox.Full, other, 0o600, false},
		{"no file system of its own", sandbox.Landlock, os.Geteuid(), 0o444, false},
	} {
		s, err := newSlot(filepath.Join(t.TempDir(), "slot"))
		must(t, err)
		s.uid, s.links = test.uid, test.level == sandbox.Full
		input := filepath.Join(t.TempDir(), "input.pgm")
		must(t, os.WriteFile(input, []byte("page"), test.mode))
		placed, err := s.place(input, "input.pgm")
		must(t, err)
		from, err := os.Stat(input)
		must(t, err)
		to, err := os.Stat(placed)
		must(t, err)
		if got := os.SameFile(from, to); got != test.linked {
			t.Errorf("%s: linked = %v, want %v", test.what, got, test.linked)
		}
		if !test.linked && to.Mode() != 0o444 {
			t.Errorf("%s: the copy has mode %v, want 0444", test.what, to.Mode())
		}
	}
}

// A stranger that runs as the server's own user could keep an output open and change it
// after it was taken: it is copied.
func TestOutputsOfStrangersOfTheSameUserAreCopied(t *testing.T) {
	for stranger, same := range map[bool]bool{true: false, false: true} {
		s, err := newSlot(filepath.Join(t.TempDir(), "slot"))
		must(t, err)
		must(t, s.give(sandbox.Spec{Level: sandbox.Full, UID: os.Geteuid(), GID: os.Getegid()}, stranger))
		out := filepath.Join(s.out, "page.png")
		must(t, os.WriteFile(out, []byte("page"), 0o600))
		before, err := os.Stat(out)
		must(t, err)
		to := filepath.Join(t.TempDir(), "taken.png")
		must(t, s.take(out, to, 100))
		after, err := os.Stat(to)
		must(t, err)
		if os.SameFile(before, after) != same {
			t.Errorf("stranger %v: the same file = %v, want %v", stranger, !same, same)
		}
	}
}

func TestOnlyWhatAFirstProcessLacksNeedsASecond(t *testing.T) {
	for _, test := range []struct {
		asks  sdk.Permissions
		wants bool
	}{
		{sdk.Permissions{}, false}, {sdk.Permissions{MemoryMB: 100, Net: []string{"a.example:443"}}, false},
		{sdk.Permissions{Exec: []string{"sh"}}, true}, {sdk.Permissions{SharedMem: true}, true}, {sdk.Permissions{CPUSeconds: 1}, true},
	} {
		if got := wants(test.asks); got != test.wants {
			t.Errorf("%+v: %v, want %v", test.asks, got, test.wants)
		}
	}
}

func TestFoldersThatHoldMoreThanProgramsAreNotShown(t *testing.T) {
	home, err := os.UserHomeDir()
	must(t, err)
	for dir, want := range map[string]bool{"/": true, "/tmp": true, home: true, filepath.Dir(home): true, filepath.Join(home, "plugins"): false, "/usr/lib/twinleaf/plugins": false} {
		if got := wide(dir); got != want {
			t.Errorf("%s: %v, want %v", dir, got, want)
		}
	}
}
