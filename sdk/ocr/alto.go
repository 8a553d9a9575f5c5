package ocr

import (
	"fmt"
	"io"
	"iter"
	"math"
)

const altoHead = `<?xml version="1.0" encoding="UTF-8"?>
<alto xmlns="http://www.loc.gov/standards/alto/ns-v4#" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="http://www.loc.gov/standards/alto/ns-v4# http://www.loc.gov/standards/alto/v4/alto-4-4.xsd" SCHEMAVERSION="4.4">
<Description>
<MeasurementUnit>pixel</MeasurementUnit>
`

// WriteALTO writes pages as one ALTO 4.4 document as they come: a ComposedBlock
// for each block, a TextBlock for each paragraph. Lengths are pixels of each
// page's image. It stops at the first error that pages gives; a document without
// pages is an error, for ALTO knows none.
func WriteALTO(w io.Writer, head Head, pages iter.Seq2[Page, error]) error {
	p := newPrinter(w)
	p.raw(altoHead)
	writeSource(p, head)
	p.raw("</Description>\n<Layout>\n")
	number := 0
	for page, err := range pages {
		number++
		if err != nil {
			return fmt.Errorf("write ALTO of page %d: %w", number, err)
		}
		writeALTOPage(p, page, number)
	}
	if number == 0 {
		return fmt.Errorf("write ALTO: the document has no page")
	}
	p.raw("</Layout>\n</alto>\n")
	if err := p.flush(); err != nil {
		return fmt.Errorf("write ALTO: %w", err)
	}
	return nil
}

func writeSource(p printer, head Head) {
	if head.Title != "" {
		p.raw("<sourceImageInformation><fileName>")
		p.text(head.Title)
		p.raw("</fileName></sourceImageInformation>\n")
	}
	if head.Engine != "" {
		p.raw(`<Processing ID="ocr"><processingCategory>contentGeneration</processingCategory><processingSoftware><softwareName>`)
		p.text(head.Engine)
		p.raw("</softwareName></processingSoftware></Processing>\n")
	}
}

// altoWriter numbers the parts of one page.
type altoWriter struct {
	printer
	page                         int
	block, paragraph, line, word int
}

func writeALTOPage(out printer, p Page, number int) {
	w := altoWriter{printer: out, page: number}
	w.raw(`<Page ID="page_`)
	w.int(number)
	w.raw(`" PHYSICAL_IMG_NR="`)
	w.int(number)
	w.raw(`" WIDTH="`)
	w.int(p.Width)
	w.raw(`" HEIGHT="`)
	w.int(p.Height)
	w.raw(`"`)
	if p.CountWords() > 0 {
		w.raw(` PC="`)
		w.num(p.Confidence() / 100)
		w.raw(`"`)
	}
	w.lang(p.Lang, "")
	w.raw(">\n<PrintSpace")
	w.position(Box{0, 0, p.Width, p.Height})
	w.raw(">\n")
	for _, b := range p.Blocks {
		w.writeBlock(b, p.Lang)
	}
	w.raw("</PrintSpace>\n</Page>\n")
}

func (w *altoWriter) position(b Box) {
	w.raw(` HPOS="`)
	w.int(b.X0)
	w.raw(`" VPOS="`)
	w.int(b.Y0)
	w.raw(`" WIDTH="`)
	w.int(b.Width())
	w.raw(`" HEIGHT="`)
	w.int(b.Height())
	w.raw(`"`)
}

func (w *altoWriter) open(element, id string, count *int, box Box) {
	*count++
	w.raw("<", element, ` ID="`, id)
	w.int(w.page)
	w.raw("_")
	w.int(*count)
	w.raw(`"`)
	w.position(box)
}

// lang writes the language where it differs from the one around it.
func (w *altoWriter) lang(lang, around string) {
	if tag := languageTag(lang); tag != "" && lang != around {
		w.raw(` LANG="`, tag, `"`)
	}
}

func (w *altoWriter) writeBlock(b Block, lang string) {
	if len(b.Paragraphs) == 0 {
		return
	}
	w.open("ComposedBlock", "block_", &w.block, b.Box)
	w.raw(">\n")
	for _, par := range b.Paragraphs {
		w.writeParagraph(par, lang)
	}
	w.raw("</ComposedBlock>\n")
}

func (w *altoWriter) writeParagraph(par Paragraph, lang string) {
	w.open("TextBlock", "par_", &w.paragraph, par.Box)
	if angle, turned := commonAngle(par); turned {
		w.raw(` ROTATION="`)
		w.int(angle)
		w.raw(`"`)
	}
	w.lang(par.Lang, lang)
	if par.Lang != "" {
		lang = par.Lang
	}
	w.raw(">\n")
	for _, l := range par.Lines {
		if len(l.Words) > 0 {
			w.writeLine(l, lang, par.RTL)
		}
	}
	w.raw("</TextBlock>\n")
}

// commonAngle is the angle of all lines of a paragraph, if it is not 0.
func commonAngle(par Paragraph) (angle int, turned bool) {
	for i, l := range par.Lines {
		if i > 0 && l.Angle != angle {
			return 0, false
		}
		angle = l.Angle
	}
	return angle, angle != 0
}

func (w *altoWriter) writeLine(l Line, lang string, rtl bool) {
	w.open("TextLine", "line_", &w.line, l.Box)
	if l.Angle == 0 {
		w.baseline(l)
	}
	if rtl {
		w.raw(` BASEDIRECTION="rtl"`)
	}
	w.raw(">\n")
	for i, word := range l.Words {
		if i > 0 {
			w.raw("<SP/>")
		}
		w.writeWord(word, lang)
	}
	w.raw("\n</TextLine>\n")
}

// baseline writes the line's two ends.
func (w *altoWriter) baseline(l Line) {
	left := float64(l.Box.Y1) + l.Baseline.Offset
	right := left + l.Baseline.Slope*float64(l.Box.Width())
	w.raw(` BASELINE="`)
	w.ints(l.Box.X0, int(math.Round(left)), l.Box.X1, int(math.Round(right)))
	w.raw(`"`)
}

func (w *altoWriter) writeWord(word Word, lang string) {
	w.open("String", "word_", &w.word, word.Box)
	w.raw(` CONTENT="`)
	w.text(word.Text)
	w.raw(`" WC="`)
	w.num(word.Confidence / 100)
	w.raw(`"`)
	w.lang(word.Lang, lang)
	w.raw("/>")
}
