package core

import (
	"errors"
	"fmt"
)

// DataDown is the failure of a journal or blob store that cannot do its work for
// now; what says what was tried. Both the Failure and err are in its chain. An
// err that is a Failure already stays as it is.
func DataDown(what string, err error) error {
	if f := (*Failure)(nil); errors.As(err, &f) {
		return err
	}
	return &caused{
		Failure: Failure{
			Code:   CodeDataDown,
			Detail: fmt.Sprintf("cannot %s: %v", what, err),
			Remedy: "free space on the disk of the data folder, or make it writable again; the server goes on by itself",
		},
		cause: err,
	}
}

// caused is a Failure that keeps the error it came from.
type caused struct {
	Failure
	cause error
}

func (c *caused) Unwrap() []error { return []error{&c.Failure, c.cause} }
