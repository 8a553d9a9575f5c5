package bilevel

import (
	"encoding/binary"
	"math/bits"
)

const (
	segmentGeneric  = 38 // immediate generic region
	segmentPageInfo = 48

	// skipContext is the context of the bit that says whether a row equals the one
	// above it (TPGDON), for template 0.
	skipContext = 0x9B25
)

// EncodeJBIG2 compresses b as an embedded JBIG2 stream (ITU-T T.88): a page and one
// generic region with template 0, without file header and global segments. In PDF it
// is JBIG2Decode without parameters. b must be valid.
func EncodeJBIG2(b Bitmap) []byte {
	be := binary.BigEndian
	size := be.AppendUint32(be.AppendUint32(nil, uint32(b.Width)), uint32(b.Height))

	page := append(size, make([]byte, 8)...) // resolution: unknown
	page = append(page, 1, 0, 0)             // lossless; white; one stripe
	out := appendSegment(nil, 0, segmentPageInfo, page)

	region := append(size[:8:8], make([]byte, 8)...) // at 0, 0
	region = append(region, 0, 0x08)                 // OR; template 0 with TPGDON
	region = append(region, 0x03, 0xFF, 0xFD, 0xFF, 0x02, 0xFE, 0xFE, 0xFE)
	return appendSegment(out, 1, segmentGeneric, append(region, codeRegion(b)...))
}

func appendSegment(dst []byte, number uint32, kind byte, data []byte) []byte {
	dst = binary.BigEndian.AppendUint32(dst, number)
	dst = append(dst, kind, 0, 1) // refers to no other; page 1
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(data)))
	return append(dst, data...)
}

// codeRegion is the arithmetic code of the bitmap.
func codeRegion(b Bitmap) []byte {
	words := b.Width/64 + 2
	up2, up1, row := make([]uint64, words), make([]uint64, words), make([]uint64, words)
	contexts := make([]context, 1<<16)
	e := newMQEncoder(len(b.Pix)/16 + 64)
	var same uint8
	for y := range b.Height {
		b.loadRow(row, y)
		was := same
		same = 1
		for i := range row {
			if row[i] != up1[i] {
				same = 0
				break
			}
		}
		e.encode(&contexts[skipContext], same^was)
		if same == 0 {
			e.codeRow(contexts, up2, up1, row, b.Width)
		}
		up2, up1, row = up1, row, up2
	}
	return e.flush()
}

// codeRow codes one row. The context of a pixel is, from the highest bit: five
// pixels two rows above (x-2 to x+2), seven one row above (x-3 to x+3) and the four
// to the left.
func (e *mqEncoder) codeRow(contexts []context, up2, up1, row []uint64, width int) {
	contexts = contexts[:1<<16]
	// The windows hold the pixels up to x+1 and x+2 before each step; pixel x+2 and
	// x+3 come in with it.
	w2 := uint32(up2[0] >> 62)
	w1 := uint32(up1[0] >> 61)
	var w0 uint32
	for x := 0; x < width; {
		if w2|w1|w0 == 0 {
			if n := min(blank(up2, up1, row, x), width-x); n > 0 {
				e.repeat(&contexts[0], 0, n)
				x += n
				w2, w1 = window(up2, x, 2), window(up1, x, 3)
				continue
			}
		}
		w2 = (w2<<1 | pixel(up2, x+2)) & 0x1F
		w1 = (w1<<1 | pixel(up1, x+3)) & 0x7F
		bit := pixel(row, x)
		e.encode(&contexts[w2<<11|w1<<4|w0], uint8(bit))
		w0 = (w0<<1 | bit) & 0x0F
		x++
	}
}

// blank counts the pixels from x on whose context and value are certainly all white,
// given that the windows at x are. It looks at most to the end of the 64-bit word.
func blank(up2, up1, row []uint64, x int) int {
	i, shift := x/64, uint(x%64)
	n := bits.LeadingZeros64((up2[i] | up1[i] | row[i]) << shift)
	if n >= 64-int(shift) {
		n = 64 - int(shift)
		for i++; i < len(row)-1 && up2[i]|up1[i]|row[i] == 0; i++ {
			n += 64
		}
	}
	return n - 3 // the windows look three pixels ahead
}

// window gives the n pixels from x on.
func window(row []uint64, x, n int) (w uint32) {
	for i := range n {
		w = w<<1 | pixel(row, x+i)
	}
	return w
}

func pixel(row []uint64, x int) uint32 {
	return uint32(row[x>>6]>>(63-uint(x)&63)) & 1
}
