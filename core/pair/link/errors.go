package link

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/journal"
)

var (
	// ErrUnreachable is in the chain of every error of a Client that is not the peer's
	// own answer. The answer's errors come over as what they are: *journal.Gap,
	// *journal.Fork, *journal.Stranger, the sentinels of the journal, ErrUnheard,
	// core.ErrUnknownEvent, fs.ErrNotExist and *core.Failure, the last beside any of
	// the others; with the words that the peer has for them.
	ErrUnreachable = errors.New("the peer does not answer")

	// ErrUnheard is the answer to whoever asks about journals before the peer's machine
	// has heard this run of the server: what was sent may be from before a wiped disk.
	ErrUnheard = errors.New("the peer has not heard this start of the server yet")
)

// maxError is how many bytes an error may have on the wire.
const maxError = 64 << 10

// wireError is an error on the wire.
type wireError struct {
	Text    string        `json:"text"`
	Kind    string        `json:"kind,omitempty"` // what it is, see sentinels and below
	Failure *core.Failure `json:"failure,omitempty"`

	Seq  journal.Seq `json:"seq,omitempty"`  // of a fork
	Want string      `json:"want,omitempty"` // of a gap, a fork (what is there) and a stranger
	Got  string      `json:"got,omitempty"`
}

// Kinds of errors that carry more than that they are there.
const (
	kindGap      = "gap"
	kindFork     = "fork"
	kindStranger = "stranger"
)

type sentinel struct {
	kind string
	err  error
	code int // of HTTP
}

// sentinels are the errors that are known by being one of these.
func sentinels() []sentinel {
	return []sentinel{
		{"unheard", ErrUnheard, http.StatusConflict},
		{"set-aside", journal.ErrSetAside, http.StatusConflict},
		{"compacted", journal.ErrCompacted, http.StatusGone},
		{"too-large", journal.ErrTooLarge, http.StatusRequestEntityTooLarge},
		{"no-frame", journal.ErrFrame, http.StatusBadRequest},
		{"unknown-event", core.ErrUnknownEvent, http.StatusBadRequest},
		{"closed", journal.ErrClosed, http.StatusServiceUnavailable},
		{"not-there", fs.ErrNotExist, http.StatusNotFound},
	}
}

// describe finds out what an error is, for the wire and for HTTP.
func describe(err error) (wireError, int) {
	w, code := wireError{Text: cut(err.Error(), maxError/8)}, http.StatusInternalServerError
	var f *core.Failure
	if errors.As(err, &f) {
		short := *f
		short.Detail, short.Remedy = cut(f.Detail, maxError/8), cut(f.Remedy, maxError/8)
		w.Failure, code = &short, failureStatus(f)
	}
	var gap *journal.Gap
	var fork *journal.Fork
	var stranger *journal.Stranger
	switch {
	case errors.As(err, &gap):
		w.Kind, w.Want, w.Got = kindGap, fmt.Sprint(gap.Want), fmt.Sprint(gap.Got)
		return w, http.StatusConflict
	case errors.As(err, &fork):
		w.Kind, w.Seq, w.Want, w.Got = kindFork, fork.Seq, hashText(fork.Have), hashText(fork.Got)
		return w, http.StatusConflict
	case errors.As(err, &stranger):
		w.Kind, w.Want, w.Got = kindStranger, cut(stranger.Want, 1024), cut(stranger.Got, 1024)
		return w, http.StatusConflict
	}
	for _, s := range sentinels() {
		if errors.Is(err, s.err) {
			w.Kind = s.kind
			return w, s.code
		}
	}
	return w, code
}

func failureStatus(f *core.Failure) int {
	switch f.Code {
	case CodeUnknownCertificate, CodeNoPair:
		return http.StatusForbidden
	case core.CodeBadRequest, core.CodeDamaged:
		return http.StatusBadRequest
	case core.CodeDataDown:
		return http.StatusServiceUnavailable
	}
	return http.StatusConflict
}

func cut(s string, n int) string { return s[:min(len(s), n)] }

func encodeError(err error) []byte {
	w, _ := describe(err)
	return w.bytes()
}

func (w wireError) bytes() []byte {
	raw, err := json.Marshal(w)
	if err != nil { // there is nothing in it that could not be written
		return []byte(`{"text":"an error that could not be told"}`)
	}
	return raw
}

// decodeError is the error that the peer told.
func decodeError(raw []byte) error {
	var w wireError
	if err := json.Unmarshal(raw, &w); err != nil || w.Text == "" {
		return errors.New("the peer told an error that this server does not understand")
	}
	told := &toldError{text: w.Text}
	if w.Failure != nil {
		told.is = append(told.is, w.Failure)
	}
	if err := w.typed(); err != nil {
		told.is = append(told.is, err)
	}
	return told
}

// typed is the error of the wireError's kind; nil when it has none, or a damaged one.
func (w wireError) typed() error {
	switch w.Kind {
	case kindGap:
		want, err1 := parseSeq(w.Want)
		got, err2 := parseSeq(w.Got)
		if err1 == nil && err2 == nil {
			return &journal.Gap{Want: want, Got: got}
		}
	case kindFork:
		have, err1 := parseHash(w.Want)
		got, err2 := parseHash(w.Got)
		if err1 == nil && err2 == nil {
			return &journal.Fork{Seq: w.Seq, Have: have, Got: got}
		}
	case kindStranger:
		return &journal.Stranger{Want: w.Want, Got: w.Got}
	}
	for _, s := range sentinels() {
		if s.kind == w.Kind {
			return s.err
		}
	}
	return nil
}

// toldError is an error of the peer: its words, and what it is.
type toldError struct {
	text string
	is   []error
}

func (t *toldError) Error() string   { return t.text }
func (t *toldError) Unwrap() []error { return t.is }

func hashText(h journal.Hash) string { return hex.EncodeToString(h[:]) }

func parseHash(s string) (h journal.Hash, err error) {
	if len(s) != hex.EncodedLen(len(h)) {
		return h, fmt.Errorf("%.80q is no hash of an entry", s)
	}
	_, err = hex.Decode(h[:], []byte(s))
	return h, err
}
