package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/twinleaf-scan/twinleaf/plugins/host/sandbox"
)

// confinement finds out how far plug-ins can be confined, says it, and prepares this
// process for it.
func (h *Host) confinement(ctx context.Context) error {
	if h.config.Level != 0 {
		h.sandbox = sandbox.Assume(h.config.Level)
	} else {
		h.sandbox = sandbox.Probe(ctx)
	}
	say := h.log.Info
	if h.sandbox.Level < sandbox.Full {
		say = h.log.Warn
	}
	say("sandbox of plug-ins", "reached", h.sandbox.Level.String(), "why", h.sandbox.Why(), "hint", h.sandbox.Hint(), "notEnforced", h.sandbox.Unenforced)
	if h.private() {
		return unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0)
	}
	return nil
}

// private reports whether plug-ins run as the host's own user without namespaces of
// their own: then this process is closed to all others of the user, for as long as
// the host is open.
func (h *Host) private() bool { return h.sandbox.Level < sandbox.Full && os.Geteuid() != 0 }

func (h *Host) unprivate() error {
	if !h.private() {
		return nil
	}
	return unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0)
}

// Sandbox tells how far plug-ins are confined.
func (h *Host) Sandbox() sandbox.Report { return h.sandbox }

// visited reports whether processes of other users walk through the host's folders:
// under root, where they have no file system of their own.
func (h *Host) visited() bool {
	return os.Geteuid() == 0 && (h.sandbox.Level == sandbox.Landlock || h.sandbox.Level == sandbox.RLimit)
}

// passable gives base, or where other users cannot walk through the folders above it
// but have to, one of the same name where they can.
func (h *Host) passable(base string) (string, error) {
	if !h.visited() {
		return base, nil
	}
	var errs []error
	for _, dir := range []string{base, filepath.Join(os.TempDir(), "twinleaf-0-"+filepath.Base(base)), "/var/tmp/twinleaf-0-" + filepath.Base(base)} {
		err := walkable(filepath.Dir(dir))
		if err == nil {
			return dir, nil
		}
		errs = append(errs, err)
	}
	return "", fmt.Errorf("plug-ins of other users need a folder that they can enter: %w", errors.Join(errs...))
}

// walkable checks that everybody may go through dir; what is missing is made later.
func walkable(dir string) error {
	for ; ; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if err == nil && info.Mode().Perm()&0o001 == 0 {
			return fmt.Errorf("others may not enter %s", dir)
		}
		if dir == filepath.Dir(dir) {
			return nil
		}
	}
}

// passage lets processes of other users walk through a claim to what is theirs; they
// cannot see what else there is.
func (h *Host) passage(c *claim) error {
	if !h.visited() {
		return nil
	}
	return errors.Join(os.Chmod(filepath.Dir(c.dir), 0o711), os.Chmod(c.dir, 0o711))
}
