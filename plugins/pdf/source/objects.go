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
	case len(s.FilterPipeline) == 1 && s.FilterPipeline[0].Name == "FlateDecode" && f.plain(s.FilterPipeline[0].DecodeParms):
		return inflate(s.Raw, max)
	}
	copied := s // DecodeWithLimit keeps its result in the struct
	if err := guard(func() error { return copied.DecodeWithLimit(max) }); err != nil {
		return nil, err
	}
	return within(copied.Content, max)
}

// plain reports whether decode parameters leave the bytes as they are.
func (f *File) plain(parms types.Dict) bool { return f.Int(parms["Predictor"], 1) <= 1 }

func within(b []byte, max int64) ([]byte, error) {
	if int64(len(b)) > max {
		return nil, ErrTooBig
	}
	return b, nil
}

func inflate(raw []byte, max int64) ([]byte, error) {
	z, err := zlib.NewReader(bytes.NewReader(raw))
	if err != nil {
		return nil, err
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
