// Package decode reads the rows of PNG and PNM files as gray or RGB of 8 bits.
// What is transparent lies on white. The other formats have their libraries.
package decode

import (
	"bufio"
	"io"

	"github.com/klauspost/compress/zlib"

	"github.com/twinleaf-scan/twinleaf/plugins/image/head"
	"github.com/twinleaf-scan/twinleaf/plugins/image/raster"
)

// PNG prepares the image whose head is p for reading. An interlaced one is held
// in memory whole, others row by row.
func PNG(r io.ReaderAt, size int64, p head.PNG) (raster.Reader, error) {
	z, err := zlib.NewReader(bufio.NewReaderSize(&chunks{r: r, size: size, next: p.Data}, 64<<10))
	if err != nil {
		return nil, pngDamaged(p, 0, err)
	}
	d := &pngRows{head: p, in: bufio.NewReaderSize(z, 256<<10), colors: newColors(p)}
	if p.Interlaced {
		return newInterlaced(d), nil
	}
	d.start(p.Width)
	return d, nil
}

func pngDamaged(p head.PNG, row int, err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return head.Damaged("the PNG is cut short: its data end at row %d of %d", row, p.Height)
	}
	return head.Damaged("decode row %d of the PNG's %d: %v", row, p.Height, err)
}

// pngRows undoes the filters of one picture, or of one pass of an interlaced one.
type pngRows struct {
	head    head.PNG
	in      io.Reader
	colors  colors
	y       int
	pixels  int    // of a row
	bpp     int    // bytes between a sample and its left neighbour
	current []byte // filter byte and row
	prior   []byte
}

func (d *pngRows) Header() raster.Header {
	return raster.Header{Width: d.head.Width, Height: d.head.Height, Form: d.colors.form}
}

// start makes ready for rows of n pixels.
func (d *pngRows) start(n int) {
	bits := d.head.Depth * d.head.Samples()
	d.pixels, d.bpp = n, (bits+7)/8
	stride := (n*bits + 7) / 8
	d.current, d.prior = make([]byte, 1+stride), make([]byte, 1+stride)
}

func (d *pngRows) Read(row []byte) error {
	d.current, d.prior = d.prior, d.current
	if _, err := io.ReadFull(d.in, d.current); err != nil {
		return pngDamaged(d.head, d.y, err)
	}
	if !unfilter(d.current, d.prior[1:], d.bpp) {
		return head.Damaged("row %d of the PNG's %d has the unknown filter %d", d.y, d.head.Height, d.current[0])
	}
	d.y++
	d.colors.convert(row, d.current[1:], d.pixels)
	return nil
}

// unfilter undoes the filter that line's first byte names.
func unfilter(line, up []byte, bpp int) bool {
	kind, row := line[0], line[1:]
	switch kind {
	case 0:
	case 1:
		for i := bpp; i < len(row); i++ {
			row[i] += row[i-bpp]
		}
	case 2:
		for i, u := range up {
			row[i] += u
		}
	case 3:
		for i := range row {
			left := 0
			if i >= bpp {
				left = int(row[i-bpp])
			}
			row[i] += byte((left + int(up[i])) / 2)
		}
	case 4:
		unPaeth(row, up, bpp)
	default:
		return false
	}
	return true
}

func unPaeth(row, up []byte, bpp int) {
	for i := range min(bpp, len(row)) {
		row[i] += up[i]
	}
	for i := bpp; i < len(row); i++ {
		a, b, c := int(row[i-bpp]), int(up[i]), int(up[i-bpp])
		pa, pb := abs(b-c), abs(a-c)
		pc := abs(a + b - 2*c)
		switch {
		case pa <= pb && pa <= pc:
			row[i] += byte(a)
		case pb <= pc:
			row[i] += byte(b)
		default:
			row[i] += byte(c)
		}
	}
}

func abs(n int) int {
	if n < 0 {
		return -n
	}
	return n
}
