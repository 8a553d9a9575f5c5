package journal

import (
	"errors"
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
	if c.Reserve < 0 {
		return nil
	}
	free, err := c.free(c.Dir)
	if err != nil {
		return dataDown("write to the journal", err)
	}
	// What is written lies on disk twice for a moment when it is a batch.
	if left := free - 2*bytes; left < c.Reserve {
		return dataDown("write to the journal", fmt.Errorf(
			"%s has %d MiB free and %d MiB are held in reserve", c.Dir, free>>20, c.Reserve>>20))
	}
	return nil
}

// dataDown is the failure of a journal that cannot do its work for now.
func dataDown(what string, err error) error {
	var f *core.Failure
	if errors.As(err, &f) {
		return err
	}
	return &failure{
		Failure: core.Failure{
			Code:   core.CodeDataDown,
			Detail: fmt.Sprintf("cannot %s: %v", what, err),
			Remedy: "free space on the disk of the data folder or mount it again; the server goes on by itself",
		},
		cause: err,
	}
}

// failure is a core.Failure that keeps the error it came from.
type failure struct {
	core.Failure
	cause error
}

func (f *failure) Unwrap() []error { return []error{&f.Failure, f.cause} }
