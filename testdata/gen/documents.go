package main

import (
	"errors"
	"image"
)

func tiffs(m *maker, p pages) error {
	first, second := office(p.first, 21), office(p.second, 22)
	back := bilevelPicture(specked(blank(p.first), 60, 23), 300, 300)
	sideways := bilevelPicture(turned(office(p.invoice, 24), 3), 300, 300)
	sideways.orientation = 6
	soft := blurred(p.note.image)
	dpi := int(p.note.dpi)
	return errors.Join(
		m.compressed("minutes-g4.tif", "-c g4", []picture{bilevelPicture(first, 300, 300), back, bilevelPicture(second, 300, 300)},
			p.first, sheet{}, p.second),
		m.compressed("invoice-g4-orient6.tif", "-c g4", []picture{sideways}, p.invoice),
		m.compressed("upside-down-g4.tif", "-c g4", []picture{bilevelPicture(turned(office(p.invoice, 25), 2), 300, 300)}, p.invoice),
		m.compressed("note-lzw.tif", "-c lzw:2", []picture{rgbPicture(tinted(p.note.image), dpi)}, p.note),
		m.compressed("note-16bit-deflate.tif", "-c zip:2", []picture{deepPicture(soft, dpi)}, p.note),
		m.compressed("note-cmyk.tif", "-c zip:2", []picture{cmykPicture(tinted(p.note.image), dpi)}, p.note),
		m.compressed("note-palette.tif", "-c lzw", []picture{palettePicture(soft, dpi)}, p.note),
		m.compressed("letter-jpeg.tif", "-c jpeg:50", []picture{grayPicture(noisy(blurred(p.letter.image), 2, 26), int(p.letter.dpi))}, p.letter),
		m.compressed("note-tiled.tif", "-c zip -t -w 256 -l 256", []picture{grayPicture(soft, dpi)}, p.note),
	)
}

// office is a page as an office scanner gives it in black and white.
func office(s sheet, seed uint64) *image.Gray {
	return bilevel(specked(noisy(blurred(s.image), 12, seed), 30, seed))
}

func faxes(m *maker, p pages) error {
	wide, err := typeset(paper{8.27, 11.69, 204}, 14, invoice())
	if err != nil {
		return err
	}
	fax := bilevel(blurred(wide.image))
	return errors.Join(
		m.compressed("invoice-g3.tif", "-c g3:1d", []picture{bilevelPicture(office(p.invoice, 31), 300, 300)}, p.invoice),
		m.compressed("fax-204x98.tif", "-c g3:2d", []picture{bilevelPicture(halved(fax), 204, 98)}, wide),
	)
}

func (m *maker) compressed(name, options string, pages []picture, shown ...sheet) error {
	data, err := m.tiff(options, pages...)
	if err != nil {
		return err
	}
	return m.write(name, data, shown...)
}

// g4 is a page as a naked G4 strip.
func (m *maker) g4(page *image.Gray, dpi int) ([]byte, error) {
	data, err := m.tiff("-c g4", bilevelPicture(page, dpi, dpi))
	if err != nil {
		return nil, err
	}
	return strip(data), nil
}

func languages(m *maker, p pages) error {
	return errors.Join(
		m.compressed("notice-german.tif", "-c g4", []picture{bilevelPicture(office(p.german, 41), 300, 300)}, p.german),
		m.png("note-french.png", twoTone(blurred(p.french.image)), p.french),
	)
}

func pdfs(m *maker, p pages) error {
	first, err := m.g4(office(p.first, 51), 300)
	if err != nil {
		return err
	}
	second, err := m.g4(office(p.second, 52), 300)
	if err != nil {
		return err
	}
	photo, err := encodeJPEG(noisy(blurred(p.letter.image), 3, 53), p.letter.dpi)
	if err != nil {
		return err
	}
	scans := newPDF()
	scans.g4(p.first, first)
	scans.g4(p.second, second)
	jpegs := newPDF()
	jpegs.jpeg(p.letter, photo)
	digital := newPDF()
	invoiceText := sheet{truth: digital.digital(invoice())}
	mixed := newPDF()
	coverText := sheet{truth: mixed.digital(minutesFirst())}
	mixed.g4(p.second, second)
	return errors.Join(
		m.write("scan-g4.pdf", scans.bytes(), p.first, p.second),
		m.write("scan-jpeg.pdf", jpegs.bytes(), p.letter),
		m.write("digital.pdf", digital.bytes(), invoiceText),
		m.write("mixed.pdf", mixed.bytes(), coverText, p.second),
		m.encrypted("encrypted-empty.pdf", "", scans.bytes(), p.first, p.second),
		m.encrypted("encrypted-open-sesame.pdf", "open sesame", scans.bytes(), p.first, p.second),
	)
}

// encrypted writes a PDF with that user password. The options that make it the
// same each time are meant for tests alone.
func (m *maker) encrypted(name, password string, pdf []byte, shown ...sheet) error {
	data, err := m.tool(pdf, ".pdf", ".pdf", "qpdf", "--static-id", "--static-aes-iv",
		"--encrypt", password, "owner", "128", "--use-aes=y", "--", "IN", "OUT")
	if err != nil {
		return err
	}
	return m.write(name, data, shown...)
}
