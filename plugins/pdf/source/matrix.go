package source

import "math"

// Matrix is a PDF transformation: x' = A·x + C·y + E, y' = B·x + D·y + F.
type Matrix struct{ A, B, C, D, E, F float64 }

var identity = Matrix{A: 1, D: 1}

// Then gives the matrix that does m first and n after it.
func (m Matrix) Then(n Matrix) Matrix {
	return Matrix{
		A: m.A*n.A + m.B*n.C, B: m.A*n.B + m.B*n.D,
		C: m.C*n.A + m.D*n.C, D: m.C*n.B + m.D*n.D,
		E: m.E*n.A + m.F*n.C + n.E, F: m.E*n.B + m.F*n.D + n.F,
	}
}

// Box is the rectangle around a transformed rectangle.
func (m Matrix) Box(b Box) Box {
	out := Box{math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)}
	for _, p := range [4][2]float64{{b.X0, b.Y0}, {b.X1, b.Y0}, {b.X0, b.Y1}, {b.X1, b.Y1}} {
		x, y := m.A*p[0]+m.C*p[1]+m.E, m.B*p[0]+m.D*p[1]+m.F
		out = Box{min(out.X0, x), min(out.Y0, y), max(out.X1, x), max(out.Y1, y)}
	}
	return out
}

// straight reports whether rectangles stay parallel to the axes, within a tenth
// of a point over a page.
func (m Matrix) straight() bool {
	const slack = 1e-4
	return math.Abs(m.B) <= slack*math.Abs(m.A) && math.Abs(m.C) <= slack*math.Abs(m.D) ||
		math.Abs(m.A) <= slack*math.Abs(m.B) && math.Abs(m.D) <= slack*math.Abs(m.C)
}

// orientation is the EXIF orientation by which an image that m places on a page
// with that /Rotate becomes what is displayed. m is straight.
func (m Matrix) orientation(rotate int) int {
	// Where the image's right and down lead to: user space has y upwards.
	right := [2]float64{m.A, -m.B}
	down := [2]float64{-m.C, m.D}
	for range ((rotate/90)%4 + 4) % 4 { // clockwise: right becomes down
		right = [2]float64{-right[1], right[0]}
		down = [2]float64{-down[1], down[0]}
	}
	return map[[4]int]int{
		{1, 0, 0, 1}: 1, {-1, 0, 0, 1}: 2, {-1, 0, 0, -1}: 3, {1, 0, 0, -1}: 4,
		{0, 1, 1, 0}: 5, {0, 1, -1, 0}: 6, {0, -1, -1, 0}: 7, {0, -1, 1, 0}: 8,
	}[[4]int{unit(right[0], right[1]), unit(right[1], right[0]), unit(down[0], down[1]), unit(down[1], down[0])}]
}

// unit is the sign of v when it is the larger of the two, else 0.
func unit(v, other float64) int {
	switch {
	case math.Abs(v) <= math.Abs(other):
		return 0
	case v > 0:
		return 1
	}
	return -1
}
