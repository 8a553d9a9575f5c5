package ocr

import "strings"

// Text is the page as plain text: words parted by one space, a line break where
// the page has one, an empty line between paragraphs and blocks. It ends with a
// line break unless the page has no words, when it is empty. Pages of a document
// are parted by form feeds, which whoever joins them adds.
func (p Page) Text() string {
	var b strings.Builder
	for _, block := range p.Blocks {
		for _, par := range block.Paragraphs {
			writeParagraph(&b, par)
		}
	}
	return b.String()
}

func writeParagraph(b *strings.Builder, par Paragraph) {
	begun := false
	for _, line := range par.Lines {
		if len(line.Words) == 0 {
			continue
		}
		if !begun && b.Len() > 0 {
			b.WriteByte('\n')
		}
		begun = true
		writeLine(b, line)
	}
}

func writeLine(b *strings.Builder, line Line) {
	for i, w := range line.Words {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(w.Text)
	}
	b.WriteByte('\n')
}
