package sandbox

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// systemFiles are what programs need of a system to run: libraries, fonts, time
// zones, certificates. None of them is secret.
func systemFiles() []string {
	return []string{
		"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/opt",
		"/etc/alternatives", "/etc/fonts", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/localtime",
		"/etc/mime.types", "/etc/pki/ca-trust", "/etc/pki/tls", "/etc/ca-certificates", "/etc/ssl/certs", "/etc/ssl/cert.pem", "/etc/ssl/openssl.cnf",
		"/nix/store", "/var/cache/fontconfig",
	}
}

// devices are those that every process has.
func devices() []string {
	return []string{"/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"}
}

// Sizes of the file systems in memory.
const (
	rootSize = "size=1m,nr_inodes=8k,mode=755"
	tmpSize  = "size=64m,nr_inodes=64k,mode=1777"
)

// A tree is a part of the host's files that is going to be seen at the same path.
type tree struct {
	path string
	fd   int // a mount that is attached nowhere yet
	dir  bool
}

// ownFiles gives this process a file system with nothing in it but what s names.
func (s Spec) ownFiles() error {
	if os.Getpid() != 1 {
		return errors.New("this process has no namespaces of its own: what it mounts would be seen by all")
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("part with the host's mounts: %w", err)
	}
	trees, links, err := s.trees() // before anything can hide them
	if err != nil {
		return err
	}
	root, err := newRoot()
	if err != nil {
		return err
	}
	if err := s.furnish(root); err != nil {
		return err
	}
	for path, target := range links {
		if err := os.Symlink(target, filepath.Join(root, path)); err != nil {
			return err
		}
	}
	for _, t := range trees {
		if err := t.attach(root); err != nil {
			return fmt.Errorf("show %s: %w", t.path, err)
		}
	}
	return enter(root)
}

// trees detaches copies of what s names, and gives apart what is a symbolic link of
// the system's, such as /bin.
func (s Spec) trees() ([]tree, map[string]string, error) {
	const readOnly = unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV
	var all []tree
	links := map[string]string{}
	add := func(path string, attr uint64, optional bool) error {
		t, err := clone(path, attr)
		if optional && errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("take %s: %w", path, err)
		}
		t.path = through(links, path)
		all = append(all, t)
		return nil
	}
	var errs []error
	for _, path := range systemFiles() {
		if target, err := os.Readlink(path); err == nil && filepath.Dir(path) == "/" {
			links[path] = target
			continue
		}
		errs = append(errs, add(path, readOnly, true))
	}
	for _, path := range devices() {
		errs = append(errs, add(path, unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NOEXEC, true))
	}
	for _, path := range s.readable() {
		errs = append(errs, add(path, readOnly, false))
	}
	for _, path := range s.Write {
		errs = append(errs, add(path, unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV, false))
	}
	for _, path := range s.Grants {
		errs = append(errs, add(path, unix.MOUNT_ATTR_NOSUID|unix.MOUNT_ATTR_NODEV|unix.MOUNT_ATTR_NOEXEC, true))
	}
	// Parents first, so that a tree inside another is seen; of equal ones the later counts.
	slices.SortStableFunc(all, func(a, b tree) int { return cmp.Compare(a.path, b.path) })
	return all, links, errors.Join(errs...)
}

// through is where a path leads that begins with one of the links in the root folder.
func through(links map[string]string, path string) string {
	first, rest, _ := strings.Cut(path[1:], "/")
	if target, ok := links["/"+first]; ok {
		return filepath.Join("/", target, rest)
	}
	return path
}

func clone(path string, attr uint64) (tree, error) {
	fd, err := unix.OpenTree(unix.AT_FDCWD, path, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_RECURSIVE)
	if err != nil {
		return tree{}, err
	}
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return tree{}, err
	}
	err = unix.MountSetattr(fd, "", unix.AT_EMPTY_PATH|unix.AT_RECURSIVE, &unix.MountAttr{Attr_set: attr})
	return tree{path, fd, st.Mode&unix.S_IFMT == unix.S_IFDIR}, err
}

// newRoot mounts an empty file system on a folder that every system has.
func newRoot() (string, error) {
	var errs []error
	for _, dir := range []string{"/tmp", "/mnt", "/run", "/var"} {
		err := unix.Mount("tmpfs", dir, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, rootSize)
		if err == nil {
			return dir, nil
		}
		errs = append(errs, fmt.Errorf("mount a tmpfs on %s: %w", dir, err))
	}
	return "", errors.Join(errs...)
}

// furnish makes what is not taken from the host.
func (s Spec) furnish(root string) error {
	tmp := []string{"/tmp"}
	if s.SharedMem {
		tmp = append(tmp, "/dev/shm")
	}
	for _, dir := range append([]string{"/dev", "/proc"}, tmp...) {
		if err := os.MkdirAll(root+dir, 0o755); err != nil {
			return err
		}
	}
	for _, dir := range tmp {
		if err := unix.Mount("tmpfs", root+dir, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, tmpSize); err != nil {
			return fmt.Errorf("mount a tmpfs on %s: %w", dir, err)
		}
	}
	for name, target := range map[string]string{"fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2"} {
		if err := os.Symlink(target, root+"/dev/"+name); err != nil {
			return err
		}
	}
	if err := unix.Mount("proc", root+"/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC|unix.MS_RDONLY, "hidepid=2"); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	return unix.Sethostname([]byte("plugin"))
}

// attach shows a tree below root at its own path.
func (t tree) attach(root string) error {
	at := root + t.path
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
		return err
	}
	if err := t.placeholder(at); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	if err := unix.MoveMount(t.fd, "", unix.AT_FDCWD, at, unix.MOVE_MOUNT_F_EMPTY_PATH); err != nil {
		return err
	}
	return unix.Close(t.fd)
}

func (t tree) placeholder(at string) error {
	if t.dir {
		return os.Mkdir(at, 0o755)
	}
	f, err := os.OpenFile(at, os.O_CREATE|os.O_EXCL, 0o444)
	if err != nil {
		return err
	}
	return f.Close()
}

// enter makes root the only file system there is, and keeps it as it is.
func enter(root string) error {
	if err := unix.Chdir(root); err != nil {
		return err
	}
	if err := unix.PivotRoot(".", "."); err != nil {
		return fmt.Errorf("change the root: %w", err)
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("let go of the host's root: %w", err)
	}
	if err := unix.Chdir("/"); err != nil {
		return err
	}
	attr := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOEXEC}
	if err := unix.MountSetattr(unix.AT_FDCWD, "/", 0, &attr); err != nil {
		return fmt.Errorf("make the root read-only: %w", err)
	}
	return nil
}
