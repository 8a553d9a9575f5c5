package journal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// lockDir takes the folder for this process. The lock goes with the process,
// however that ends.
func lockDir(dir string) (*os.File, error) {
	path := filepath.Join(dir, "lock")
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the journal: %w", err)
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		holder, _ := os.ReadFile(path) // only for the message
		f.Close()
		return nil, fmt.Errorf("lock the journal in %s (held by process %s): %w\nhint: stop the other server, or give this one a data folder of its own",
			dir, strings.TrimSpace(string(holder)), ErrLocked)
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("lock the journal in %s: %w", dir, err)
	}
	writePID(f)
	return f, nil
}

// writePID names the holder for the message of whoever comes second. On a full
// disk there is no name; the lock holds all the same.
func writePID(f *os.File) {
	if f.Truncate(0) == nil {
		_, _ = fmt.Fprintf(f, "%d\n", os.Getpid())
	}
}
