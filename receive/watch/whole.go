package watch

import (
	"bytes"
	"errors"
	"fmt"
	"io"
)

// Verdict says whether a file has arrived whole, judged by its content alone.
type Verdict int

// The verdicts.
const (
	Unknown  Verdict = iota // of no format that is read here
	Cut                     // its end is missing
	Doubtful                // an end is there, but something does not fit; only time can tell
	Whole                   // its end is there
)

func (v Verdict) String() string {
	return [...]string{"unknown", "cut", "doubtful", "whole"}[v]
}

// Look judges a file of size bytes and says why in words that end a sentence such
// as "the file …". It reads a few bytes of most formats and all of a JPEG.
func Look(r io.ReaderAt, size int64) (Verdict, string) {
	if size == 0 {
		return Cut, "is empty"
	}
	head := make([]byte, min(size, 1024))
	if _, err := r.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return Cut, fmt.Sprintf("cannot be read: %v", err)
	}
	switch {
	case bytes.HasPrefix(head, []byte("\x89PNG\r\n\x1a\n")):
		return lookPNG(r, size)
	case bytes.HasPrefix(head, []byte("\xff\xd8\xff")):
		return lookJPEG(r, size)
	case isTIFF(head):
		return lookTIFF(r, size)
	case len(head) > 2 && head[0] == 'P' && '1' <= head[1] && head[1] <= '6' && (isSpace(head[2]) || head[2] == '#'):
		return lookPNM(r, size)
	case bytes.Contains(head, []byte("%PDF-")):
		return lookPDF(r, size, head)
	case len(bytes.Trim(head, "\x00")) == 0:
		return Cut, "holds nothing but zeros so far"
	case short(head):
		return Cut, "is too short to be told"
	}
	return Unknown, "is no PDF, TIFF, JPEG, PNG or PNM"
}

// short reports whether head may be the beginning of a signature.
func short(head []byte) bool {
	for _, sig := range []string{"\x89PNG\r\n\x1a\n", "\xff\xd8\xff", "II*\x00", "MM\x00*", "II+\x00", "MM\x00+", "%PDF-", "P1\n", "P4\n"} {
		if bytes.HasPrefix([]byte(sig), head) {
			return true
		}
	}
	return len(head) < 3 && head[0] == 'P'
}

func isSpace(b byte) bool { return b == ' ' || ('\t' <= b && b <= '\r') }

// lookPNG goes from chunk to chunk up to IEND.
func lookPNG(r io.ReaderAt, size int64) (Verdict, string) {
	at := int64(8)
	var h [8]byte
	for {
		if _, err := r.ReadAt(h[:], at); err != nil {
			return Cut, "ends before the PNG's IEND chunk"
		}
		at += 12 + int64(h[0])<<24 + int64(h[1])<<16 + int64(h[2])<<8 + int64(h[3])
		if at > size {
			return Cut, "ends inside a PNG chunk"
		}
		if string(h[4:]) == "IEND" {
			return Whole, "is a whole PNG"
		}
	}
}

// tail is the last n bytes of the file, or all of it.
func tail(r io.ReaderAt, size, n int64) ([]byte, error) {
	buf := make([]byte, min(size, n))
	_, err := r.ReadAt(buf, size-int64(len(buf)))
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return buf, err
}
