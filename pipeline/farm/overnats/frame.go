package overnats

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/internal/strict"
	"github.com/twinleaf-scan/twinleaf/pipeline/farm"
)

// Kinds of frames.
const (
	kindBeat  = "beat"  // the page is being read
	kindPart  = "part"  // of an answer
	kindData  = "data"  // of an image
	kindError = "error" // there will be no answer
)

// Codes of errors.
const (
	codeBasis  = "basis"  // the worker's engine is another one
	codeAway   = "away"   // it takes no pages now, or the page is none of its own
	codeFailed = "failed" // its engine had no text for it
)

// frame is the first line of a reply, as JSON; the bytes behind it are its load.
type frame struct {
	Kind  string `json:"kind"`
	Part  int    `json:"part,omitempty"`  // of an answer: 0, 1, …
	Parts int    `json:"parts,omitempty"` // how many there are
	Sum   string `json:"sum,omitempty"`   // SHA-256 of all parts together
	At    int64  `json:"at,omitempty"`    // of an image: where the load begins
	Code  string `json:"code,omitempty"`
	Text  string `json:"text,omitempty"` // the reason, for people
}

// maxFrame is how many bytes a frame's line may have.
const maxFrame = 8 << 10

// maxParts is how many parts an answer may have: maxPacked in the smallest pieces.
const maxParts = maxPacked / (minPayload / 2)

func (f frame) encode(load []byte) []byte {
	line, err := json.Marshal(f)
	if err != nil {
		panic(err) // strings and numbers only
	}
	return append(append(line, '\n'), load...)
}

// decodeFrame reads a reply. load is part of raw.
func decodeFrame(raw []byte) (f frame, load []byte, err error) {
	end := bytes.IndexByte(raw[:min(len(raw), maxFrame)], '\n')
	if end < 0 {
		return frame{}, nil, errors.New("a reply has no first line")
	}
	if err := strict.JSON(raw[:end], &f); err != nil {
		return frame{}, nil, fmt.Errorf("a reply's first line: %w", err)
	}
	if err := f.check(len(raw) - end - 1); err != nil {
		return frame{}, nil, err
	}
	return f, raw[end+1:], nil
}

func (f frame) check(load int) error {
	switch {
	case len(f.Text) > maxText || len(f.Code) > maxText:
		return fmt.Errorf("a reply's reason has more than %d bytes", maxText)
	case f.Kind == kindBeat && load == 0, f.Kind == kindError && load == 0:
		return nil
	case f.Kind == kindData && f.At >= 0 && load > 0:
		return nil
	case f.Kind == kindPart && f.Parts > 0 && f.Parts <= maxParts && f.Part >= 0 && f.Part < f.Parts && load > 0 && refShape.MatchString(f.Sum):
		return nil
	}
	return fmt.Errorf("a reply of kind %.20q with a load of %d bytes makes no sense", f.Kind, load)
}

// fault is the frame of an error.
func fault(code string, err error) frame {
	return frame{Kind: kindError, Code: code, Text: clip(err.Error())}
}

// err is what a frame of an error says.
func (f frame) err() error {
	switch f.Code {
	case codeBasis:
		if f.Text == "" || f.Text == farm.ErrBasis.Error() {
			return farm.ErrBasis
		}
		return fmt.Errorf("%w: %s", farm.ErrBasis, f.Text)
	case codeAway:
		return fmt.Errorf("%w: %s", farm.ErrGone, f.Text)
	}
	return errors.New(f.Text)
}

// clip makes a text short enough for a frame, and whole.
func clip(s string) string {
	if len(s) <= maxText {
		return s
	}
	s = s[:maxText-len("…")]
	for !utf8.ValidString(s) && len(s) > 0 {
		s = s[:len(s)-1]
	}
	return s + "…"
}

// hello is what a worker says of itself.
type hello struct {
	Name    string `json:"name"`  // for people
	Slots   int    `json:"slots"` // pages at once; 0: it is about to go
	Version string `json:"version"`
	Payload int64  `json:"payload"` // bytes that a message to it or from it may have
}

func decodeHello(raw []byte) (h hello, err error) {
	if len(raw) > maxHello {
		return h, fmt.Errorf("a hello of %d bytes", len(raw))
	}
	if err := strict.JSON(raw, &h); err != nil {
		return h, fmt.Errorf("a hello: %w", err)
	}
	switch {
	case !nameShape.MatchString(h.Name):
		return h, fmt.Errorf("%.80q is no name for a worker", h.Name)
	case h.Slots < 0 || h.Slots > maxSlots:
		return h, fmt.Errorf("a worker with %d slots, at most %d are possible", h.Slots, maxSlots)
	case h.Payload < minPayload:
		return h, fmt.Errorf("messages of %d bytes, at least %d are needed", h.Payload, minPayload)
	case len(h.Version) > maxText:
		return h, fmt.Errorf("a version of %d bytes", len(h.Version))
	}
	return h, nil
}

// welcome answers a hello, and a search for servers.
type welcome struct {
	Server  string `json:"server"` // its id
	Version string `json:"version"`
	Refused string `json:"refused,omitempty"` // why the worker is not taken; empty: it is
}

func decodeWelcome(raw []byte) (w welcome, err error) {
	if len(raw) > maxHello {
		return w, fmt.Errorf("a welcome of %d bytes", len(raw))
	}
	if err := strict.JSON(raw, &w); err != nil {
		return w, fmt.Errorf("a welcome: %w", err)
	}
	if !hostShape.MatchString(w.Server) {
		return w, fmt.Errorf("%.80q is no server's id", w.Server)
	}
	return w, nil
}

// order is the request for a page.
type order struct {
	ID   string    `json:"id"` // of this asking
	Task farm.Task `json:"task"`
}

func decodeOrder(raw []byte) (o order, err error) {
	if len(raw) > maxTask {
		return o, fmt.Errorf("a page's task of %d bytes", len(raw))
	}
	if err := strict.JSON(raw, &o); err != nil {
		return o, fmt.Errorf("a page's task: %w", err)
	}
	image := o.Task.Image
	switch {
	case !idShape.MatchString(o.ID):
		return o, fmt.Errorf("%.80q is no word for a page", o.ID)
	case !refShape.MatchString(string(image.Ref)):
		return o, fmt.Errorf("%.80q names no image", image.Ref)
	case image.Size <= 0 || image.Size > maxImage:
		return o, fmt.Errorf("an image of %d bytes, at most %d are possible", image.Size, maxImage)
	}
	return o, nil
}

// ask is a worker's request for a part of an image.
type ask struct {
	ID  string   `json:"id"` // of the page that it reads
	Ref core.Ref `json:"ref"`
	At  int64    `json:"at"`
}

func decodeAsk(raw []byte) (a ask, err error) {
	if len(raw) > maxAsk {
		return a, fmt.Errorf("a request of %d bytes", len(raw))
	}
	if err := strict.JSON(raw, &a); err != nil {
		return a, fmt.Errorf("a request: %w", err)
	}
	if !idShape.MatchString(a.ID) || !refShape.MatchString(string(a.Ref)) || a.At < 0 || a.At > maxImage {
		return a, errors.New("a request that makes no sense")
	}
	return a, nil
}

// drop ends a page.
type drop struct {
	ID string `json:"id"`
}
