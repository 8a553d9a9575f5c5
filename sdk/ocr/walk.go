package ocr

import "iter"

// Words gives every word of the page in reading order. The pointers lead into the
// page: what is changed through them is changed in the page.
func (p Page) Words() iter.Seq[*Word] {
	return func(yield func(*Word) bool) {
		for line := range p.Lines() {
			for i := range line.Words {
				if !yield(&line.Words[i]) {
					return
				}
			}
		}
	}
}

// Lines gives every line of the page in reading order, as [Page.Words] does words.
func (p Page) Lines() iter.Seq[*Line] {
	return func(yield func(*Line) bool) {
		for _, block := range p.Blocks {
			for _, par := range block.Paragraphs {
				for i := range par.Lines {
					if !yield(&par.Lines[i]) {
						return
					}
				}
			}
		}
	}
}

// CountWords is the number of words on the page.
func (p Page) CountWords() int {
	n := 0
	for line := range p.Lines() {
		n += len(line.Words)
	}
	return n
}

// Confidence is the mean confidence of the page's words, 0 to 100. A page without
// words has 0.
func (p Page) Confidence() float64 {
	sum, n := 0.0, 0
	for w := range p.Words() {
		sum += w.Confidence
		n++
	}
	if n == 0 {
		return 0
	}
	return sum / float64(n)
}

// Width is the box's extent in x, in pixels.
func (b Box) Width() int { return b.X1 - b.X0 }

// Height is the box's extent in y, in pixels.
func (b Box) Height() int { return b.Y1 - b.Y0 }

// Empty reports whether the box holds no pixel.
func (b Box) Empty() bool { return b.X1 <= b.X0 || b.Y1 <= b.Y0 }

// Union is the smallest box around both; an empty box adds nothing.
func (b Box) Union(c Box) Box {
	if b.Empty() {
		return c
	}
	if c.Empty() {
		return b
	}
	return Box{min(b.X0, c.X0), min(b.Y0, c.Y0), max(b.X1, c.X1), max(b.Y1, c.Y1)}
}
