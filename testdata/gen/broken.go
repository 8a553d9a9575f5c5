package main

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// broken cuts good files short, as a lost connection does.
func broken(m *maker, _ pages) error {
	return errors.Join(
		m.cut("cut.jpg", "letter-gray.jpg", 0.4),
		m.cut("cut.tif", "minutes-g4.tif", 0.6),
		m.cut("cut.png", "letter-gray.png", 0.5),
		m.cut("cut.pdf", "scan-g4.pdf", 0.7),
		m.torn("torn-page.tif", "note-palette.tif"),
	)
}

// torn is a good page and the same page without the head of its compressed data,
// so that nobody can decode it.
func (m *maker) torn(name, of string) error {
	page := filepath.Join(m.dir, of)
	data, err := m.tool(nil, ".none", ".tif", "tiffcp", "-c", "zip", page, page, "OUT")
	if err != nil {
		return err
	}
	copy(data[lastStrip(data):], "\xff\xff\xff\xff")
	truth, err := os.ReadFile(page + ".gt.txt")
	if err != nil {
		return err
	}
	return errors.Join(m.write(name, data), os.WriteFile(filepath.Join(m.dir, name+".gt.txt"), truth, 0o644))
}

func (m *maker) cut(name, of string, share float64) error {
	data, err := os.ReadFile(filepath.Join(m.dir, of))
	if err != nil {
		return err
	}
	return m.write(name, data[:int(float64(len(data))*share)])
}

// lastStrip is where the only strip of a little-endian TIFF's last page begins.
func lastStrip(tiff []byte) uint32 {
	const stripOffsets = 273
	at, strip := binary.LittleEndian.Uint32(tiff[4:]), uint32(0)
	for at != 0 {
		n := uint32(binary.LittleEndian.Uint16(tiff[at:]))
		for i := range n {
			if entry := tiff[at+2+12*i:]; binary.LittleEndian.Uint16(entry) == stripOffsets {
				strip = binary.LittleEndian.Uint32(entry[8:])
			}
		}
		at = binary.LittleEndian.Uint32(tiff[at+2+12*n:])
	}
	return strip
}

// strangers are what people drop into the folder by mistake.
func strangers(m *maker, _ pages) error {
	docx, err := wordDocument("Dear Mrs Albright, this letter was never printed.")
	if err != nil {
		return err
	}
	return errors.Join(
		m.write("letter.docx", docx),
		m.write("page.html", []byte("<!DOCTYPE html>\n<title>Opening hours</title>\n<p>We are open from nine to five.</p>\n")),
		m.write("words.txt", []byte("Plain words are no scan.\n")),
		m.write("empty.tif", nil),
		m.write("page-named.pdf", []byte("<!DOCTYPE html>\n<title>Not found</title>\n<p>The document has moved.</p>\n")),
	)
}

// wordDocument is the least that office programs open.
func wordDocument(text string) ([]byte, error) {
	const word = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
	const pack = "http://schemas.openxmlformats.org/package/2006/"
	const main = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
	const link = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"
	const xml = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>`
	parts := []struct{ name, content string }{
		{"[Content_Types].xml", fmt.Sprintf(`%s<Types xmlns="%scontent-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/><Override PartName="/word/document.xml" ContentType="%s"/></Types>`, xml, pack, main)},
		{"_rels/.rels", fmt.Sprintf(`%s<Relationships xmlns="%srelationships"><Relationship Id="rId1" Type="%s" Target="word/document.xml"/></Relationships>`, xml, pack, link)},
		{"word/document.xml", fmt.Sprintf(`%s<w:document xmlns:w="%s"><w:body><w:p><w:r><w:t>%s</w:t></w:r></w:p></w:body></w:document>`, xml, word, text)},
	}
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, p := range parts {
		w, err := z.CreateHeader(&zip.FileHeader{Name: p.name, Method: zip.Deflate})
		if err != nil {
			return nil, err
		}
		if _, err := w.Write([]byte(p.content)); err != nil {
			return nil, err
		}
	}
	err := z.Close()
	return b.Bytes(), err
}
