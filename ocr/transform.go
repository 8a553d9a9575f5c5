package ocr

import "math"

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
