// Package write writes a PDF from front to back and keeps nothing of it but one
// small entry an object, so that a document of any size needs the same memory. The
// assembler calls it with objects in any order; a reference may be used before its
// object is written. The same calls give the same bytes: no clock, no random number.
package write

import (
	"bytes"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"
)

// Flavour is the form of the file.
type Flavour int

// Modern is PDF 1.7 with object streams and a cross-reference stream; Classic is
// PDF 1.4 with a table, as PDF/A-1 asks.
const (
	Modern Flavour = iota
	Classic
)

const perObjectStream = 200

// Level is the zlib level of streams that we compress ourselves: 9 is 1 % smaller
// than 6 for page text, at twice the time.
const Level = 6

// entry tells where an object lies.
type entry struct {
	at    int64 // offset, or the number of the object stream it is in
	index int32 // in the object stream, or one of the values below
}

const (
	atOffset  = -1 // the object lies at an offset
	unwritten = -2
	waiting   = -3 // for its object stream
)

// Writer writes one document. It is for one goroutine. The first error stays and
// is what every later call and Finish return.
type Writer struct {
	w       io.Writer
	at      int64
	flavour Flavour
	entries []entry // entries[0] is the free entry 0
	held    []int   // numbers of the objects in pending
	pending []byte  // objects of the next object stream
	offsets []int
	packer  *zlib.Writer // made once: it is large
	packed  bytes.Buffer
	err     error
}

// New begins a document on w, which should be buffered.
func New(w io.Writer, f Flavour) *Writer {
	d := &Writer{w: w, flavour: f, entries: []entry{{}}}
	version := "1.7"
	if f == Classic {
		version = "1.4"
	}
	d.write([]byte("%PDF-" + version + "\n%\xE2\xE3\xCF\xD3\n"))
	return d
}

// Size is the number of bytes written so far.
func (d *Writer) Size() int64 { return d.at }

// Alloc gives the reference of an object that will be written later.
func (d *Writer) Alloc() types.IndirectRef {
	d.entries = append(d.entries, entry{index: unwritten})
	return *types.NewIndirectRef(len(d.entries)-1, 0)
}

// Put writes an object that is not a stream.
func (d *Writer) Put(ref types.IndirectRef, o types.Object) error {
	if err := d.claim(ref); err != nil {
		return err
	}
	n := int(ref.ObjectNumber)
	if d.flavour == Classic {
		d.entries[n] = entry{at: d.at, index: atOffset}
		return d.write(append(Append(objectHead(n), o), "\nendobj\n"...))
	}
	d.entries[n].index = waiting
	d.held = append(d.held, n)
	d.offsets = append(d.offsets, len(d.pending))
	d.pending = append(Append(d.pending, o), '\n')
	if len(d.held) == perObjectStream {
		return d.flush()
	}
	return nil
}

// Add is Alloc and Put.
func (d *Writer) Add(o types.Object) types.IndirectRef {
	ref := d.Alloc()
	_ = d.Put(ref, o) // the error stays in d
	return ref
}

// Stream writes a stream of exactly size bytes, which already have the filters
// that dict names. Length is added to dict.
func (d *Writer) Stream(ref types.IndirectRef, dict types.Dict, size int64, body io.Reader) error {
	if err := d.claim(ref); err != nil {
		return err
	}
	n := int(ref.ObjectNumber)
	d.entries[n] = entry{at: d.at, index: atOffset}
	dict["Length"] = types.Integer(size)
	if err := d.write(append(Append(objectHead(n), dict), "\nstream\n"...)); err != nil {
		return err
	}
	copied, err := io.CopyN(d.w, body, size)
	d.at += copied
	if err != nil {
		d.err = fmt.Errorf("write %d bytes of stream %d: %w", size, n, err)
		return d.err
	}
	return d.write([]byte("\nendstream\nendobj\n"))
}

// Deflated compresses data and writes it as a stream.
func (d *Writer) Deflated(ref types.IndirectRef, dict types.Dict, data []byte) error {
	packed := d.deflate(data)
	dict["Filter"] = types.Name("FlateDecode")
	return d.Stream(ref, dict, int64(len(packed)), bytes.NewReader(packed))
}

// Finish writes what is left and the trailer. Every allocated object must have been
// written. id becomes both parts of the file identifier.
func (d *Writer) Finish(root, info types.IndirectRef, id [16]byte) error {
	if d.err == nil {
		d.flush()
	}
	for n, e := range d.entries[1:] {
		if e.index == unwritten && d.err == nil {
			d.err = fmt.Errorf("object %d was never written", n+1)
		}
	}
	if d.err != nil {
		return d.err
	}
	hex := types.NewHexLiteral(id[:])
	trailer := types.Dict{"Root": root, "Info": info, "ID": types.Array{hex, hex}}
	start := d.at
	if d.flavour == Classic {
		d.table(trailer)
	} else {
		d.crossReference(trailer)
	}
	return d.write(fmt.Appendf(nil, "startxref\n%d\n%%%%EOF\n", start))
}

func (d *Writer) claim(ref types.IndirectRef) error {
	n := int(ref.ObjectNumber)
	switch {
	case d.err != nil:
	case n < 1 || n >= len(d.entries):
		d.err = fmt.Errorf("object %d was not allocated", n)
	case d.entries[n].index != unwritten:
		d.err = fmt.Errorf("object %d is written twice", n)
	}
	return d.err
}

func (d *Writer) write(b []byte) error {
	if d.err != nil {
		return d.err
	}
	n, err := d.w.Write(b)
	d.at += int64(n)
	if err == nil && n < len(b) {
		err = io.ErrShortWrite
	}
	if err != nil {
		d.err = fmt.Errorf("write PDF at %d: %w", d.at, err)
	}
	return d.err
}

// flush writes the objects that wait as one object stream.
func (d *Writer) flush() error {
	if len(d.held) == 0 {
		return d.err
	}
	ref := d.Alloc()
	var head []byte
	for i, n := range d.held {
		d.entries[n] = entry{at: int64(ref.ObjectNumber), index: int32(i)}
		head = strconv.AppendInt(head, int64(n), 10)
		head = append(head, ' ')
		head = strconv.AppendInt(head, int64(d.offsets[i]), 10)
		head = append(head, ' ')
	}
	dict := types.Dict{"Type": types.Name("ObjStm"), "N": types.Integer(len(d.held)), "First": types.Integer(len(head))}
	err := d.Deflated(ref, dict, append(head, d.pending...))
	d.held, d.offsets, d.pending = d.held[:0], d.offsets[:0], d.pending[:0]
	return err
}

func objectHead(n int) []byte {
	return append(strconv.AppendInt(make([]byte, 0, 256), int64(n), 10), " 0 obj\n"...)
}

// deflate compresses data; what it gives is valid until the next call.
func (d *Writer) deflate(data []byte) []byte {
	d.packed.Reset()
	if d.packer == nil {
		d.packer, _ = zlib.NewWriterLevel(&d.packed, Level) // the level is valid
	}
	d.packer.Reset(&d.packed)
	if err := errors.Join(second(d.packer.Write(data)), d.packer.Close()); err != nil {
		panic("zlib into memory: " + err.Error()) // cannot happen: a buffer takes everything
	}
	return d.packed.Bytes()
}

func second(_ int, err error) error { return err }
