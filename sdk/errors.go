package sdk

import (
	"context"
	"errors"
	"fmt"
	"syscall"

	pluginv2 "github.com/twinleaf-scan/twinleaf/sdk/proto/v2"
)

// Error is an error that the host understands. Code is one of the codes of
// package core (not-a-scan, damaged, encrypted, over-limit, dynamic-form,
// unsupported, no-language, destination) or the plug-in's own. Any other error
// of a handler ends the call for good, with the error's words; except a full
// disk and the like, which are temporary.
type Error struct {
	Code      string
	Detail    string // what was tried and why it failed, one sentence
	Remedy    string // what a person can do about it
	Temporary bool   // trying again later may help
}

func (e *Error) Error() string { return e.Detail }

// Refuse says that the input is at fault: trying again will not help. The format
// and its arguments make the detail.
func Refuse(code, remedy, format string, a ...any) error {
	return &Error{Code: code, Detail: fmt.Sprintf(format, a...), Remedy: remedy}
}

// Temporary says that trying again later may help. Code and remedy of an [Error]
// in err's chain are kept. Temporary(nil) is nil.
func Temporary(err error) error {
	if err == nil {
		return nil
	}
	e := asError(err)
	e.Temporary = true
	return e
}

// asError turns any error into what the host understands, with the outer words.
func asError(err error) *Error {
	out := Error{Detail: err.Error(), Temporary: passing(err)}
	if e, ok := errors.AsType[*Error](err); ok {
		out.Code, out.Remedy, out.Temporary = e.Code, e.Remedy, e.Temporary
	}
	if out.Code == "" && errors.Is(err, context.DeadlineExceeded) {
		out.Code = "timeout"
	}
	return &out
}

// passing reports whether err tells of the machine's state and not of the input.
func passing(err error) bool {
	for _, e := range []error{
		context.Canceled, context.DeadlineExceeded,
		syscall.ENOSPC, syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.EAGAIN, syscall.EINTR, syscall.EIO,
	} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

func (e *Error) message() *pluginv2.Error {
	return &pluginv2.Error{Code: e.Code, Detail: e.Detail, Remedy: e.Remedy, Temporary: e.Temporary}
}
