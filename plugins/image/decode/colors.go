package decode

import (
	"encoding/binary"

	"github.com/twinleaf-scan/twinleaf/plugins/image/head"
	"github.com/twinleaf-scan/twinleaf/plugins/image/raster"
)

// colors turns the samples of a PNG into gray or RGB on white.
type colors struct {
	head    head.PNG
	form    raster.Form
	palette [][3]byte // on white
	key     []uint16  // the colour that is transparent; nil: none
}

func newColors(p head.PNG) colors {
	c := colors{head: p, form: raster.RGB}
	switch p.Color {
	case head.PNGGray, head.PNGGrayAlpha:
		c.form = raster.Gray
	case head.PNGPalette:
		c.form = raster.Gray
		for i := 0; i+3 <= len(p.Palette); i += 3 {
			c.addColor(p.Palette[i:i+3], i/3)
		}
	}
	if p.Trans != nil && p.Color != head.PNGPalette {
		for i := 0; i+2 <= len(p.Trans); i += 2 {
			c.key = append(c.key, binary.BigEndian.Uint16(p.Trans[i:]))
		}
	}
	return c
}

func (c *colors) addColor(rgb []byte, i int) {
	alpha := byte(255)
	if i < len(c.head.Trans) {
		alpha = c.head.Trans[i]
	}
	color := [3]byte{onWhite(rgb[0], alpha), onWhite(rgb[1], alpha), onWhite(rgb[2], alpha)}
	if color[0] != color[1] || color[1] != color[2] {
		c.form = raster.RGB
	}
	c.palette = append(c.palette, color)
}

func onWhite(v, alpha byte) byte {
	return byte((uint32(v)*uint32(alpha) + 255*uint32(255-alpha) + 127) / 255)
}

// convert turns n pixels of src into dst.
func (c *colors) convert(dst, src []byte, n int) {
	switch {
	case c.head.Color == head.PNGPalette:
		c.fromPalette(dst, src, n)
	case c.head.Depth == 8 && c.key == nil && c.head.Color == head.PNGGray, c.head.Depth == 8 && c.key == nil && c.head.Color == head.PNGRGB:
		copy(dst[:n*c.head.Samples()], src)
	default:
		c.fromSamples(dst, src, n)
	}
}

func (c *colors) fromPalette(dst, src []byte, n int) {
	for i := range n {
		color := [3]byte{255, 255, 255} // an index past the palette shows nothing
		if k := int(sample(src, i, c.head.Depth)); k < len(c.palette) {
			color = c.palette[k]
		}
		if c.form == raster.Gray {
			dst[i] = color[0]
		} else {
			copy(dst[3*i:3*i+3], color[:])
		}
	}
}

func (c *colors) fromSamples(dst, src []byte, n int) {
	each := c.head.Samples()
	shown := each // samples that carry colour
	if c.head.Color >= head.PNGGrayAlpha {
		shown--
	}
	var v [4]uint16
	for i := range n {
		for k := range each {
			v[k] = sample(src, i*each+k, c.head.Depth)
		}
		alpha := byte(255)
		if shown < each {
			alpha = c.to8(v[shown])
		} else if c.key != nil && c.matches(v[:shown]) {
			alpha = 0
		}
		for k := range shown {
			dst[i*shown+k] = onWhite(c.to8(v[k]), alpha)
		}
	}
}

func (c *colors) matches(v []uint16) bool {
	for k := range v {
		if v[k] != c.key[k] {
			return false
		}
	}
	return true
}

func (c *colors) to8(v uint16) byte {
	switch c.head.Depth {
	case 16:
		return byte(v >> 8)
	case 8:
		return byte(v)
	}
	return byte(int(v) * 255 / (1<<c.head.Depth - 1))
}

// sample gives sample i of a row whose samples have depth bits.
func sample(row []byte, i, depth int) uint16 {
	switch depth {
	case 16:
		return uint16(row[2*i])<<8 | uint16(row[2*i+1])
	case 8:
		return uint16(row[i])
	}
	per := 8 / depth
	shift := 8 - depth*(i%per+1)
	return uint16(row[i/per]>>shift) & (1<<depth - 1)
}
