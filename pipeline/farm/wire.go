package farm

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/internal/strict"
	"github.com/twinleaf-scan/twinleaf/sdk/ocr"
)

// Bounds of what is said of a page.
const (
	maxLanguages = 100
	maxRef       = 64
)

// DecodeTask reads a task that another server sent as JSON. What is in it is bounded by raw.
func DecodeTask(raw []byte) (t Task, err error) {
	if err := strict.JSON(raw, &t); err != nil {
		return Task{}, fmt.Errorf("a task to read a page: %w", err)
	}
	return t, t.check()
}

func (t Task) check() error {
	switch {
	case len(t.Image.Ref) != maxRef || t.Basis == "":
		return errors.New("the task names no image, or not what its text has to rest on")
	case len(t.Options.Languages) > maxLanguages:
		return fmt.Errorf("the task names %d languages", len(t.Options.Languages))
	}
	return nil
}

// Encode gives an answer as bytes: a line of JSON, then the page.
func (a Answer) Encode() ([]byte, error) {
	head, err := json.Marshal(a.Text)
	if err != nil {
		return nil, err
	}
	return append(append(head, '\n'), a.Page...), nil
}

// DecodeAnswer reads what Encode gave. The page is a part of raw; it is checked when the
// answer is.
func DecodeAnswer(raw []byte) (a Answer, err error) {
	head, page, ok := bytes.Cut(raw, []byte("\n"))
	if !ok || len(page) > ocr.MaxJSON {
		return Answer{}, errors.New("an answer without a page, or with one that is too large")
	}
	if err := strict.JSON(head, &a.Text); err != nil {
		return Answer{}, fmt.Errorf("an answer: %w", err)
	}
	a.Page = page
	return a, nil
}

// Codes of failures that are ErrBasis and ErrBusy, for a way that knows failures only.
const (
	CodeBasis = "other-engine"
	CodeBusy  = "no-place"
)

// AsFailure is an error of a worker for such a way.
func AsFailure(err error) error {
	switch {
	case errors.Is(err, ErrBasis):
		return &core.Failure{Code: CodeBasis, Detail: "the page is not read here: " + ErrBasis.Error(), Remedy: `see "twinleaf parity"`}
	case errors.Is(err, ErrBusy):
		return &core.Failure{Code: CodeBusy, Detail: "the page is not read here: " + ErrBusy.Error()}
	}
	return err
}

// FromFailure is the error of AsFailure again.
func FromFailure(err error) error {
	f, ok := errors.AsType[*core.Failure](err)
	switch {
	case ok && f.Code == CodeBasis:
		return fmt.Errorf("%w: %w", ErrBasis, err)
	case ok && f.Code == CodeBusy:
		return fmt.Errorf("%w: %w", ErrBusy, err)
	}
	return err
}
