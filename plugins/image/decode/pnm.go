package decode

import (
	"bufio"
	"io"

	"github.com/twinleaf-scan/twinleaf/plugins/image/head"
	"github.com/twinleaf-scan/twinleaf/plugins/image/raster"
)

// PNM prepares the image whose head is p for reading.
func PNM(r io.ReaderAt, size int64, p head.PNM) raster.Reader {
	d := &pnmRows{
		head: p,
		in:   bufio.NewReaderSize(io.NewSectionReader(r, p.Data, size-p.Data), 256<<10),
		h:    raster.Header{Width: p.Width, Height: p.Height, Form: raster.Gray},
	}
	switch p.Kind {
	case '1', '4':
		d.h.Form = raster.Bilevel
	case '3', '6':
		d.h.Form = raster.RGB
	}
	if !p.Plain() {
		d.raw = make([]byte, p.Stride())
	}
	return d
}

type pnmRows struct {
	head head.PNM
	in   *bufio.Reader
	h    raster.Header
	raw  []byte
	y    int
}

func (d *pnmRows) Header() raster.Header { return d.h }

func (d *pnmRows) Read(row []byte) (err error) {
	row = row[:d.h.Stride()]
	switch {
	case d.head.Kind == '1':
		err = d.plainBits(row)
	case d.head.Plain():
		err = d.plain(row)
	default:
		err = d.rawRow(row)
	}
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return head.Damaged("the PNM image is cut short: its data end at row %d of %d", d.y, d.h.Height)
	}
	d.y++
	return err
}

func (d *pnmRows) rawRow(row []byte) error {
	if _, err := io.ReadFull(d.in, d.raw); err != nil {
		return err
	}
	if d.head.Max == 255 || d.h.Form == raster.Bilevel {
		copy(row, d.raw)
		return nil
	}
	for i := range row {
		if d.head.Max > 255 {
			row[i] = d.scale(int(d.raw[2*i])<<8 | int(d.raw[2*i+1]))
		} else {
			row[i] = d.scale(int(d.raw[i]))
		}
	}
	return nil
}

func (d *pnmRows) scale(v int) byte {
	return byte((min(v, d.head.Max)*255 + d.head.Max/2) / d.head.Max)
}

func (d *pnmRows) plain(row []byte) error {
	for i := range row {
		v, err := d.number()
		if err != nil {
			return err
		}
		row[i] = d.scale(v)
	}
	return nil
}

// plainBits reads ones and zeros, which need no blanks between them.
func (d *pnmRows) plainBits(row []byte) error {
	clear(row)
	for i := range d.h.Width {
		c, err := d.visible()
		if err != nil {
			return err
		}
		if c != '0' && c != '1' {
			return d.odd(c)
		}
		if c == '1' {
			row[i>>3] |= 0x80 >> (i & 7)
		}
	}
	return nil
}

func (d *pnmRows) number() (int, error) {
	c, err := d.visible()
	n := 0
	for digits := 0; err == nil; digits++ {
		if c < '0' || c > '9' {
			if digits == 0 {
				return 0, d.odd(c)
			}
			return n, nil
		}
		n = min(n*10+int(c-'0'), 1<<20)
		if c, err = d.in.ReadByte(); err == io.EOF {
			return n, nil
		}
	}
	return 0, err
}

// visible gives the next byte that is neither blank nor in a comment.
func (d *pnmRows) visible() (byte, error) {
	for {
		c, err := d.in.ReadByte()
		if err != nil {
			return 0, err
		}
		if c == '#' {
			for err = bufio.ErrBufferFull; err == bufio.ErrBufferFull; {
				_, err = d.in.ReadSlice('\n')
			}
			if err != nil {
				return 0, err
			}
			continue
		}
		if c > ' ' {
			return c, nil
		}
	}
}

func (d *pnmRows) odd(c byte) error {
	return head.Damaged("row %d of the PNM image has %q where a number should be", d.y, c)
}
