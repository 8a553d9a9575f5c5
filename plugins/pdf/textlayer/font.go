package textlayer

import (
	"bytes"
	"encoding/binary"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"
)

// FontName is the PostScript name of the font of the text layer.
const FontName = "TwinleafText"

// The glyph's box in 1/1000 of the font size. Readers take it for the area of a
// character, so it must not be empty: PDFium drops one-character words otherwise.
const (
	glyphWidth   = 500
	glyphAscent  = 800
	glyphDescent = -200
)

// FontRefs is where the six objects of the font will stand.
type FontRefs struct {
	Font, Descendant, Descriptor, File, CIDToGID, ToUnicode types.IndirectRef
}

// FontObjects is the font as plain data: three dictionaries and the contents of
// three streams, not yet compressed. FileDict holds what the font file's stream
// dictionary needs beside Length and Filter.
type FontObjects struct {
	Font, Descendant, Descriptor types.Dict
	File, CIDToGID, ToUnicode    []byte
	FileDict                     types.Dict
}

// Font makes the font for the CIDs given out so far; call it when all pages are written.
func (e *Encoder) Font(at FontRefs) FontObjects {
	file := fontFile()
	return FontObjects{
		Font: types.Dict{
			"Type": types.Name("Font"), "Subtype": types.Name("Type0"),
			"BaseFont": types.Name(FontName), "Encoding": types.Name("Identity-H"),
			"DescendantFonts": types.Array{at.Descendant}, "ToUnicode": at.ToUnicode,
		},
		Descendant: types.Dict{
			"Type": types.Name("Font"), "Subtype": types.Name("CIDFontType2"),
			"BaseFont": types.Name(FontName), "DW": types.Integer(glyphWidth),
			"CIDSystemInfo": types.Dict{
				"Registry": types.StringLiteral("Adobe"), "Ordering": types.StringLiteral("Identity"), "Supplement": types.Integer(0),
			},
			"CIDToGIDMap": at.CIDToGID, "FontDescriptor": at.Descriptor,
		},
		Descriptor: types.Dict{
			"Type": types.Name("FontDescriptor"), "FontName": types.Name(FontName),
			"Flags":    types.Integer(5), // fixed pitch, symbolic
			"FontBBox": types.Array{types.Integer(0), types.Integer(glyphDescent), types.Integer(glyphWidth), types.Integer(glyphAscent)},
			"Ascent":   types.Integer(glyphAscent), "Descent": types.Integer(glyphDescent),
			"CapHeight": types.Integer(glyphAscent), "ItalicAngle": types.Integer(0),
			"StemV": types.Integer(80), "FontFile2": at.File,
		},
		File:      file,
		FileDict:  types.Dict{"Length1": types.Integer(len(file))},
		CIDToGID:  bytes.Repeat([]byte{0, 1}, e.Last()+1),
		ToUnicode: e.ToUnicode(),
	}
}

// fontFile is a TrueType font of two glyphs, .notdef and a box. Neither is ever
// painted: the text layer is written in render mode 3.
func fontFile() []byte {
	be := binary.BigEndian
	words := func(v ...int) []byte {
		var b []byte
		for _, w := range v {
			b = be.AppendUint16(b, uint16(w))
		}
		return b
	}
	long := func(v uint32) []byte { return be.AppendUint32(nil, v) }
	join := func(p ...[]byte) []byte { return bytes.Join(p, nil) }

	const upem = 1000
	head := join(long(0x00010000), long(0x00010000), long(0), long(0x5F0F3CF5), words(0x000B, upem), make([]byte, 16),
		words(0, glyphDescent, glyphWidth, glyphAscent, 0, 8, 2, 0, 0))
	hhea := join(long(0x00010000), words(glyphAscent, glyphDescent, 0, glyphWidth, 0, 0, glyphWidth, 1, 0, 0, 0, 0, 0, 0, 0, 2))
	maxp := join(long(0x00010000), words(2, 4, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0))
	hmtx := words(glyphWidth, 0, glyphWidth, 0)
	// One contour, clockwise: lower left, upper left, upper right, lower right.
	glyf := join(words(1, 0, glyphDescent, glyphWidth, glyphAscent, 3, 0), []byte{1, 1, 1, 1},
		words(0, 0, glyphWidth, 0), words(glyphDescent, glyphAscent-glyphDescent, 0, glyphDescent-glyphAscent))
	loca := words(0, 0, (len(glyf)+1)/2)
	// A format 4 table with one segment, U+0020 to glyph 1, and the closing one.
	sub := words(4, 32, 0, 4, 4, 1, 0, 0x20, 0xFFFF, 0, 0x20, 0xFFFF, 1-0x20, 1, 0, 0)
	cmap := join(words(0, 1, 3, 1), long(12), sub)
	post := join(long(0x00030000), long(0), words(-100, 50), long(1), make([]byte, 16))

	return sfnt([]table{{"cmap", cmap}, {"glyf", glyf}, {"head", head}, {"hhea", hhea},
		{"hmtx", hmtx}, {"loca", loca}, {"maxp", maxp}, {"post", post}})
}

type table struct {
	tag  string
	data []byte
}

// sfnt joins tables, sorted by tag, into a font file with its checksums.
func sfnt(tables []table) []byte {
	be := binary.BigEndian
	n := len(tables)
	search := 1
	shift := 0
	for search*2 <= n {
		search, shift = search*2, shift+1
	}
	out := be.AppendUint32(nil, 0x00010000)
	for _, v := range []int{n, search * 16, shift, (n - search) * 16} {
		out = be.AppendUint16(out, uint16(v))
	}
	var body []byte
	var head int
	for _, t := range tables {
		offset := 12 + 16*n + len(body)
		if t.tag == "head" {
			head = offset
		}
		padded := append(bytes.Clone(t.data), make([]byte, (4-len(t.data)%4)%4)...)
		out = append(out, t.tag...)
		out = be.AppendUint32(out, checksum(padded))
		out = be.AppendUint32(out, uint32(offset))
		out = be.AppendUint32(out, uint32(len(t.data)))
		body = append(body, padded...)
	}
	out = append(out, body...)
	be.PutUint32(out[head+8:], 0xB1B0AFBA-checksum(out))
	return out
}

func checksum(b []byte) (sum uint32) {
	for ; len(b) >= 4; b = b[4:] {
		sum += binary.BigEndian.Uint32(b)
	}
	return sum
}
