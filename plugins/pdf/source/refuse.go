package source

import (
	"context"
	"errors"
	"fmt"
	"syscall"

	"github.com/twinleaf-scan/twinleaf/plugins/pdf/poppler"
	"github.com/twinleaf-scan/twinleaf/sdk"
)

// What a person can do about a file.
const (
	remedyDamaged = "copy or download it again; if a PDF viewer shows its pages, print it to a new PDF"
	remedyLimit   = "print it to a new PDF, or split it, and submit that"
)

// RefuseChange is the refusal of a document that may not be changed.
func RefuseChange() error {
	return sdk.Refuse("encrypted", "give the owner password to \"twinleaf ocr --password\", or ask its author for a copy that may be changed",
		"the PDF forbids changes, so no text layer can be added")
}

func refuseLocked(password string) error {
	if password != "" {
		return sdk.Refuse("encrypted", "give the right password with --password, or remove it in a PDF program", "the password does not open the PDF")
	}
	return sdk.Refuse("encrypted", "remove the password in a PDF program, or give it to \"twinleaf ocr --password\"", "the PDF is encrypted and needs a password")
}

func refuseDamaged(why string) error {
	return sdk.Refuse("damaged", remedyDamaged, "the PDF is damaged beyond repair: %s", why)
}

// Failed says in words for people that something failed at a file. what is the
// consequence, e.g. "page 3 cannot be drawn"; the error itself goes to the log.
// Refusals and the end of ctx are given back as they are.
func Failed(ctx context.Context, err error, what string, a ...any) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if _, ok := errors.AsType[*sdk.Error](err); ok {
		return err
	}
	what = fmt.Sprintf(what, a...)
	sdk.Log(ctx).Debug(what, "error", err)
	exit, ended := errors.AsType[*poppler.ExitError](err)
	switch {
	case errors.Is(err, poppler.ErrTime), ended && exit.Status < 0:
		return sdk.Refuse("over-limit", remedyLimit, "%s: it takes more time or memory than one run may", what)
	case ended, errors.Is(err, poppler.ErrNothing):
		return sdk.Refuse("damaged", remedyDamaged, "%s: its content is damaged", what)
	}
	if cause, ok := errors.AsType[syscall.Errno](err); ok {
		return fmt.Errorf("%s: %w", what, cause) // the path that it names says nothing to people
	}
	return &sdk.Error{Detail: what, Remedy: "the server's log says why at level debug; with --mode force the pages are drawn and written anew"}
}
