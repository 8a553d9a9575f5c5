// Package bilevel compresses black-and-white pages without loss: as CCITT Group 4
// (T.6), which every reader of PDF knows, and as JBIG2, which is about a quarter
// smaller. The image embedder calls it for pages that cannot go into a document as
// they came.
package bilevel

import (
	"encoding/binary"
	"fmt"
	"math/bits"
)

// MaxSide is the largest width or height in pixels.
const MaxSide = 1 << 17

// Bitmap is a black-and-white image, one bit a pixel, 1 = black, the leftmost
// pixel in the highest bit, each row Stride bytes. Bits right of Width are ignored.
type Bitmap struct {
	Width, Height, Stride int
	Pix                   []byte
}

// New makes a white bitmap.
func New(width, height int) Bitmap {
	stride := (width + 7) / 8
	return Bitmap{Width: width, Height: height, Stride: stride, Pix: make([]byte, stride*height)}
}

// Validate tells whether the sizes fit each other.
func (b Bitmap) Validate() error {
	switch {
	case b.Width < 1 || b.Height < 1 || b.Width > MaxSide || b.Height > MaxSide:
		return fmt.Errorf("bitmap of %d × %d pixels: a side must have 1 to %d", b.Width, b.Height, MaxSide)
	case b.Stride < (b.Width+7)/8 || len(b.Pix) < b.Stride*(b.Height-1)+(b.Width+7)/8:
		return fmt.Errorf("bitmap of %d × %d pixels with rows of %d bytes in %d bytes", b.Width, b.Height, b.Stride, len(b.Pix))
	}
	return nil
}

// loadRow copies row y into 64-bit words, first pixel highest, and clears what lies
// right of the width. dst has at least width/64 + 2 words.
func (b Bitmap) loadRow(dst []uint64, y int) {
	row := b.Pix[y*b.Stride:][:(b.Width+7)/8]
	i := 0
	for ; len(row) >= 8; row = row[8:] {
		dst[i] = binary.BigEndian.Uint64(row)
		i++
	}
	var last uint64
	for j, v := range row {
		last |= uint64(v) << (56 - 8*j)
	}
	dst[i] = last
	if rest := b.Width % 64; rest != 0 {
		dst[b.Width/64] &= ^uint64(0) << (64 - rest)
	} else {
		dst[b.Width/64] = 0
	}
}

// appendChanges gives the positions where the colour changes, beginning with white
// before the first pixel, and three times the width behind them.
func appendChanges(dst []int32, row []uint64, width int) []int32 {
	var carry uint64
	for i, w := range row {
		edges := w ^ (w>>1 | carry)
		carry = w << 63
		for edges != 0 {
			n := bits.LeadingZeros64(edges)
			at := i*64 + n
			if at >= width {
				break
			}
			dst = append(dst, int32(at))
			edges &^= 1 << (63 - n)
		}
	}
	return append(dst, int32(width), int32(width), int32(width))
}
