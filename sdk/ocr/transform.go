package ocr

import (
	"iter"
	"math"
)

// Scaled is the page as it is on an image with f times as many pixels a side:
// boxes, font sizes, baselines and resolution grow by f, slopes and angles stay.
// The result shares nothing with p. f must be finite and above 0; otherwise p
// comes back as it is.
func (p Page) Scaled(f float64) Page {
	if f == 1 || !(f > 0) || math.IsInf(f, 0) {
		return p
	}
	width, height := scaleLength(p.Width, f), scaleLength(p.Height, f)
	return p.mapped(width, height, p.DPI*f,
		func(b Box) Box { return scaleBox(b, f).inside(width, height) },
		func(l *Line) {
			l.Baseline.Offset *= f
			l.Size *= f
			l.Ascent *= f
			l.Descent *= f
		})
}

// Turned is the page as it is after its image was turned clockwise by degrees, a
// multiple of 90 of either sign; other values leave the page as it is. Lines keep
// their baselines, which belong to the frame in which the line reads upright, and
// change their Angle. The result shares nothing with p.
func (p Page) Turned(degrees int) Page {
	degrees = ((degrees % 360) + 360) % 360
	width, height := p.Width, p.Height
	var turn func(Box) Box
	switch degrees {
	case 90:
		turn = func(b Box) Box { return Box{height - b.Y1, b.X0, height - b.Y0, b.X1} }
	case 180:
		turn = func(b Box) Box { return Box{width - b.X1, height - b.Y1, width - b.X0, height - b.Y0} }
	case 270:
		turn = func(b Box) Box { return Box{b.Y0, width - b.X1, b.Y1, width - b.X0} }
	default:
		return p
	}
	newWidth, newHeight := width, height
	if degrees != 180 {
		newWidth, newHeight = height, width
	}
	return p.mapped(newWidth, newHeight, p.DPI, turn, func(l *Line) { l.Angle = (l.Angle + 360 - degrees) % 360 })
}

// Tilted is the page as it is after its image was turned clockwise by a few
// degrees about its centre, into a frame of width x height pixels with the same
// centre. Boxes become those around the turned boxes, baselines slope by the turn.
// The result shares nothing with p. An angle of 45 degrees or more leaves the page
// as it is.
func (p Page) Tilted(degrees float64, width, height int) Page {
	if !(math.Abs(degrees) < 45) || width < 1 || height < 1 {
		return p
	}
	t := tilt{
		x0: float64(p.Width) / 2, y0: float64(p.Height) / 2,
		x1: float64(width) / 2, y1: float64(height) / 2, angle: degrees * math.Pi / 180,
	}
	t.sin, t.cos = math.Sincos(t.angle)
	out := p.mapped(width, height, p.DPI, func(b Box) Box { return t.box(b).inside(width, height) }, func(*Line) {})
	next, stop := iter.Pull(p.Lines())
	defer stop()
	for l := range out.Lines() {
		old, _ := next()
		l.Baseline = t.baseline(*old, *l)
	}
	return out
}

// tilt is a turn about a centre that moves from one frame to another.
type tilt struct{ x0, y0, x1, y1, angle, sin, cos float64 }

func (t tilt) point(x, y float64) (float64, float64) {
	x, y = x-t.x0, y-t.y0
	return t.x1 + x*t.cos - y*t.sin, t.y1 + x*t.sin + y*t.cos
}

// box is the box around the turned box.
func (t tilt) box(b Box) Box {
	x, y := t.point(float64(b.X0+b.X1)/2, float64(b.Y0+b.Y1)/2)
	w, h := float64(b.Width()), float64(b.Height())
	sin := math.Abs(t.sin)
	dx, dy := (w*t.cos+h*sin)/2, (h*t.cos+w*sin)/2
	round := func(f float64) int { return int(math.Round(f)) }
	return Box{round(x - dx), round(y - dy), round(x + dx), round(y + dy)}
}

// baseline is that of the old line in the new one. Of a line that reads upright
// its left end is carried over; others keep their offset, which belongs to a frame
// of their own. A line may not become steeper than a page allows.
func (t tilt) baseline(old, l Line) Baseline {
	slope := math.Tan(math.Atan(old.Baseline.Slope) + t.angle)
	b := Baseline{Slope: min(max(slope, -maxSlope), maxSlope), Offset: old.Baseline.Offset}
	if old.Angle == 0 {
		x, y := t.point(float64(old.Box.X0), float64(old.Box.Y1)+old.Baseline.Offset)
		b.Offset = max(-MaxSide, min(0, y-float64(l.Box.Y1)-b.Slope*(x-float64(l.Box.X0))))
	}
	return b
}

// mapped is a deep copy with every box and line changed.
func (p Page) mapped(width, height int, dpi float64, box func(Box) Box, line func(*Line)) Page {
	out := p
	out.Width, out.Height, out.DPI = width, height, dpi
	out.Blocks = make([]Block, len(p.Blocks))
	for i, block := range p.Blocks {
		pars := make([]Paragraph, len(block.Paragraphs))
		for j, par := range block.Paragraphs {
			lines := make([]Line, len(par.Lines))
			for k, l := range par.Lines {
				lines[k] = mapLine(l, box, line)
			}
			par.Box, par.Lines = box(par.Box), lines
			pars[j] = par
		}
		out.Blocks[i] = Block{Box: box(block.Box), Paragraphs: pars}
	}
	return out
}

func mapLine(l Line, box func(Box) Box, line func(*Line)) Line {
	words := make([]Word, len(l.Words))
	for i, w := range l.Words {
		w.Box = box(w.Box)
		words[i] = w
	}
	l.Box, l.Words = box(l.Box), words
	line(&l)
	return l
}

func scaleLength(n int, f float64) int { return max(1, int(math.Round(float64(n)*f))) }

func scaleBox(b Box, f float64) Box {
	round := func(n int) int { return int(math.Round(float64(n) * f)) }
	return Box{round(b.X0), round(b.Y0), round(b.X1), round(b.Y1)}
}

// inside is the box clipped to a page of that size and at least one pixel wide
// and high. The page must not be empty.
func (b Box) inside(width, height int) Box {
	b.X0, b.X1 = clipSpan(b.X0, b.X1, width)
	b.Y0, b.Y1 = clipSpan(b.Y0, b.Y1, height)
	return b
}

func clipSpan(lo, hi, size int) (int, int) {
	lo = min(max(lo, 0), size-1)
	return lo, min(max(hi, lo+1), size)
}
