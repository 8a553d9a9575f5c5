package core

import (
	"errors"
	"fmt"
)

// Failure is an error that decides what becomes of a job. It says what went
// wrong, why, and what a person can do about it.
type Failure struct {
	Code      string `json:"code"`             // one of the Code constants, or a plug-in's own
	Detail    string `json:"detail"`           // what was tried and why it failed, one sentence
	Remedy    string `json:"remedy,omitempty"` // what to do next
	Permanent bool   `json:"permanent,omitempty"`
}

// Codes of failures. The first group means that the input is refused (exit 3).
const (
	CodeNotAScan    = "not-a-scan"   // no format of P1
	CodeDamaged     = "damaged"      // beyond repair
	CodeEncrypted   = "encrypted"    // needs a password
	CodeOverLimit   = "over-limit"   // bytes, pages, pixels, time or memory
	CodeDynamicForm = "dynamic-form" // XFA: the visible page is a placeholder
	CodeUnsupported = "unsupported"  // a known format in a variant we cannot read

	CodePlugin      = "plugin-failed" // crashed, hung or gave a bad answer
	CodeTimeout     = "timeout"       //
	CodeInterrupted = "interrupted"   // the server went down too often while this was worked on
	CodeNoLanguage  = "no-language"   // a language pack is missing
	CodeDestination = "destination"   // a destination does not take the document
	CodeInternal    = "internal"      //
	CodeDataDown    = "data-down"     // journal or blob store cannot write
	CodeKeyReused   = "key-reused"    // Idempotency-Key with another body
	CodeMaintenance = "maintenance"   //
	CodeBadRequest  = "bad-request"   // a submission or a setting that makes no sense
	CodeUnknown     = "unknown"       // no job, profile, destination or output of that name
	CodeConflict    = "conflict"      // the job's state does not allow it
	CodeReadOnly    = "read-only"     // the other server of the pair changes settings
)

func (f *Failure) Error() string {
	if f.Remedy == "" {
		return f.Detail
	}
	return f.Detail + "\nhint: " + f.Remedy
}

// Refused reports whether the failure is the input's fault (exit code 3).
func (f *Failure) Refused() bool {
	switch f.Code {
	case CodeNotAScan, CodeDamaged, CodeEncrypted, CodeOverLimit, CodeDynamicForm, CodeUnsupported:
		return true
	}
	return false
}

// Refuse is a permanent failure that names the input's fault.
func Refuse(code, remedy, format string, a ...any) error {
	return &Failure{Code: code, Detail: fmt.Sprintf(format, a...), Remedy: remedy, Permanent: true}
}

// AsFailure is the Failure in err's chain without the words around it, or one of
// code internal.
func AsFailure(err error) Failure {
	var f *Failure
	if errors.As(err, &f) {
		return *f
	}
	return Failure{Code: CodeInternal, Detail: err.Error()}
}
