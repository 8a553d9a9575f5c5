package textlayer

import (
	"math"
	"strconv"
)

// Matrix is a PDF transformation: x' = A·x + C·y + E, y' = B·x + D·y + F.
type Matrix struct{ A, B, C, D, E, F float64 }

// Box is a rectangle in a page's user space, in points.
type Box struct{ X0, Y0, X1, Y1 float64 }

// Then gives the matrix that does m first and n after it.
func (m Matrix) Then(n Matrix) Matrix {
	return Matrix{
		A: m.A*n.A + m.B*n.C, B: m.A*n.B + m.B*n.D,
		C: m.C*n.A + m.D*n.C, D: m.C*n.B + m.D*n.D,
		E: m.E*n.A + m.F*n.C + n.E, F: m.E*n.B + m.F*n.D + n.F,
	}
}

// Apply moves a point.
func (m Matrix) Apply(x, y float64) (float64, float64) {
	return m.A*x + m.C*y + m.E, m.B*x + m.D*y + m.F
}

// Fill places an image of w × h pixels (y downwards) upright so that it fills a
// displayed area of width × height points whose lower left corner is the origin.
func Fill(w, h int, width, height float64) Matrix {
	return Matrix{A: width / float64(max(w, 1)), D: -height / float64(max(h, 1)), F: height}
}

// Displayed leads from what a viewer shows, with its lower left corner at the
// origin, to the user space of a page with that visible box and /Rotate (clockwise
// degrees, a multiple of 90).
func Displayed(box Box, rotate int) Matrix {
	switch quarter(rotate) {
	case 1:
		return Matrix{B: 1, C: -1, E: box.X1, F: box.Y0}
	case 2:
		return Matrix{A: -1, D: -1, E: box.X1, F: box.Y1}
	case 3:
		return Matrix{B: -1, C: 1, E: box.X0, F: box.Y1}
	}
	return Matrix{A: 1, D: 1, E: box.X0, F: box.Y0}
}

// OnPage places an upright image of w × h pixels on the whole visible box of a
// page with that /Rotate.
func OnPage(w, h int, box Box, rotate int) Matrix {
	width, height := box.X1-box.X0, box.Y1-box.Y0
	if quarter(rotate)%2 == 1 {
		width, height = height, width
	}
	return Fill(w, h, width, height).Then(Displayed(box, rotate))
}

// quarter is the nearest number of quarter turns.
func quarter(degrees int) int { return ((degrees%360 + 360 + 45) / 90) % 4 }

// split takes m, which leads from pixels to user space, apart: local leads from
// pixels to points along the text's own directions with y upwards, and frame from
// there to user space.
func (m Matrix) split(h int) (local, frame Matrix) {
	sx, sy := math.Hypot(m.A, m.B), math.Hypot(m.C, m.D)
	if m.B == 0 && m.C == 0 && m.A > 0 && m.D < 0 {
		return m, Matrix{A: 1, D: 1}
	}
	local = Matrix{A: sx, D: -sy, F: sy * float64(h)}
	frame = Matrix{A: m.A / sx, B: m.B / sx, C: -m.C / sy, D: -m.D / sy}
	frame.E, frame.F = m.Apply(0, float64(h))
	return local, frame
}

// appendCM writes "a b c d e f cm".
func (m Matrix) appendCM(dst []byte) []byte {
	for _, v := range [...]float64{m.A, m.B, m.C, m.D} {
		dst = append(appendNumber(dst, v, 5), ' ')
	}
	dst = append(appendNumber(dst, m.E, 2), ' ')
	dst = append(appendNumber(dst, m.F, 2), ' ')
	return append(dst, "cm\n"...)
}

// appendNumber writes v with at most the given decimals, without trailing zeros.
func appendNumber(dst []byte, v float64, decimals int) []byte {
	p := math.Pow10(decimals)
	v = math.Round(v*p) / p
	if v == 0 { // also -0
		return append(dst, '0')
	}
	return strconv.AppendFloat(dst, v, 'f', -1, 64)
}
