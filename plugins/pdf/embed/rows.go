package embed

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"image"
	"image/color"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"

	"github.com/twinleaf-scan/twinleaf/plugins/pdf/bilevel"
	"github.com/twinleaf-scan/twinleaf/plugins/pdf/pdfa"
)

// rows is a decoded image that can be gone through more than once, from the top.
type rows struct {
	width, height int
	components    int // 1 or 3
	bits          int // 8 or 16
	start         func() (next func(row []byte) error)
}

func (r *rows) stride() int { return r.width * r.components * r.bits / 8 }

// kind is how much of colour there is in an image.
type kind int

const (
	colored kind = iota
	gray
	blackAndWhite
)

// classify looks whether an image has only black and white, or only grays. It stops
// at the first pixel that decides.
func (r *rows) classify() (kind, error) {
	if r.bits != 8 {
		return colored, nil
	}
	found := blackAndWhite
	row := make([]byte, r.stride())
	next := r.start()
	for range r.height {
		if err := next(row); err != nil {
			return colored, err
		}
		if r.components == 3 {
			for i := 0; i+2 < len(row); i += 3 {
				if row[i] != row[i+1] || row[i] != row[i+2] {
					return colored, nil
				}
			}
		}
		if found == blackAndWhite {
			for _, v := range row {
				if v != 0 && v != 255 {
					found = gray
					break
				}
			}
		}
		if found == gray && r.components == 1 {
			return gray, nil
		}
	}
	return found, nil
}

// encode compresses rows: as black and white where that is all there is and the
// options ask for it, else with PNG's filters and zlib.
func (in *input) encode(r *rows, profile []byte) (*Image, error) {
	if in.o.Lossless && profile == nil {
		switch kind, err := r.classify(); {
		case err != nil:
			return nil, err
		case kind == blackAndWhite:
			b, err := r.bitmap()
			if err != nil {
				return nil, err
			}
			return in.bilevel(b)
		case kind == gray && r.components == 3:
			r = r.gray()
		}
	}
	if r.bits == 16 && in.o.Level == pdfa.A1b {
		r = r.eight()
	}
	data, err := r.deflate()
	if err != nil {
		return nil, err
	}
	return &Image{Width: r.width, Height: r.height, Components: r.components, Profile: profile,
		Size: int64(len(data)), Body: bytes.NewReader(data),
		Dict: types.Dict{"Filter": types.Name("FlateDecode"), "BitsPerComponent": types.Integer(r.bits),
			"DecodeParms": types.Dict{"Predictor": types.Integer(15), "Colors": types.Integer(r.components),
				"BitsPerComponent": types.Integer(r.bits), "Columns": types.Integer(r.width)}}}, nil
}

// bitmap packs an image of just black and white.
func (r *rows) bitmap() (bilevel.Bitmap, error) {
	b := bilevel.New(r.width, r.height)
	row := make([]byte, r.stride())
	next := r.start()
	for y := range r.height {
		if err := next(row); err != nil {
			return b, err
		}
		line := b.Pix[y*b.Stride:]
		for x := range r.width {
			if row[x*r.components] == 0 {
				line[x/8] |= 0x80 >> (x % 8)
			}
		}
	}
	return b, nil
}

// picked makes rows that take every n-th byte.
func (r *rows) picked(n int, out rows) *rows {
	out.width, out.height = r.width, r.height
	out.start = func() func([]byte) error {
		next, wide := r.start(), make([]byte, r.stride())
		return func(row []byte) error {
			err := next(wide)
			for i := range row {
				row[i] = wide[i*n]
			}
			return err
		}
	}
	return &out
}

// gray drops two of three equal components; eight drops the low bytes.
func (r *rows) gray() *rows  { return r.picked(3, rows{components: 1, bits: 8}) }
func (r *rows) eight() *rows { return r.picked(2, rows{components: r.components, bits: 8}) }

// pictureRows goes through a decoded picture; what is transparent lies on white.
func pictureRows(pic image.Image) *rows {
	b := pic.Bounds()
	r := &rows{width: b.Dx(), height: b.Dy(), components: 3, bits: 8}
	line := func(y int, row []byte) { rgbLine(pic, y, row) }
	switch p := pic.(type) {
	case *image.Gray:
		r.components = 1
		line = func(y int, row []byte) { copy(row, p.Pix[p.PixOffset(b.Min.X, y):]) }
	case *image.Gray16:
		r.components, r.bits = 1, 16
		line = func(y int, row []byte) { copy(row, p.Pix[p.PixOffset(b.Min.X, y):]) }
	case *image.RGBA64:
		r.bits = 16
		line = func(y int, row []byte) { rgb16Line(pic, y, row) }
	case *image.NRGBA64:
		r.bits = 16
		line = func(y int, row []byte) { rgb16Line(pic, y, row) }
	}
	r.start = func() func([]byte) error {
		y := b.Min.Y
		return func(row []byte) error {
			line(y, row)
			y++
			return nil
		}
	}
	return r
}

// rgbLine writes a line as 8-bit RGB on white.
func rgbLine(pic image.Image, y int, row []byte) {
	b := pic.Bounds()
	for x := b.Min.X; x < b.Max.X; x++ {
		r, g, bl := onWhite(pic.At(x, y))
		i := 3 * (x - b.Min.X)
		row[i], row[i+1], row[i+2] = byte(r>>8), byte(g>>8), byte(bl>>8)
	}
}

func rgb16Line(pic image.Image, y int, row []byte) {
	b := pic.Bounds()
	for x := b.Min.X; x < b.Max.X; x++ {
		r, g, bl := onWhite(pic.At(x, y))
		for i, v := range [3]uint32{r, g, bl} {
			binary.BigEndian.PutUint16(row[6*(x-b.Min.X)+2*i:], uint16(v))
		}
	}
}

// onWhite gives 16-bit colours.
func onWhite(c color.Color) (r, g, b uint32) {
	r, g, b, a := c.RGBA()
	white := 0xFFFF - a
	return r + white, g + white, b + white
}

// deflate compresses the rows, each with the PNG filter whose result is smallest in
// sum.
func (r *rows) deflate() ([]byte, error) {
	var out bytes.Buffer
	z := zlib.NewWriter(&out)
	f := newFilter(r.stride(), max(r.components*r.bits/8, 1))
	row := make([]byte, r.stride())
	next := r.start()
	for range r.height {
		if err := next(row); err != nil {
			return nil, err
		}
		if _, err := z.Write(f.apply(row)); err != nil {
			return nil, err
		}
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
