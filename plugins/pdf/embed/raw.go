package embed

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"

	"github.com/twinleaf-scan/twinleaf/plugins/pdf/pdfa"
)

const (
	maxBoxes      = 1000
	jbig2PageInfo = 48
)

// jpx takes a JPEG 2000 file over if its colours are plain gray or sRGB.
func (in *input) jpx() (*Image, error) {
	if in.o.Level == pdfa.A1b {
		return nil, fmt.Errorf("%w: JPEG 2000 is not allowed in PDF/A-1", ErrUnsupported)
	}
	var h jp2Head
	if err := in.boxes(0, in.size, h.box); err != nil {
		return nil, fmt.Errorf("JPEG 2000: %w", err)
	}
	if h.components != h.colors || h.colors == 0 {
		return nil, fmt.Errorf("%w: JPEG 2000 with %d components, neither plain gray nor sRGB", ErrUnsupported, h.components)
	}
	if err := in.check(h.width, h.height); err != nil {
		return nil, err
	}
	img := in.kept(h.width, h.height, types.Dict{"Filter": types.Name("JPXDecode")}, 0, in.size)
	img.Components = h.colors
	return img, nil
}

// jp2Head is what the boxes of a JP2 file say.
type jp2Head struct {
	width, height, components int
	colors                    int // of the colour space: 1, 3; 0 if it is another one
}

func (h *jp2Head) box(kind string, data []byte) {
	be := binary.BigEndian
	switch {
	case kind == "ihdr" && len(data) >= 14:
		h.height, h.width, h.components = int(be.Uint32(data)), int(be.Uint32(data[4:])), int(be.Uint16(data[8:]))
	case kind == "colr" && len(data) >= 7 && data[0] == 1 && h.colors == 0:
		h.colors = map[uint32]int{16: 3, 17: 1}[be.Uint32(data[3:])]
	case kind == "colr":
		h.colors = 0
	}
}

// boxes calls fn for the small boxes of a JP2 file, also those inside jp2h.
func (in *input) boxes(at, end int64, fn func(kind string, data []byte)) error {
	for range maxBoxes {
		if at+8 > end {
			return nil
		}
		head := make([]byte, 8+32)
		n, err := in.f.ReadAt(head, at)
		if n < 8 {
			return unexpected(err)
		}
		size, kind := int64(binary.BigEndian.Uint32(head)), string(head[4:8])
		if size == 0 || size == 1 || kind == "jp2c" { // the picture, which is last
			return nil
		}
		if size < 8 || size > end-at {
			return fmt.Errorf("box %q of %d bytes at %d", kind, size, at)
		}
		if kind == "jp2h" {
			if err := in.boxes(at+8, at+size, fn); err != nil {
				return err
			}
		} else {
			fn(kind, head[8:min(int64(n), size)])
		}
		at += size
	}
	return fmt.Errorf("more than %d boxes", maxBoxes)
}

// jbig2 takes an embedded JBIG2 stream without global segments over.
func (in *input) jbig2() (*Image, error) {
	width, height, err := in.jbig2Size()
	if err != nil {
		return nil, fmt.Errorf("JBIG2: %w", err)
	}
	if err := in.check(width, height); err != nil {
		return nil, err
	}
	dict := types.Dict{"Filter": types.Name("JBIG2Decode"), "BitsPerComponent": types.Integer(1)}
	return in.kept(width, height, dict, 0, in.size), nil
}

// jbig2Size finds the page information among the first segments.
func (in *input) jbig2Size() (width, height int, err error) {
	be := binary.BigEndian
	at := int64(0)
	for range maxBoxes {
		head := make([]byte, 64)
		n, err := in.f.ReadAt(head, at)
		if n < 11 {
			return 0, 0, unexpected(err)
		}
		number, flags, refs := be.Uint32(head), head[4], int(head[5]>>5)
		size := 1
		switch {
		case refs == 7:
			return 0, 0, fmt.Errorf("%w: segment %d refers to many others", ErrUnsupported, number)
		case number > 65536:
			size = 4
		case number > 256:
			size = 2
		}
		body := 6 + refs*size + 1 + 4
		if flags&0x40 != 0 {
			body += 3
		}
		length := be.Uint32(head[body-4:])
		if flags&0x3F == jbig2PageInfo {
			if n < body+8 {
				return 0, 0, io.ErrUnexpectedEOF
			}
			return int(be.Uint32(head[body:])), int(be.Uint32(head[body+4:])), nil
		}
		at += int64(body) + int64(length)
	}
	return 0, 0, fmt.Errorf("no page within %d segments", maxBoxes)
}
