// Package raster moves page images row by row from a decoder to a file, so that a
// page costs a few rows of memory, however large it is. Only turning a page and
// interlaced pictures need it whole.
package raster

import (
	"errors"
	"io"
)

// Form is what a row is made of.
type Form int

// The forms. A bilevel row has 8 pixels a byte, the leftmost in the high bit, 1 is black.
const (
	Bilevel Form = iota // 1 bit, 1 is black
	Gray                // 8 bit, 255 is white
	RGB                 // 3 bytes
)

// Header is the size and form of an image.
type Header struct {
	Width, Height int
	Form          Form
}

// Stride is the bytes of a row.
func (h Header) Stride() int {
	switch h.Form {
	case Bilevel:
		return (h.Width + 7) / 8
	case RGB:
		return 3 * h.Width
	}
	return h.Width
}

// Reader gives an image's rows from top to bottom. Read fills row, which is at
// least Stride long; after the last row it is not called again.
type Reader interface {
	Header() Header
	Read(row []byte) error
}

// Writer takes an image's rows from top to bottom. Close ends the file; it gives
// an error when rows are missing.
type Writer interface {
	Write(row []byte) error
	Close() error
}

// Discard is a Writer that keeps nothing, to see whether an image can be read.
type Discard struct{}

func (Discard) Write([]byte) error { return nil }

// Close does nothing.
func (Discard) Close() error { return nil }

// Copy moves all rows from r to w and closes w, also after an error.
func Copy(w Writer, r Reader) error {
	h := r.Header()
	row := make([]byte, h.Stride())
	for range h.Height {
		if err := r.Read(row); err != nil {
			_ = w.Close()
			return err
		}
		if err := w.Write(row); err != nil {
			_ = w.Close()
			return err
		}
	}
	return w.Close()
}

// Tee gives r's rows and writes each to w on the way.
func Tee(r Reader, w Writer) Reader { return tee{r, w} }

type tee struct {
	Reader
	w Writer
}

func (t tee) Read(row []byte) error {
	if err := t.Reader.Read(row); err != nil {
		return err
	}
	return t.w.Write(row[:t.Header().Stride()])
}

// errShort is a Writer closed before its last row.
var errShort = errors.New("rows are missing")

// closeAll closes every closer and gives the first error.
func closeAll(first error, cs ...io.Closer) error {
	for _, c := range cs {
		if err := c.Close(); first == nil {
			first = err
		}
	}
	return first
}
