// Package farm has pages recognised on other machines as well as here. There is no queue
// in it: the dispatcher has as many pages under way as there are places, and each goes to
// one that is free.
//
// A worker's word counts only when it is text. Whatever else it says, or when it is gone,
// the page goes to another place, and what this server's own engine says of it is final.
package farm

import (
	"context"
	"errors"

	"github.com/twinleaf-scan/twinleaf/core"
)

// Task is one page for a worker, with all that its text may depend on.
type Task struct {
	Job     core.JobID   `json:"job"`
	Step    core.Step    `json:"step"`    // the recognizer, with its settings
	Image   core.File    `json:"image"`   // its blob is fetched from who asks
	DPI     float64      `json:"dpi"`     // of the image; 0: unknown
	Options core.Options `json:"options"` // only what a recognizer sees: languages and limits
	Basis   string       `json:"basis"`   // what the text has to rest on: what is before the dot of the asker's own, see Basis
}

// Answer is what a worker read.
type Answer struct {
	Text core.PageText `json:"text"` // Text.Text names the file; its Ref and Size are empty
	Page []byte        `json:"page"` // that file: an ocr.Page as JSON
}

// Worker is another machine that takes pages. Its methods may be called from any goroutine.
type Worker interface {
	// Name tells it from others, for logs and metrics.
	Name() string

	// Slots is how many pages it takes at once; it may change, and is 0 while it takes none.
	Slots() int

	// Recognize asks for one page. It returns soon after the worker has died. An error says
	// that there is no text from it: ErrBasis, ErrBusy, ErrGone, or anything else.
	Recognize(ctx context.Context, t Task) (Answer, error)
}

// Basis says what the answers of a recognizer on this machine rest on beside the question
// and the settings: the plug-in, the engine's fingerprint and, after a dot, the files of
// this machine with the code that it has loaded. Two machines whose bases are the same
// before the dot read the same text; that part is Task.Basis.
type Basis interface {
	Basis(ctx context.Context, kind core.StepKind, s core.Step, about string) (string, error)
}

var (
	// ErrBasis is a worker's refusal of a task whose basis is not its own.
	ErrBasis = errors.New("its engine is another one")

	// ErrBusy is a worker's refusal of a page because it takes none now, whatever its slots
	// said a moment ago. It is no failure.
	ErrBusy = errors.New("the worker takes no page now")

	// ErrGone is told of a worker that does not answer any more.
	ErrGone = errors.New("the worker is gone")
)
