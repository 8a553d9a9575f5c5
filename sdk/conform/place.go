package conform

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	pluginv2 "github.com/twinleaf-scan/twinleaf/sdk/proto/v2"
)

// slotKey names a process's folder in its environment and its children's, as the
// server does; by it strays are found.
const slotKey = "TWINLEAF_SLOT"

// newPlace makes the folders of one process.
func (s *suite) newPlace() (Place, error) {
	s.places++
	dir := filepath.Join(s.base, strconv.Itoa(s.places))
	p := Place{
		Bin: s.Bin, Dir: dir, In: filepath.Join(dir, "in"), Out: filepath.Join(dir, "out"), Tmp: filepath.Join(dir, "tmp"),
		Sockets: filepath.Join(dir, "s"), Grant: filepath.Join(s.base, "granted"), Permissions: s.manifest.Permissions,
	}
	for _, d := range []string{p.In, p.Out, p.Tmp, p.Sockets, p.Grant} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return p, fmt.Errorf("folder for a process: %w", err)
		}
	}
	p.Env = []string{
		"PATH=/usr/local/bin:/usr/bin:/bin", "LANG=C.UTF-8", "HOME=" + p.Tmp, "TMPDIR=" + p.Tmp, "OMP_THREAD_LIMIT=1",
		slotKey + "=" + dir,
		pluginv2.CookieKey + "=" + pluginv2.CookieValue, pluginv2.LeashKey + "=stdin",
		"PLUGIN_PROTOCOL_VERSIONS=" + strconv.Itoa(pluginv2.Generation), "PLUGIN_UNIX_SOCKET_DIR=" + p.Sockets,
	}
	return p, nil
}

// command starts the program in a place.
func (s *suite) command(p Place) (*exec.Cmd, error) {
	if s.Launch != nil {
		return s.Launch(p)
	}
	cmd := exec.Command(p.Bin, p.Args...)
	cmd.Env, cmd.Dir = p.Env, p.Tmp
	detach(cmd)
	return cmd, nil
}

// clear empties the folders of a call, as a server does after each.
func (p Place) clear() error {
	var errs []error
	for _, d := range []string{p.In, p.Out, p.Tmp} {
		entries, err := os.ReadDir(d)
		errs = append(errs, err)
		for _, e := range entries {
			errs = append(errs, os.RemoveAll(filepath.Join(d, e.Name())))
		}
	}
	return errors.Join(errs...)
}
