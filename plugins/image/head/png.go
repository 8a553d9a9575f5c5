package head

import (
	"encoding/binary"
	"hash/crc32"
	"io"
)

const pngSignature = "\x89PNG\r\n\x1a\n"

// Colour types of PNG.
const (
	PNGGray      = 0
	PNGRGB       = 2
	PNGPalette   = 3
	PNGGrayAlpha = 4
	PNGRGBA      = 6
)

// PNG is what a PNG file says of itself before its image data.
type PNG struct {
	Width, Height int
	Depth         int // bits a sample: 1, 2, 4, 8, 16
	Color         int // one of the PNG constants
	Interlaced    bool
	XDPI, YDPI    float64 // 0: not said
	Palette       []byte  // R, G, B of each entry
	Trans         []byte  // the tRNS chunk
	Data          int64   // where the first IDAT chunk begins
	Profile       bool    // carries a colour profile
}

// Samples is the number of samples of a pixel in the file.
func (p PNG) Samples() int {
	return map[int]int{PNGGray: 1, PNGRGB: 3, PNGPalette: 1, PNGGrayAlpha: 2, PNGRGBA: 4}[p.Color]
}

// Alpha reports whether anything may be transparent.
func (p PNG) Alpha() bool { return p.Color >= PNGGrayAlpha || p.Trans != nil }

// maxHeaderChunk bounds the chunks that are read; longer ones (text, profiles)
// are skipped. PLTE takes at most 768 bytes.
const maxHeaderChunk = 1 << 12

// ReadPNG reads the chunks before the image data, checks the sums of those that
// it uses, and sees that no chunk of image data passes the end of the file.
func ReadPNG(r io.ReaderAt, size int64) (PNG, error) {
	var p PNG
	at := int64(len(pngSignature))
	for range maxSegments {
		kind, body, length, err := pngChunk(r, at, size)
		if err != nil {
			return p, err
		}
		if p.Width == 0 && kind != "IHDR" {
			return p, Damaged("the PNG does not begin with its header")
		}
		switch kind {
		case "IDAT":
			p.Data = at
			if err := p.check(); err != nil {
				return p, err
			}
			return p, wholePNG(r, at, size)
		case "IEND":
			return p, Damaged("the PNG has no image data")
		}
		if err := p.take(kind, body); err != nil {
			return p, err
		}
		at += 12 + length
	}
	return p, Damaged("the PNG has more than %d chunks before its image data", maxSegments)
}

// pngChunk reads the chunk at position at. Body is nil for kinds that nobody uses.
func pngChunk(r io.ReaderAt, at, size int64) (kind string, body []byte, length int64, err error) {
	var h [8]byte
	if _, err := r.ReadAt(h[:], at); err != nil {
		return "", nil, 0, Damaged("the PNG of %d bytes ends before its image data", size)
	}
	length, kind = int64(binary.BigEndian.Uint32(h[:])), string(h[4:])
	if length > 1<<31-1 || at+12+length > size && kind != "IDAT" {
		return "", nil, 0, Damaged("chunk %q of the PNG is %d bytes long and passes the end of the file", kind, length)
	}
	switch kind {
	case "IHDR", "PLTE", "tRNS", "pHYs":
	default:
		return kind, nil, length, nil
	}
	if length > maxHeaderChunk {
		return "", nil, 0, Damaged("chunk %q of the PNG is %d bytes long", kind, length)
	}
	b := make([]byte, length+4)
	if _, err := r.ReadAt(b, at+8); err != nil {
		return "", nil, 0, Damaged("chunk %q of the PNG is cut short", kind)
	}
	sum := crc32.NewIEEE()
	sum.Write(h[4:])
	sum.Write(b[:length])
	if sum.Sum32() != binary.BigEndian.Uint32(b[length:]) {
		return "", nil, 0, Damaged("chunk %q of the PNG has a wrong checksum", kind)
	}
	return kind, b[:length], length, nil
}

// wholePNG follows the chunks of image data from at.
func wholePNG(r io.ReaderAt, at, size int64) error {
	var h [8]byte
	for {
		n, _ := r.ReadAt(h[:], at)
		if n < len(h) || string(h[4:]) != "IDAT" {
			return nil // a missing end chunk harms nobody
		}
		length := int64(binary.BigEndian.Uint32(h[:]))
		if at+8+length > size {
			return Damaged("the PNG is cut short: its image data pass the end of the file at %d bytes", size)
		}
		at += 12 + length
	}
}

func (p *PNG) take(kind string, b []byte) error {
	switch kind {
	case "IHDR":
		return p.header(b)
	case "PLTE":
		if len(b) == 0 || len(b)%3 != 0 || len(b) > 768 {
			return Damaged("the PNG's palette is %d bytes long", len(b))
		}
		p.Palette = b
	case "tRNS":
		p.Trans = b
	case "pHYs":
		if len(b) == 9 && b[8] == 1 {
			p.XDPI = float64(binary.BigEndian.Uint32(b)) * 0.0254
			p.YDPI = float64(binary.BigEndian.Uint32(b[4:])) * 0.0254
		}
	case "iCCP":
		p.Profile = true
	}
	return nil
}

func (p *PNG) header(b []byte) error {
	if len(b) != 13 || p.Width != 0 {
		return Damaged("the PNG's header is %d bytes long or comes twice", len(b))
	}
	w, h := binary.BigEndian.Uint32(b), binary.BigEndian.Uint32(b[4:])
	if w == 0 || h == 0 || w > 1<<31-1 || h > 1<<31-1 {
		return Damaged("the PNG says that it is %d x %d pixels", w, h)
	}
	p.Width, p.Height = int(w), int(h)
	p.Depth, p.Color = int(b[8]), int(b[9])
	p.Interlaced = b[12] == 1
	if b[10] != 0 || b[11] != 0 || b[12] > 1 {
		return Damaged("the PNG names unknown methods %d, %d, %d", b[10], b[11], b[12])
	}
	return nil
}

// check holds the header's parts against each other.
func (p PNG) check() error {
	depths := map[int][]int{
		PNGGray: {1, 2, 4, 8, 16}, PNGRGB: {8, 16}, PNGPalette: {1, 2, 4, 8}, PNGGrayAlpha: {8, 16}, PNGRGBA: {8, 16},
	}
	for _, d := range depths[p.Color] {
		if d != p.Depth {
			continue
		}
		if p.Color == PNGPalette && p.Palette == nil {
			return Damaged("the PNG has palette colours and no palette")
		}
		return p.checkTrans()
	}
	return Damaged("the PNG has %d bits of colour type %d", p.Depth, p.Color)
}

func (p PNG) checkTrans() error {
	n := len(p.Trans)
	bad := p.Color == PNGGray && n != 2 || p.Color == PNGRGB && n != 6 ||
		p.Color == PNGPalette && n > len(p.Palette)/3 || p.Color >= PNGGrayAlpha
	if p.Trans != nil && bad {
		return Damaged("the PNG's transparency is %d bytes long for colour type %d", n, p.Color)
	}
	return nil
}
