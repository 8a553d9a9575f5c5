package check

import (
	"encoding/binary"
	"encoding/hex"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf16"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"

	"github.com/twinleaf-scan/twinleaf/plugins/pdf/content"
)

// font is what is known of a font whose text is looked at.
type font struct {
	gids    []byte // CIDToGIDMap
	glyphs  int
	unicode map[int]string
}

// font reads a composite font once.
func (c *checker) font(o types.Object) *font {
	ref, ok := o.(types.IndirectRef)
	number := int(ref.ObjectNumber)
	if !ok {
		c.fail("font", 0, "it is no object of its own")
		return nil
	}
	if f, ok := c.fonts[number]; ok {
		return f
	}
	c.fonts[number] = nil
	d, err := c.ctx.DereferenceDict(o)
	if err != nil || name(d["Subtype"]) != "Type0" || name(d["Encoding"]) != "Identity-H" {
		c.fail("font", number, "not a composite font with Identity-H")
		return nil
	}
	kids, _ := c.ctx.DereferenceArray(d["DescendantFonts"])
	if len(kids) != 1 {
		c.fail("font", number, "%d descendants", len(kids))
		return nil
	}
	f := c.descendant(number, name(d["BaseFont"]), kids[0])
	if f == nil {
		return nil
	}
	if cmap, _ := c.stream(d["ToUnicode"]); cmap != nil {
		f.unicode = c.cmap(number, string(cmap.Content))
	} else if c.names {
		c.fail("font", number, "no ToUnicode")
	}
	c.fonts[number] = f
	return f
}

func (c *checker) descendant(number int, base string, o types.Object) *font {
	d, err := c.ctx.DereferenceDict(o)
	if err != nil || name(d["Subtype"]) != "CIDFontType2" || name(d["BaseFont"]) != base {
		c.fail("font", number, "its descendant is no TrueType font of the same name")
		return nil
	}
	descriptor, err := c.ctx.DereferenceDict(d["FontDescriptor"])
	if err != nil || descriptor == nil || name(descriptor["FontName"]) != base {
		c.fail("font", number, "its descriptor is missing or has another name")
		return nil
	}
	c.forbid(descriptor, "CIDSet", number)
	file, _ := c.stream(descriptor["FontFile2"])
	gids, _ := c.stream(d["CIDToGIDMap"])
	if file == nil || gids == nil {
		c.fail("font", number, "font file or map of glyphs is missing")
		return nil
	}
	if n, _ := file.Dict["Length1"].(types.Integer); int(n) != len(file.Content) {
		c.fail("font", number, "Length1 is %d, the file has %d bytes", n, len(file.Content))
	}
	width, _ := d["DW"].(types.Integer)
	return &font{gids: gids.Content, glyphs: c.widths(number, file.Content, int(width))}
}

// widths holds the widths of all glyphs against the one that the font claims, and
// gives the number of glyphs.
func (c *checker) widths(number int, file []byte, claimed int) int {
	be := binary.BigEndian
	tables := map[string][]byte{}
	if len(file) >= 12 {
		for i := range int(be.Uint16(file[4:])) {
			entry := file[min(12+16*i, len(file)):]
			if len(entry) < 16 {
				break
			}
			at, n := int(be.Uint32(entry[8:])), int(be.Uint32(entry[12:]))
			if at+n <= len(file) {
				tables[string(entry[:4])] = file[at : at+n]
			}
		}
	}
	head, hhea, hmtx, maxp := tables["head"], tables["hhea"], tables["hmtx"], tables["maxp"]
	if len(head) < 54 || len(hhea) < 36 || len(maxp) < 6 {
		c.fail("font", number, "the font file lacks tables")
		return 0
	}
	upem, metrics, glyphs := int(be.Uint16(head[18:])), int(be.Uint16(hhea[34:])), int(be.Uint16(maxp[4:]))
	if upem == 0 || metrics == 0 || len(hmtx) < 4*metrics {
		c.fail("font", number, "the font file has no widths")
		return 0
	}
	for i := range metrics {
		if w := int(be.Uint16(hmtx[4*i:])) * 1000 / upem; w != claimed {
			c.fail("font", number, "glyph %d is %d wide, the document says %d", i, w, claimed)
		}
	}
	return glyphs
}

// show checks the codes of one string.
func (f *font) show(c *checker, stream int, args []content.Token) {
	codes := unescape(args)
	if len(codes)%2 != 0 {
		c.fail("text", stream, "half a code in %q", codes)
		return
	}
	for ; len(codes) > 0; codes = codes[2:] {
		code := int(binary.BigEndian.Uint16([]byte(codes)))
		gid := 0
		if 2*code+1 < len(f.gids) {
			gid = int(binary.BigEndian.Uint16(f.gids[2*code:]))
		}
		if gid == 0 || gid >= f.glyphs {
			c.fail("text", stream, "code %d has no glyph", code)
		}
		if c.names && f.unicode[code] == "" {
			c.fail("text", stream, "code %d has no Unicode value", code)
		}
	}
}

// unescape gives the bytes of a literal string.
func unescape(args []content.Token) string {
	if len(args) != 1 || len(args[0].Text) < 2 || args[0].Text[0] != '(' {
		return "?" // half a code
	}
	var b strings.Builder
	text := args[0].Text[1 : len(args[0].Text)-1]
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' && i+1 < len(text) {
			i++
			if plain, ok := map[byte]byte{'n': '\n', 'r': '\r'}[text[i]]; ok {
				b.WriteByte(plain)
				continue
			}
		}
		b.WriteByte(text[i])
	}
	return b.String()
}

// cmap reads the ranges and characters of a ToUnicode map.
func (c *checker) cmap(number int, text string) map[int]string {
	out := map[int]string{}
	ranges := regexp.MustCompile(`(?m)^<([0-9A-F]{4})><([0-9A-F]{4})><([0-9A-F]{4})>$`)
	chars := regexp.MustCompile(`(?m)^<([0-9A-F]{4})><([0-9A-F]{4}(?:[0-9A-F]{4})?)>$`)
	for _, m := range ranges.FindAllStringSubmatch(text, -1) {
		from, to, value := number16(m[1]), number16(m[2]), number16(m[3])
		if from>>8 != to>>8 || value>>8 != (value+to-from)>>8 {
			c.fail("ToUnicode", number, "range %v crosses a boundary of 256", m[0])
		}
		for code := from; code <= to; code++ {
			c.unicode(number, out, code, string(rune(value+code-from)))
		}
	}
	for _, m := range chars.FindAllStringSubmatch(text, -1) {
		raw, err := hex.DecodeString(m[2])
		if err != nil {
			c.fail("ToUnicode", number, "%v", err)
			continue
		}
		var units []uint16
		for ; len(raw) > 0; raw = raw[2:] {
			units = append(units, binary.BigEndian.Uint16(raw))
		}
		if number16(m[1]) != 0 || len(units) != 1 || units[0] != 0xFFFF { // that is the codespace
			c.unicode(number, out, number16(m[1]), string(utf16.Decode(units)))
		}
	}
	return out
}

func (c *checker) unicode(number int, out map[int]string, code int, value string) {
	switch value {
	case "", "\x00", "\uFEFF", "\uFFFE":
		c.fail("ToUnicode", number, "code %d means %q", code, value)
	}
	if _, ok := out[code]; ok {
		c.fail("ToUnicode", number, "code %d is given twice", code)
	}
	out[code] = value
}

func number16(s string) int {
	n, _ := strconv.ParseUint(s, 16, 16) // the pattern gives four digits
	return int(n)
}
