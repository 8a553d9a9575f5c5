package main

import (
	"bytes"
	"encoding/binary"
	"image"
)

// picture is one page of a TIFF before compression.
type picture struct {
	width, height int
	bits, samples int
	photometric   int // 0 white is zero, 1 black is zero, 2 RGB, 3 palette, 5 CMYK
	orientation   int
	xdpi, ydpi    int
	palette       []uint16
	data          []byte
}

func bilevelPicture(src *image.Gray, xdpi, ydpi int) picture {
	return picture{src.Bounds().Dx(), src.Bounds().Dy(), 1, 1, 0, 1, xdpi, ydpi, nil, packed(src)}
}

func grayPicture(src *image.Gray, dpi int) picture {
	return picture{src.Bounds().Dx(), src.Bounds().Dy(), 8, 1, 1, 1, dpi, dpi, nil, src.Pix}
}

func deepPicture(src *image.Gray, dpi int) picture {
	data := make([]byte, 0, 2*len(src.Pix))
	for _, v := range src.Pix {
		data = append(data, v, v)
	}
	return picture{src.Bounds().Dx(), src.Bounds().Dy(), 16, 1, 1, 1, dpi, dpi, nil, data}
}

func rgbPicture(src *image.RGBA, dpi int) picture {
	data := make([]byte, 0, len(src.Pix))
	for i := 0; i < len(src.Pix); i += 4 {
		data = append(data, src.Pix[i:i+3]...)
	}
	return picture{src.Bounds().Dx(), src.Bounds().Dy(), 8, 3, 2, 1, dpi, dpi, nil, data}
}

func cmykPicture(src *image.RGBA, dpi int) picture {
	data := make([]byte, 0, len(src.Pix))
	for i := 0; i < len(src.Pix); i += 4 {
		r, g, b := src.Pix[i], src.Pix[i+1], src.Pix[i+2]
		k := 255 - max(r, g, b)
		data = append(data, 255-r-k, 255-g-k, 255-b-k, k)
	}
	return picture{src.Bounds().Dx(), src.Bounds().Dy(), 8, 4, 5, 1, dpi, dpi, nil, data}
}

// palettePicture has 16 shades from ink to paper.
func palettePicture(src *image.Gray, dpi int) picture {
	palette := make([]uint16, 3*256)
	for i := range 16 {
		palette[i] = uint16(i * 0x1111)
		palette[256+i] = uint16(i * 0x1100)
		palette[512+i] = uint16(i * 0x1000)
	}
	data := make([]byte, len(src.Pix))
	for i, v := range src.Pix {
		data[i] = v / 16
	}
	return picture{src.Bounds().Dx(), src.Bounds().Dy(), 8, 1, 3, 1, dpi, dpi, palette, data}
}

// packed is the page as eight pixels a byte, black as 1.
func packed(src *image.Gray) []byte {
	stride := (src.Bounds().Dx() + 7) / 8
	out := make([]byte, stride*src.Bounds().Dy())
	for i, v := range src.Pix {
		if v < 128 {
			x, y := i%src.Stride, i/src.Stride
			out[y*stride+x/8] |= 0x80 >> (x % 8)
		}
	}
	return out
}

// encodeTIFF writes pages without compression, little endian; tiffcp does the rest.
func encodeTIFF(pages ...picture) []byte {
	var b bytes.Buffer
	b.WriteString("II*\x00")
	next := b.Len()
	b.Write(make([]byte, 4))
	for _, p := range pages {
		dir := p.encode(&b)
		binary.LittleEndian.PutUint32(b.Bytes()[next:], uint32(dir))
		next = b.Len() - 4
	}
	return b.Bytes()
}

type entry struct{ tag, kind, count, value uint32 }

// encode appends the page and gives the offset of its directory, whose last four
// bytes point to the next one.
func (p picture) encode(b *bytes.Buffer) int {
	put := func(v any) uint32 {
		if b.Len()%2 == 1 {
			b.WriteByte(0)
		}
		at := uint32(b.Len())
		_ = binary.Write(b, binary.LittleEndian, v) // a bytes.Buffer takes everything
		return at
	}
	bits := make([]uint16, p.samples)
	for i := range bits {
		bits[i] = uint16(p.bits)
	}
	bitsAt := uint32(p.bits)
	if p.samples > 2 {
		bitsAt = put(bits)
	}
	data := put(p.data)
	x, y := put([]uint32{uint32(p.xdpi), 1}), put([]uint32{uint32(p.ydpi), 1})
	entries := []entry{
		{256, 4, 1, uint32(p.width)}, {257, 4, 1, uint32(p.height)}, {258, 3, uint32(p.samples), bitsAt},
		{259, 3, 1, 1}, {262, 3, 1, uint32(p.photometric)}, {273, 4, 1, data}, {274, 3, 1, uint32(p.orientation)},
		{277, 3, 1, uint32(p.samples)}, {278, 4, 1, uint32(p.height)}, {279, 4, 1, uint32(len(p.data))},
		{282, 5, 1, x}, {283, 5, 1, y}, {284, 3, 1, 1}, {296, 3, 1, 2},
	}
	if p.palette != nil {
		entries = append(entries, entry{320, 3, uint32(len(p.palette)), put(p.palette)})
	}
	if p.photometric == 5 {
		entries = append(entries, entry{332, 3, 1, 1})
	}
	dir := put(uint16(len(entries)))
	for _, e := range entries {
		put([]uint16{uint16(e.tag), uint16(e.kind)})
		put([]uint32{e.count, e.value})
	}
	put(uint32(0))
	return int(dir)
}

// strip finds the one strip of a TIFF of one page, as tiffcp wrote it.
func strip(tiff []byte) []byte {
	le := binary.LittleEndian
	dir := tiff[le.Uint32(tiff[4:]):]
	value := func(tag uint16) uint32 {
		for i := range int(le.Uint16(dir)) {
			e := dir[2+12*i:]
			if le.Uint16(e) == tag {
				return le.Uint32(e[8:])
			}
		}
		return 0
	}
	return tiff[value(273):][:value(279)]
}
