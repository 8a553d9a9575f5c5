package poppler

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Health is what qpdf thinks of a file's structure.
type Health int

// The answers of Check.
const (
	Sound    Health = iota
	Damaged         // qpdf can mend it
	Hopeless        // qpdf cannot read it
	Locked          // the password does not open it
)

// Check reads the structure of a file and counts its pages; it decodes no page.
func (t Tools) Check(ctx context.Context, path, password string) (Health, string, error) {
	_, err := t.run(ctx, password, 64, "qpdf", "--password-file=-", "--show-npages", path)
	var exit *ExitError
	switch {
	case err == nil:
		return Sound, "", nil
	case !errors.As(err, &exit):
		return Hopeless, "", err
	case exit.Status == 3:
		return Damaged, exit.Said, nil
	case strings.Contains(exit.Said, "invalid password"):
		return Locked, exit.Said, nil
	}
	return Hopeless, reason(exit.Said, path), nil
}

// reason is the last thing that qpdf said, without its name and the file's.
func reason(said, path string) string {
	if i := strings.LastIndex(said, "; "); i >= 0 {
		said = said[i+2:]
	}
	for _, prefix := range []string{"qpdf: ", "WARNING: ", path + ": ", path + " "} {
		said = strings.TrimPrefix(said, prefix)
	}
	return said
}

// Repair writes a mended copy of a file.
func (t Tools) Repair(ctx context.Context, in, out, password string) error {
	_, err := t.run(ctx, password, 64, "qpdf", "--password-file=-", in, out)
	var exit *ExitError
	if errors.As(err, &exit) && exit.Status == 3 {
		return nil // mended, with warnings about what was wrong
	}
	if err != nil {
		return fmt.Errorf("repair: %w", err)
	}
	return nil
}

// Decrypt writes a copy of a file that needs no password, for the programs of this
// package that take a password only where other users can read it.
func (t Tools) Decrypt(ctx context.Context, in, out, password string) error {
	_, err := t.run(ctx, password, 64, "qpdf", "--password-file=-", "--decrypt", in, out)
	if err != nil {
		return fmt.Errorf("decrypt: %w", err)
	}
	return nil
}

// Owner reports whether a password is the one that lifts the restrictions of a file.
func (t Tools) Owner(ctx context.Context, path, password string) (bool, error) {
	out, err := t.run(ctx, password, 4096, "qpdf", "--password-file=-", "--show-encryption", path)
	if err != nil {
		return false, fmt.Errorf("read the restrictions: %w", err)
	}
	return strings.Contains(string(out), "is owner password"), nil
}
