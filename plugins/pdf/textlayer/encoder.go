package textlayer

import (
	"bytes"
	"fmt"
	"unicode/utf16"
)

const (
	firstASCII, lastASCII = 0x20, 0x7E
	maxCID                = 0xFFFF
)

// Encoder gives every code point of a document its CID: 1 to 95 are the printable
// ASCII characters, the others follow in order of first use, so that the same
// pages give the same bytes. The zero value is ready. It is for one goroutine.
type Encoder struct {
	cids  map[rune]uint16
	extra []rune // extra[i] has the CID 96+i
}

// CID is the code of r. After 65,535 code points new ones become '?'.
func (e *Encoder) CID(r rune) uint16 {
	if r >= firstASCII && r <= lastASCII {
		return uint16(r - firstASCII + 1)
	}
	if cid, ok := e.cids[r]; ok {
		return cid
	}
	if e.Last() == maxCID {
		return e.CID('?')
	}
	if e.cids == nil {
		e.cids = make(map[rune]uint16)
	}
	e.extra = append(e.extra, r)
	cid := uint16(e.Last())
	e.cids[r] = cid
	return cid
}

// Last is the highest CID in use.
func (e *Encoder) Last() int { return lastASCII - firstASCII + 1 + len(e.extra) }

// appendLiteral writes the code points as a PDF literal string of 2-byte codes.
func (e *Encoder) appendLiteral(dst []byte, text []rune) []byte {
	dst = append(dst, '(')
	for _, r := range text {
		cid := e.CID(r)
		dst = appendEscaped(dst, byte(cid>>8))
		dst = appendEscaped(dst, byte(cid))
	}
	return append(dst, ')')
}

func appendEscaped(dst []byte, b byte) []byte {
	switch b {
	case '(', ')', '\\':
		return append(dst, '\\', b)
	case '\r':
		return append(dst, '\\', 'r')
	case '\n':
		return append(dst, '\\', 'n')
	}
	return append(dst, b)
}

// run is CIDs that follow each other and whose code points do too.
type run struct {
	cid, n int
	r      rune
}

// runs groups the CIDs. Neither the codes nor the code points of a run cross a
// multiple of 256, as the CMap rules ask; non-BMP code points stand alone.
func (e *Encoder) runs() []run {
	out := []run{{1, lastASCII - firstASCII + 1, firstASCII}}
	for i, r := range e.extra {
		cid := lastASCII - firstASCII + 2 + i
		last := &out[len(out)-1]
		follows := r == last.r+rune(last.n) && cid&0xFF != 0 && r&0xFF != 0 && r <= 0xFFFF
		if follows && cid == last.cid+last.n {
			last.n++
			continue
		}
		out = append(out, run{cid, 1, r})
	}
	return out
}

// ToUnicode is the CMap that leads from the CIDs given out so far to their code points.
func (e *Encoder) ToUnicode() []byte {
	var b bytes.Buffer
	b.WriteString("/CIDInit /ProcSet findresource begin\n12 dict begin\nbegincmap\n" +
		"/CIDSystemInfo <</Registry (Adobe)/Ordering (UCS)/Supplement 0>> def\n" +
		"/CMapName /Adobe-Identity-UCS def\n/CMapType 2 def\n" +
		"1 begincodespacerange\n<0000><FFFF>\nendcodespacerange\n")
	var ranges, chars []string
	for _, r := range e.runs() {
		if r.n > 1 {
			ranges = append(ranges, fmt.Sprintf("<%04X><%04X><%04X>\n", r.cid, r.cid+r.n-1, r.r))
			continue
		}
		chars = append(chars, fmt.Sprintf("<%04X><%s>\n", r.cid, utf16Hex(r.r)))
	}
	writeSections(&b, "bfrange", ranges)
	writeSections(&b, "bfchar", chars)
	b.WriteString("endcmap\nCMapName currentdict /CMap defineresource pop\nend\nend\n")
	return b.Bytes()
}

// writeSections writes lines in sections of at most 100, the limit of a CMap.
func writeSections(b *bytes.Buffer, name string, lines []string) {
	for len(lines) > 0 {
		n := min(len(lines), 100)
		fmt.Fprintf(b, "%d begin%s\n", n, name)
		for _, l := range lines[:n] {
			b.WriteString(l)
		}
		fmt.Fprintf(b, "end%s\n", name)
		lines = lines[n:]
	}
}

func utf16Hex(r rune) string {
	var s string
	for _, u := range utf16.Encode([]rune{r}) {
		s += fmt.Sprintf("%04X", u)
	}
	return s
}
