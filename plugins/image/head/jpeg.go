package head

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
)

// JPEG is what a JPEG file says of itself.
type JPEG struct {
	Width, Height int
	Precision     int    // bits a sample
	Components    int    // 1 gray, 3 colour, 4 CMYK or YCCK
	IDs           []byte // of the components
	Process       byte   // n of the SOFn marker: 0 baseline, 1 extended, 2 progressive …
	Adobe         bool   // has an Adobe marker, whose Transform is
	Transform     byte   // 0 RGB or CMYK, 1 YCbCr, 2 YCCK
	JFIF          bool
	Orient        int     // EXIF orientation 1..8; 1 when nothing is said
	XDPI, YDPI    float64 // 0: not said
	End           int64   // bytes up to and with the end marker; 0: there is none
}

// Passes reports whether the file's bytes may stand in a PDF as they are and are
// understood the same by every reader: 8 bit, baseline to progressive Huffman.
func (j JPEG) Passes() bool {
	if j.Precision != 8 || j.Process > 2 {
		return false
	}
	switch j.Components {
	case 1, 4:
		return true
	case 3: // without a marker, "RGB" ids mean RGB to some readers and YCbCr to others
		return j.Adobe || j.JFIF || !bytes.Equal(j.IDs, []byte("RGB"))
	}
	return false
}

// markers of a JPEG file.
const (
	mSOF0  = 0xC0
	mDHT   = 0xC4
	mRST0  = 0xD0
	mRST7  = 0xD7
	mSOI   = 0xD8
	mEOI   = 0xD9
	mSOS   = 0xDA
	mAPP0  = 0xE0
	mAPP1  = 0xE1
	mAPP14 = 0xEE
	mTEM   = 0x01
)

// maxSegments bounds the segments of one file; real ones have some dozens, and
// progressive scans some hundreds at most.
const maxSegments = 10_000

// ReadJPEG walks the markers of a JPEG of size bytes. It reads the file through
// once, to find the end marker; junk after that is fine.
func ReadJPEG(r io.ReaderAt, size int64) (JPEG, error) {
	w := jpegWalk{in: bufio.NewReaderSize(io.NewSectionReader(r, 0, size), 64<<10)}
	w.j.Orient = 1
	if err := w.run(); err != nil {
		return w.j, err
	}
	if w.j.Height == 0 && w.j.Width != 0 {
		return w.j, Unsupported("the JPEG leaves its height open (DNL marker)")
	}
	if w.j.Components == 0 {
		return w.j, Damaged("the JPEG of %d bytes has no frame header", size)
	}
	if !w.scan {
		return w.j, Damaged("the JPEG of %d bytes ends before its image data", size)
	}
	return w.j, nil
}

type jpegWalk struct {
	in   *bufio.Reader
	at   int64 // bytes read
	j    JPEG
	scan bool // image data begin
	exif exif
}

func (w *jpegWalk) run() error {
	if b, err := w.take(2); err != nil || b[0] != 0xFF || b[1] != mSOI {
		return Damaged("the file does not begin as a JPEG")
	}
	for range maxSegments {
		m, err := w.marker()
		if err == nil && m == mEOI {
			w.j.End = w.at
			break
		}
		if err == nil {
			err = w.segment(m)
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			break // no end marker: the caller decides
		}
		if err != nil {
			return err
		}
	}
	w.resolve()
	return nil
}

// resolve lets EXIF speak where JFIF is silent.
func (w *jpegWalk) resolve() {
	if w.exif.orient != 0 {
		w.j.Orient = w.exif.orient
	}
	if w.j.XDPI == 0 || w.j.YDPI == 0 {
		w.j.XDPI, w.j.YDPI = w.exif.xdpi, w.exif.ydpi
	}
}

// marker gives the next marker, skipping entropy-coded data and fill bytes.
func (w *jpegWalk) marker() (byte, error) {
	for {
		if err := w.skipTo(0xFF); err != nil {
			return 0, err
		}
		b, err := w.byte()
		for err == nil && b == 0xFF {
			b, err = w.byte()
		}
		if err != nil {
			return 0, err
		}
		if b != 0 && b != mTEM && b != mSOI && (b < mRST0 || b > mRST7) {
			return b, nil
		}
	}
}

// skipTo reads up to and with the next byte c.
func (w *jpegWalk) skipTo(c byte) error {
	for {
		if _, err := w.in.Peek(1); err != nil {
			return err
		}
		b, _ := w.in.Peek(w.in.Buffered())
		i := bytes.IndexByte(b, c)
		n := i + 1
		if i < 0 {
			n = len(b)
		}
		w.skip(n)
		if i >= 0 {
			return nil
		}
	}
}

func (w *jpegWalk) skip(n int) error {
	d, err := w.in.Discard(n)
	w.at += int64(d)
	return err
}

func (w *jpegWalk) byte() (byte, error) {
	b, err := w.in.ReadByte()
	if err == nil {
		w.at++
	}
	return b, err
}

func (w *jpegWalk) take(n int) ([]byte, error) {
	b := make([]byte, n)
	k, err := io.ReadFull(w.in, b)
	w.at += int64(k)
	return b, err
}

// segment reads the segment of marker m where it matters and skips it otherwise.
func (w *jpegWalk) segment(m byte) error {
	lb, err := w.take(2)
	if err != nil {
		return err
	}
	n := int(binary.BigEndian.Uint16(lb)) - 2
	if n < 0 {
		return Damaged("the JPEG has a segment %#x of length %d", m, n+2)
	}
	switch {
	case m == mSOS:
		w.scan = true
		return w.skip(n)
	case m >= mSOF0 && m <= 0xCF && m != mDHT && m != 0xC8 && m != 0xCC,
		m == mAPP0, m == mAPP1, m == mAPP14:
		b, err := w.take(n)
		if err != nil {
			return err
		}
		return w.read(m, b)
	}
	return w.skip(n)
}

func (w *jpegWalk) read(m byte, b []byte) error {
	switch {
	case m == mAPP0 && len(b) >= 12 && string(b[:5]) == "JFIF\x00":
		w.j.JFIF = true
		w.density(b[7], binary.BigEndian.Uint16(b[8:]), binary.BigEndian.Uint16(b[10:]))
	case m == mAPP1 && len(b) > 6 && string(b[:6]) == "Exif\x00\x00":
		if w.exif.orient == 0 {
			w.exif = readEXIF(b[6:])
		}
	case m == mAPP14 && len(b) >= 12 && string(b[:5]) == "Adobe":
		w.j.Adobe, w.j.Transform = true, b[11]
	case m >= mSOF0 && m <= 0xCF:
		return w.frame(m, b)
	}
	return nil
}

func (w *jpegWalk) density(unit byte, x, y uint16) {
	per := map[byte]float64{1: 1, 2: 2.54}[unit] // 0: only a ratio
	w.j.XDPI, w.j.YDPI = per*float64(x), per*float64(y)
}

func (w *jpegWalk) frame(m byte, b []byte) error {
	if w.j.Components != 0 {
		return Damaged("the JPEG has two frame headers")
	}
	if len(b) < 6 || len(b) < 6+3*int(b[5]) {
		return Damaged("the JPEG's frame header is cut short")
	}
	w.j.Process = m - mSOF0
	w.j.Precision = int(b[0])
	w.j.Height = int(binary.BigEndian.Uint16(b[1:]))
	w.j.Width = int(binary.BigEndian.Uint16(b[3:]))
	w.j.Components = int(b[5])
	for i := range w.j.Components {
		w.j.IDs = append(w.j.IDs, b[6+3*i])
	}
	if w.j.Width == 0 || w.j.Components == 0 {
		return Damaged("the JPEG says that it is %d x %d pixels of %d components", w.j.Width, w.j.Height, w.j.Components)
	}
	return nil
}
