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

// Check reads the structure of a file and counts its pages; it decodes no page. Of
// a hopeless file it says why, in words that follow "it is damaged: ".
func (t Tools) Check(ctx context.Context, path, password string) (Health, string, error) {
	_, err := t.run(ctx, password, 64, "qpdf", "--password-file=-", "--show-npages", path)
	var exit *ExitError
	switch {
	case err == nil:
		return Sound, "", nil
	case !errors.As(err, &exit):
		return Hopeless, "", err
	case exit.Status == 3:
		return Damaged, "", nil
	case strings.Contains(exit.Said, "invalid password"):
		return Locked, "", nil
	}
	return Hopeless, reason(exit), nil
}

// reason puts what is wrong with a file into words for people.
func reason(e *ExitError) string {
	if e.Status < 0 {
		return "reading it takes more memory or time than a document may"
	}
	for _, known := range []struct{ said, why string }{
		{"unable to find trailer", "its end is missing, as after a transfer that broke off"},
		{"find startxref", "its end is missing, as after a transfer that broke off"},
		{"unable to find /Root", "its beginning is missing"},
		{"page", "its pages cannot be found"},
		{"encrypt", "what it says of its protection makes no sense"},
	} {
		if strings.Contains(e.Said, known.said) {
			return known.why
		}
	}
	return "its structure cannot be read"
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
