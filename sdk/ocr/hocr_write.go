package ocr

import (
	"fmt"
	"io"
	"iter"
)

const hocrHead = `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html xmlns="http://www.w3.org/1999/xhtml"`

// WriteHOCRDocument writes pages as one XHTML document of hOCR 1.2 as they come,
// so that its memory does not grow with their number. It stops at the first error
// that pages gives.
func WriteHOCRDocument(w io.Writer, head Head, pages iter.Seq2[Page, error]) error {
	p := newPrinter(w)
	p.raw(hocrHead)
	if lang := languageTag(head.Lang); lang != "" {
		p.raw(` xml:lang="`, lang, `" lang="`, lang, `"`)
	}
	p.raw(">\n<head>\n<title>")
	p.text(head.Title)
	p.raw("</title>\n<meta http-equiv=\"Content-Type\" content=\"text/html;charset=utf-8\"/>\n")
	if head.Engine != "" {
		p.raw(`<meta name="ocr-system" content="`)
		p.text(head.Engine)
		p.raw("\"/>\n")
	}
	p.raw(`<meta name="ocr-capabilities" content="ocr_page ocr_carea ocr_par ocr_line ocrx_word ocrp_wconf ocrp_dir ocrp_lang"/>`,
		"\n</head>\n<body>\n")
	number := 0
	for page, err := range pages {
		number++
		if err != nil {
			return fmt.Errorf("write hOCR of page %d: %w", number, err)
		}
		page.writeHOCR(p, number)
	}
	p.raw("</body>\n</html>\n")
	if err := p.flush(); err != nil {
		return fmt.Errorf("write hOCR: %w", err)
	}
	return nil
}

// WriteHOCR writes the ocr_page element alone. number is the page's in its
// document, 1 for the first.
func (p Page) WriteHOCR(w io.Writer, number int) error {
	out := newPrinter(w)
	p.writeHOCR(out, number)
	if err := out.flush(); err != nil {
		return fmt.Errorf("write hOCR of page %d: %w", number, err)
	}
	return nil
}

// hocrWriter numbers the parts of one page.
type hocrWriter struct {
	printer
	page                         int
	block, paragraph, line, word int
}

func (p Page) writeHOCR(out printer, number int) {
	w := hocrWriter{printer: out, page: number}
	w.raw(`<div class="ocr_page" id="page_`)
	w.int(number)
	w.raw(`" title="bbox `)
	w.ints(0, 0, p.Width, p.Height)
	w.raw("; ppageno ")
	w.int(number - 1)
	if p.DPI > 0 {
		w.raw("; scan_res ")
		w.num(p.DPI)
		w.raw(" ")
		w.num(p.DPI)
	}
	w.raw(`"`)
	w.lang(p.Lang)
	w.raw(">\n")
	for _, b := range p.Blocks {
		w.writeBlock(b, p.Lang)
	}
	w.raw("</div>\n")
}

// open writes a start tag up to its box, which title lets the caller go on with.
func (w *hocrWriter) open(element, class, id string, count *int, box Box) {
	*count++
	w.raw("<", element, ` class="`, class, `" id="`, id)
	w.int(w.page)
	w.raw("_")
	w.int(*count)
	w.raw(`" title="bbox `)
	w.ints(box.X0, box.Y0, box.X1, box.Y1)
}

func (w *hocrWriter) lang(lang string) {
	if lang == "" {
		return
	}
	w.raw(` lang="`)
	w.text(lang)
	w.raw(`"`)
}

func (w *hocrWriter) writeBlock(b Block, lang string) {
	w.open("div", "ocr_carea", "block_", &w.block, b.Box)
	w.raw("\">\n")
	for _, par := range b.Paragraphs {
		w.writeParagraph(par, lang)
	}
	w.raw("</div>\n")
}

func (w *hocrWriter) writeParagraph(par Paragraph, lang string) {
	w.open("p", "ocr_par", "par_", &w.paragraph, par.Box)
	w.raw(`"`)
	if par.RTL {
		w.raw(` dir="rtl"`)
	}
	if par.Lang != "" {
		lang = par.Lang
	}
	w.lang(lang)
	w.raw(">\n")
	for _, l := range par.Lines {
		w.writeLine(l, lang)
	}
	w.raw("</p>\n")
}

func (w *hocrWriter) writeLine(l Line, lang string) {
	w.open("span", "ocr_line", "line_", &w.line, l.Box)
	if l.Angle != 0 {
		w.raw("; textangle ")
		w.int(l.Angle)
	} else {
		w.raw("; baseline ")
		w.num(l.Baseline.Slope)
		w.raw(" ")
		w.num(l.Baseline.Offset)
	}
	w.size("; x_size ", l.Size)
	w.size("; x_descenders ", l.Descent)
	w.size("; x_ascenders ", l.Ascent)
	w.raw("\">\n")
	for i, word := range l.Words {
		if i > 0 {
			w.raw("\n")
		}
		w.writeWord(word, lang)
	}
	w.raw("\n</span>\n")
}

func (w *hocrWriter) size(name string, x float64) {
	if x > 0 {
		w.raw(name)
		w.num(x)
	}
}

func (w *hocrWriter) writeWord(word Word, lang string) {
	w.open("span", "ocrx_word", "word_", &w.word, word.Box)
	w.raw("; x_wconf ")
	w.int(int(word.Confidence + 0.5))
	w.raw(`"`)
	if word.Lang != lang {
		w.lang(word.Lang)
	}
	w.raw(">")
	w.text(word.Text)
	w.raw("</span>")
}
