package main

import (
	"image"
	"image/color"
	"math"
	"math/rand/v2"
)

// The ways of a scanner with a clean page. All are deterministic: seed decides.

// blurred softens edges as a lens does.
func blurred(src *image.Gray) *image.Gray {
	b := src.Bounds()
	out := image.NewGray(b)
	for y := range b.Dy() {
		for x := range b.Dx() {
			sum := 0
			for dy := -1; dy <= 1; dy++ {
				for dx := -1; dx <= 1; dx++ {
					weight := (2 - dx*dx) * (2 - dy*dy)
					sum += weight * int(at(src, x+dx, y+dy))
				}
			}
			out.Pix[y*out.Stride+x] = uint8(sum / 16)
		}
	}
	return out
}

// noisy adds grain of that standard deviation, in gray levels.
func noisy(src *image.Gray, deviation float64, seed uint64) *image.Gray {
	r := rand.New(rand.NewPCG(seed, 1))
	out := image.NewGray(src.Bounds())
	for i, v := range src.Pix {
		// Paper is never quite white, ink never quite black.
		level := 18 + float64(v)*220/255 + r.NormFloat64()*deviation
		out.Pix[i] = uint8(min(max(level, 0), 255))
	}
	return out
}

// skewed turns the page by a few degrees, clockwise, about its middle.
func skewed(src *image.Gray, degrees float64) *image.Gray {
	b := src.Bounds()
	out := image.NewGray(b)
	sin, cos := math.Sincos(degrees * math.Pi / 180)
	cx, cy := float64(b.Dx())/2, float64(b.Dy())/2
	for y := range b.Dy() {
		for x := range b.Dx() {
			dx, dy := float64(x)-cx, float64(y)-cy
			out.Pix[y*out.Stride+x] = between(src, cx+dx*cos+dy*sin, cy-dx*sin+dy*cos)
		}
	}
	return out
}

// between samples the image at a point that lies between pixels.
func between(src *image.Gray, x, y float64) uint8 {
	x0, y0 := math.Floor(x), math.Floor(y)
	fx, fy := x-x0, y-y0
	ix, iy := int(x0), int(y0)
	top := float64(at(src, ix, iy))*(1-fx) + float64(at(src, ix+1, iy))*fx
	bottom := float64(at(src, ix, iy+1))*(1-fx) + float64(at(src, ix+1, iy+1))*fx
	return uint8(top*(1-fy) + bottom*fy + 0.5)
}

// at is the pixel at x, y; beyond the page lies white paper.
func at(src *image.Gray, x, y int) uint8 {
	if x < 0 || y < 0 || x >= src.Bounds().Dx() || y >= src.Bounds().Dy() {
		return 255
	}
	return src.Pix[y*src.Stride+x]
}

// specked scatters n grains of dust.
func specked(src *image.Gray, n int, seed uint64) *image.Gray {
	r := rand.New(rand.NewPCG(seed, 2))
	out := image.NewGray(src.Bounds())
	copy(out.Pix, src.Pix)
	for range n {
		x, y, size := r.IntN(src.Bounds().Dx()-3), r.IntN(src.Bounds().Dy()-3), 1+r.IntN(2)
		for dy := range size {
			for dx := range size {
				out.Pix[(y+dy)*out.Stride+x+dx] = 0
			}
		}
	}
	return out
}

// bilevel makes every pixel black or white.
func bilevel(src *image.Gray) *image.Gray {
	out := image.NewGray(src.Bounds())
	for i, v := range src.Pix {
		if v >= 140 {
			out.Pix[i] = 255
		}
	}
	return out
}

// turned is the page turned clockwise by quarters.
func turned(src *image.Gray, quarters int) *image.Gray {
	for range quarters {
		b := src.Bounds()
		out := image.NewGray(image.Rect(0, 0, b.Dy(), b.Dx()))
		for y := range b.Dy() {
			for x := range b.Dx() {
				out.Pix[x*out.Stride+b.Dy()-1-y] = src.Pix[y*src.Stride+x]
			}
		}
		src = out
	}
	return src
}

// halved drops every second line, as a fax of standard resolution does.
func halved(src *image.Gray) *image.Gray {
	b := src.Bounds()
	out := image.NewGray(image.Rect(0, 0, b.Dx(), b.Dy()/2))
	for y := range b.Dy() / 2 {
		copy(out.Pix[y*out.Stride:][:b.Dx()], src.Pix[2*y*src.Stride:])
	}
	return out
}

// tinted puts the page on cream paper in blue-black ink.
func tinted(src *image.Gray) *image.RGBA {
	out := image.NewRGBA(src.Bounds())
	for i, v := range src.Pix {
		mix := func(ink, paper int) uint8 { return uint8(ink + (paper-ink)*int(v)/255) }
		copy(out.Pix[4*i:], []uint8{mix(20, 252), mix(28, 248), mix(72, 236), 255})
	}
	return out
}

// transparent has the text in its alpha channel alone: every pixel is black.
func transparent(src *image.Gray) *image.NRGBA {
	out := image.NewNRGBA(src.Bounds())
	for i, v := range src.Pix {
		out.Pix[4*i+3] = 255 - v
	}
	return out
}

// deep is the page in 16 bits a pixel.
func deep(src *image.Gray) *image.Gray16 {
	out := image.NewGray16(src.Bounds())
	for i, v := range src.Pix {
		out.SetGray16(i%src.Stride, i/src.Stride, color.Gray16{Y: uint16(v)<<8 | uint16(v)})
	}
	return out
}

// twoTone is a bilevel page with a palette of two.
func twoTone(src *image.Gray) *image.Paletted {
	out := image.NewPaletted(src.Bounds(), color.Palette{color.Black, color.White})
	for i, v := range src.Pix {
		if v >= 128 {
			out.Pix[i] = 1
		}
	}
	return out
}
