package watch

import (
	"bytes"
	"io"
	"regexp"
	"strconv"
)

// trailing is how far from the end of a PDF its %%EOF may stand.
const trailing = 4 << 10

var (
	linearized = regexp.MustCompile(`/Linearized[\s\S]{0,200}?/L\s+(\d{1,15})`)
	startxref  = regexp.MustCompile(`startxref\s+(\d{1,15})\s*%%EOF`)
	xref       = regexp.MustCompile(`^\s*(xref|\d+\s+\d+\s+obj)`)
)

// lookPDF wants %%EOF at the end with a startxref before it that leads to a
// cross-reference table. Of a linearized file, whose first %%EOF stands near its
// beginning, the length is known besides. A cut exactly behind an older revision
// cannot be told from a whole file.
func lookPDF(r io.ReaderAt, size int64, head []byte) (Verdict, string) {
	if m := linearized.FindSubmatch(head); m != nil {
		if n, err := strconv.ParseInt(string(m[1]), 10, 64); err == nil && size < n {
			return Cut, "is shorter than the linearized PDF says"
		}
	}
	end, err := tail(r, size, trailing)
	if err != nil {
		return Cut, "cannot be read to its end"
	}
	at := bytes.LastIndex(end, []byte("%%EOF"))
	if at < 0 {
		return Cut, "has no %%EOF at its end"
	}
	if junk := bytes.Trim(end[at+5:], "\x00\t\n\f\r \x1a"); len(junk) > 0 {
		if bytes.HasSuffix(end, make([]byte, 16)) {
			return Cut, "ends in zeros"
		}
		return Doubtful, "has other data after the PDF's %%EOF"
	}
	if !leadsToXref(r, size, end[:at+5], int64(bytes.Index(head, []byte("%PDF-")))) {
		return Doubtful, "is a PDF whose startxref leads nowhere"
	}
	return Whole, "is a whole PDF"
}

// leadsToXref follows the last startxref. Offsets count from the file's first byte
// or from %PDF-, which may stand a little behind it.
func leadsToXref(r io.ReaderAt, size int64, end []byte, shift int64) bool {
	found := startxref.FindAllSubmatch(end, -1)
	if found == nil {
		return false
	}
	n, err := strconv.ParseInt(string(found[len(found)-1][1]), 10, 64)
	if err != nil {
		return false
	}
	for _, at := range []int64{n, n + shift} {
		if at <= 0 || at >= size {
			continue
		}
		buf := make([]byte, min(64, size-at))
		if _, err := r.ReadAt(buf, at); err == nil && xref.Match(buf) {
			return true
		}
	}
	return false
}
