package sdkv1

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
)

// Info is what a program says of itself.
type Info struct {
	Name    string // lower case, digits, dots, dashes
	Version string // 1.2.3
	Summary string
	Schema  string // JSON Schema of the settings, written by hand; may be empty
}

// Component is the one thing that a program does. Make it with [Filter],
// [Recognizer] or [Deliverer].
type Component struct {
	kind  string
	check func(settings []byte) error
	run   func(ctx context.Context, request, settings []byte) (any, error)
}

// FilterRequest asks a filter to look at a page image.
type FilterRequest struct {
	Image  string  `json:"image"` // path
	Width  int     `json:"width"` // pixels
	Height int     `json:"height"`
	DPI    float64 `json:"dpi"`
}

// Filtered is what a filter found and made.
type Filtered struct {
	Image  string `json:"image,omitempty"` // path of a new image; empty: the input serves
	Width  int    `json:"width,omitempty"` // of Image
	Height int    `json:"height,omitempty"`
	Blank  bool   `json:"blank,omitempty"`
}

// RecognizeRequest asks for the text of an image.
type RecognizeRequest struct {
	Image     string   `json:"image"` // path
	DPI       float64  `json:"dpi"`
	Languages []string `json:"languages"`
}

// Text is the text of a page.
type Text struct {
	Page       string  `json:"page"`       // path of a JSON file in the form of package ocr's Page
	Confidence float64 `json:"confidence"` // mean over words, 0..100
	Words      int     `json:"words"`
}

// DeliverRequest asks a deliverer to hand over files. A Key that comes twice is
// the same delivery.
type DeliverRequest struct {
	Key   string `json:"key"`
	Name  string `json:"name"` // of the document, without extension
	Files []File `json:"files"`
}

// File is a file to deliver.
type File struct {
	Path string `json:"path"`
	Name string `json:"name"`
	Kind string `json:"kind"` // pdf, text, …
}

// Receipt is a destination's word that it has the document.
type Receipt struct {
	Location string `json:"location,omitempty"`
}

// Filter makes a component that looks at page images and may prepare them.
func Filter[S any](fn func(context.Context, FilterRequest, S) (Filtered, error)) Component {
	return component("filter", fn)
}

// Recognizer makes a component that reads the text of page images.
func Recognizer[S any](fn func(context.Context, RecognizeRequest, S) (Text, error)) Component {
	return component("recognizer", fn)
}

// Deliverer makes a component that hands documents to a destination.
func Deliverer[S any](fn func(context.Context, DeliverRequest, S) (Receipt, error)) Component {
	return component("deliverer", fn)
}

func component[S, In, Out any](kind string, fn func(context.Context, In, S) (Out, error)) Component {
	return Component{
		kind:  kind,
		check: func(raw []byte) error { _, err := settings[S](raw); return err },
		run: func(ctx context.Context, request, raw []byte) (any, error) {
			var in In
			if err := json.Unmarshal(request, &in); err != nil {
				return nil, fmt.Errorf("request: %w", err)
			}
			s, err := settings[S](raw)
			if err != nil {
				return nil, err
			}
			return fn(ctx, in, s)
		},
	}
}

// settings reads settings, and asks S's own Check where *S has one.
func settings[S any](raw []byte) (S, error) {
	var s S
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &s); err != nil {
			return s, fmt.Errorf("settings: %w", err)
		}
	}
	if c, ok := any(&s).(interface{ Check() error }); ok {
		if err := c.Check(); err != nil {
			return s, fmt.Errorf("settings: %w", err)
		}
	}
	return s, nil
}

type outKey struct{}

// Out is the path of a new output file.
func Out(ctx context.Context, name string) string {
	dir, _ := ctx.Value(outKey{}).(string)
	return filepath.Join(dir, filepath.Base(name))
}

// Retry says of an error that trying again later may help. Retry(nil) is nil.
func Retry(err error) error {
	if err == nil {
		return nil
	}
	return retry{err}
}

type retry struct{ error }

func (r retry) Unwrap() error { return r.error }

func isRetry(err error) bool {
	_, ok := errors.AsType[retry](err)
	return ok
}
