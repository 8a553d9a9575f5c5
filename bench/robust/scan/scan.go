// Package scan makes small scans that are all different and can be told apart by
// whoever sees their picture: each carries a number, drawn as a grid of eight by
// eight fields. A page that was recognised, lost or mixed up has a name that way.
package scan

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/draw"
	"image/png"
)

// Sizes of the grid in pixels: fields are large, so that turning or scaling a
// page by a little does no harm.
const (
	field  = 16
	side   = 8
	margin = 32
)

// Page is the number of a page: a job and the place of the page in it.
type Page struct {
	Job  int // 0 … 2³²-1
	Page int // 1 … 65535
}

func (p Page) String() string { return fmt.Sprintf("job%dpage%d", p.Job, p.Page) }

// Parse is the page that a String is of.
func Parse(s string) (p Page, err error) {
	_, err = fmt.Sscanf(s, "job%dpage%d", &p.Job, &p.Page)
	return p, err
}

// ErrNoGrid says that a picture carries no number.
var ErrNoGrid = errors.New("there is no grid with a number in the picture")

// bits is the number with its checksum: 32 bits of job, 16 of page, 16 of checksum.
func (p Page) bits() uint64 {
	n := uint64(uint32(p.Job))<<16 | uint64(uint16(p.Page))
	return n<<16 | sum(n)
}

func sum(n uint64) uint64 {
	return uint64(crc32.ChecksumIEEE(binary.BigEndian.AppendUint64(nil, n)) & 0xffff)
}

func pageOf(bits uint64) (Page, error) {
	n := bits >> 16
	if n == 0 || sum(n) != bits&0xffff {
		return Page{}, ErrNoGrid
	}
	return Page{Job: int(n >> 16), Page: int(n & 0xffff)}, nil
}

// PNG is the scan of a page, black on white with one bit a pixel. Behind the grid
// stands paper, if there is one, so that an OCR engine has something to read.
func PNG(p Page, paper image.Image) ([]byte, error) {
	size := image.Rect(0, 0, 2*margin+side*field, 2*margin+side*field)
	if paper != nil {
		size = image.Rect(0, 0, paper.Bounds().Dx(), paper.Bounds().Dy())
	}
	m := image.NewPaletted(size, color.Palette{color.White, color.Black})
	if paper != nil {
		draw.Draw(m, size, paper, paper.Bounds().Min, draw.Src)
		fill(m, margin/2, margin/2, margin+side*field, 0)
	}
	bits := p.bits()
	for i := range side * side {
		if bits>>i&1 == 1 {
			fill(m, margin+i%side*field, margin+i/side*field, field, 1)
		}
	}
	var out bytes.Buffer
	err := png.Encode(&out, m)
	return out.Bytes(), err
}

// fill makes a square one colour.
func fill(m *image.Paletted, x0, y0, width int, index uint8) {
	for y := y0; y < y0+width; y++ {
		for x := x0; x < x0+width; x++ {
			m.SetColorIndex(x, y, index)
		}
	}
}

// Read finds the number in the picture of a page.
func Read(m image.Image) (Page, error) {
	var bits uint64
	at := m.Bounds().Min
	for i := range side * side {
		x, y := margin+i%side*field+field/2, margin+i/side*field+field/2
		if grey := color.GrayModel.Convert(m.At(at.X+x, at.Y+y)).(color.Gray); grey.Y < 128 {
			bits |= 1 << i
		}
	}
	return pageOf(bits)
}
