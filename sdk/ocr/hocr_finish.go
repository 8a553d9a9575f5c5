package ocr

import (
	"errors"
	"slices"
	"unicode/utf8"
)

// finish makes the page valid: parts without text go, boxes are made or clipped,
// and lines of unknown direction get one.
func (h *hocrReader) finish() error {
	p := &h.page
	if p.Width < 1 || p.Height < 1 {
		return errors.New("the page has no size")
	}
	for i := range p.Blocks {
		b := &p.Blocks[i]
		for j := range b.Paragraphs {
			finishParagraph(p, &b.Paragraphs[j])
		}
		b.Paragraphs = slices.DeleteFunc(b.Paragraphs, func(q Paragraph) bool { return len(q.Lines) == 0 })
		for _, q := range b.Paragraphs {
			b.Box = b.Box.Union(q.Box)
		}
		b.Box = b.Box.inside(p.Width, p.Height)
	}
	p.Blocks = slices.DeleteFunc(p.Blocks, func(b Block) bool { return len(b.Paragraphs) == 0 })
	p.Lang = commonLanguage(p.Blocks)
	return nil
}

func finishParagraph(p *Page, par *Paragraph) {
	for i := range par.Lines {
		finishLine(p, &par.Lines[i])
	}
	par.Lines = slices.DeleteFunc(par.Lines, func(l Line) bool { return len(l.Words) == 0 })
	for _, l := range par.Lines {
		par.Box = par.Box.Union(l.Box)
	}
	par.Box = par.Box.inside(p.Width, p.Height)
}

func finishLine(p *Page, l *Line) {
	l.Words = slices.DeleteFunc(l.Words, func(w Word) bool { return w.Text == "" })
	for i := range l.Words {
		w := &l.Words[i]
		if w.Box == (Box{}) {
			w.Box = l.Box
		}
		w.Box = w.Box.inside(p.Width, p.Height)
	}
	for _, w := range l.Words {
		l.Box = l.Box.Union(w.Box)
	}
	l.Box = l.Box.inside(p.Width, p.Height)
	if l.Angle == -1 {
		l.Angle = guessAngle(*l)
	}
}

// guessAngle tells the direction of a line for which the engine gave neither a
// baseline nor an angle: the words' boxes march along it.
func guessAngle(l Line) int {
	if l.Box.Height() <= 2*l.Box.Width() || len(l.Words) == 0 || standsUpright(l.Words) {
		return 0
	}
	first, end := l.Words[0].Box, l.Words[len(l.Words)-1].Box
	if first.Y0+first.Y1 > end.Y0+end.Y1 {
		return 90
	}
	return 270
}

// standsUpright reports whether a tall box says nothing of the direction: one or
// two letters, such as 1 or ll, are taller than wide on an upright line too.
func standsUpright(words []Word) bool {
	return len(words) == 1 && utf8.RuneCountInString(words[0].Text) < 3
}

// commonLanguage is the language of most paragraphs, weighed by their lines.
func commonLanguage(blocks []Block) string {
	lines := map[string]int{}
	best := ""
	for _, b := range blocks {
		for _, par := range b.Paragraphs {
			lines[par.Lang] += len(par.Lines)
			if par.Lang != "" && (best == "" || lines[par.Lang] > lines[best]) {
				best = par.Lang
			}
		}
	}
	return best
}
