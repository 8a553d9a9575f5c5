package host

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/twinleaf-scan/twinleaf/core"
)

// ready makes sure that a folder which settings grant is there and is one that a plug-in
// may have. The operator's word is not enough for folders that would let a plug-in
// change the server, its plug-ins or the system.
func (h *Host) ready(f folder) error {
	if err := h.allowed(f); err != nil { // before anything is made
		return err
	}
	if f.create {
		if err := os.MkdirAll(f.path, 0o777); err != nil {
			return noFolder(f.path, err)
		}
	}
	info, err := os.Stat(f.path)
	if err != nil {
		return noFolder(f.path, err)
	}
	if !info.IsDir() {
		return noFolder(f.path, unix.ENOTDIR)
	}
	return nil
}

// allowed says whether a plug-in may have a folder, be it there or not.
func (h *Host) allowed(f folder) error {
	why := h.reserved(resolved(f.path))
	if why == "" {
		return nil
	}
	return &core.Failure{
		Code: "settings", Detail: fmt.Sprintf("no plug-in may write to %s: %s", f.path, why),
		Remedy: "choose a folder that holds nothing but documents", Permanent: true,
	}
}

// resolved follows the links in as much of a path as there is.
func resolved(path string) string {
	for dir, rest := path, ""; ; dir, rest = filepath.Dir(dir), filepath.Join(filepath.Base(dir), rest) {
		if real, err := filepath.EvalSymlinks(dir); err == nil {
			return filepath.Join(real, rest)
		}
		if dir == filepath.Dir(dir) {
			return path
		}
	}
}

// noFolder is temporary: a share may come back, a person may make the folder.
func noFolder(path string, err error) error {
	remedy := "look at the folder " + path + "; the delivery is tried again by itself"
	switch {
	case errors.Is(err, os.ErrPermission):
		remedy = "let the server's user write to " + path
	case errors.Is(err, os.ErrNotExist), errors.Is(err, unix.ENOTDIR):
		remedy = "make the folder " + path + ", or mount the share that it is on"
	}
	return &core.Failure{Code: core.CodeDestination, Detail: "folder for a plug-in: " + err.Error(), Remedy: remedy}
}

// reserved says why a folder is none for plug-ins. path has no links in it.
func (h *Host) reserved(path string) string {
	for _, own := range append([]string{h.config.Dir, h.config.Spool, h.config.Run}, h.config.Private...) {
		real, err := filepath.EvalSymlinks(own)
		if err != nil {
			continue // what is not there cannot be written to
		}
		if below(path, real) || below(real, path) {
			return "it is or holds a folder of the server's own, " + own
		}
	}
	for _, system := range []string{"/bin", "/boot", "/dev", "/etc", "/lib", "/lib64", "/proc", "/sbin", "/sys", "/usr"} {
		if below(path, system) && !below(path, "/dev/shm") || path == "/" {
			return "it belongs to the system"
		}
	}
	return ""
}

// below reports whether path is folder or lies below it.
func below(path, folder string) bool {
	return path == folder || strings.HasPrefix(path, strings.TrimSuffix(folder, "/")+"/")
}
