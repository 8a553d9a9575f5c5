package journal

import (
	"fmt"

	"github.com/twinleaf-scan/twinleaf/core"
	"golang.org/x/sys/unix"
)

// freeSpace gives the bytes that are left on the disk of dir for this user.
func freeSpace(dir string) (int64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, fmt.Errorf("ask for the free space of %s: %w", dir, err)
	}
	return int64(s.Bavail) * int64(s.Bsize), nil
}

// checkSpace refuses a write that would eat into the reserve.
func (c Config) checkSpace(bytes int64) error {
	if c.Refuse != nil {
		if err := c.Refuse(); err != nil {
			return core.DataDown("write to the journal", err)
		}
	}
	if c.Reserve < 0 {
		return nil
	}
	free, err := c.free(c.Dir)
	if err != nil {
		return core.DataDown("write to the journal", err)
	}
	// What is written lies on disk twice for a moment when it is a batch.
	if left := free - 2*bytes; left < c.Reserve {
		return core.DataDown("write to the journal", fmt.Errorf(
			"%s has %d MiB free and %d MiB are held in reserve", c.Dir, free>>20, c.Reserve>>20))
	}
	return nil
}
