package source

import (
	"bytes"
	"compress/zlib"
	"errors"
	"io"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"
)

func indexHeader(head []byte) int { return bytes.Index(head, []byte("%PDF-")) }

// maxChain bounds references that lead to references.
const maxChain = 32

// Object follows references to what they name; nil when that is missing or broken.
func (f *File) Object(o types.Object) types.Object {
	for range maxChain {
		if _, ok := o.(types.IndirectRef); !ok {
			return o
		}
		var next types.Object
		err := guard(func() (err error) {
			next, err = f.PDF.Dereference(o)
			return err
		})
		if err != nil {
			return nil
		}
		o = next
	}
	return nil
}

// Dict gives a dictionary, also that of a stream, or nil.
func (f *File) Dict(o types.Object) types.Dict {
	switch d := f.Object(o).(type) {
	case types.Dict:
		return d
	case types.StreamDict:
		return d.Dict
	}
	return nil
}

// Array gives an array or nil.
func (f *File) Array(o types.Object) types.Array {
	a, _ := f.Object(o).(types.Array)
	return a
}

// Stream gives a stream; false when o is none.
func (f *File) Stream(o types.Object) (types.StreamDict, bool) {
	s, ok := f.Object(o).(types.StreamDict)
	return s, ok
}

// Name gives a name or "".
func (f *File) Name(o types.Object) string {
	n, _ := f.Object(o).(types.Name)
	return string(n)
}

// Number gives a number.
func (f *File) Number(o types.Object) (float64, bool) {
	switch n := f.Object(o).(type) {
	case types.Integer:
		return float64(n), true
	case types.Float:
		return float64(n), true
	}
	return 0, false
}

// Int gives an integer, or def.
func (f *File) Int(o types.Object, def int) int {
	if n, ok := f.Number(o); ok && n == float64(int(n)) {
		return int(n)
	}
	return def
}

// Bool gives a boolean, or false.
func (f *File) Bool(o types.Object) bool {
	b, _ := f.Object(o).(types.Boolean)
	return bool(b)
}

// ErrTooBig says that a stream decodes to more bytes than the limit.
var ErrTooBig = errors.New("a stream of the PDF decodes to more bytes than the limit")

// Decode gives the decoded bytes of a stream, at most max of them. A Flate stream
// that breaks off gives what could be read.
func (f *File) Decode(s types.StreamDict, max int64) ([]byte, error) {
	max = min(max, f.options.Bytes)
	if s.Content != nil {
		return within(s.Content, max)
	}
	switch {
	case len(s.FilterPipeline) == 0:
		return within(s.Raw, max)
	case f.onlyFlate(s.FilterPipeline):
		return inflate(s.Raw, len(s.FilterPipeline), max)
	}
	copied := s // DecodeWithLimit keeps its result in the struct
	if err := guard(func() error { return copied.DecodeWithLimit(max) }); err != nil {
		return nil, err
	}
	return within(copied.Content, max)
}

// maxFlate is how often a stream may be deflated.
const maxFlate = 8

// onlyFlate reports whether nothing but a few Flate filters without predictors lie
// on a stream.
func (f *File) onlyFlate(filters []types.PDFFilter) bool {
	for _, one := range filters {
		if one.Name != "FlateDecode" || f.Int(one.DecodeParms["Predictor"], 1) > 1 {
			return false
		}
	}
	return len(filters) <= maxFlate
}

func within(b []byte, max int64) ([]byte, error) {
	if int64(len(b)) > max {
		return nil, ErrTooBig
	}
	return b, nil
}

// inflate undoes so many layers of Flate at once, so that none of the layers in
// between takes memory.
func inflate(raw []byte, layers int, max int64) ([]byte, error) {
	var z io.Reader = bytes.NewReader(raw)
	for range layers {
		next, err := zlib.NewReader(z)
		if err != nil {
			return nil, err
		}
		z = next
	}
	var out bytes.Buffer
	n, err := io.Copy(&out, io.LimitReader(z, max+1))
	if n > max {
		return nil, ErrTooBig
	}
	if err != nil && n == 0 {
		return nil, err
	}
	return out.Bytes(), nil
}
