package graft

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
)

// tail is what the end of a file says.
type tail struct {
	xref    int64 // where the last cross-reference section begins
	stream  bool  // it is a stream
	newline bool  // the file ends with one
}

// maxTail is how much of the end is searched for startxref.
const maxTail = 4096

func readTail(r io.ReaderAt, size int64) (tail, error) {
	from := max(0, size-maxTail)
	end := make([]byte, size-from)
	if _, err := r.ReadAt(end, from); err != nil && err != io.EOF {
		return tail{}, fmt.Errorf("graft: %w", err)
	}
	t, err := parseTail(end)
	if err != nil {
		return tail{}, err
	}
	head := make([]byte, 64)
	n, err := r.ReadAt(head, t.xref)
	if err != nil && err != io.EOF || n == 0 {
		return tail{}, fmt.Errorf("graft: the PDF says that its cross-reference lies at %d of %d bytes", t.xref, size)
	}
	t.stream = !bytes.HasPrefix(bytes.TrimLeft(head[:n], " \t\r\n\f\x00"), []byte("xref"))
	return t, nil
}

// parseTail reads the last startxref.
func parseTail(end []byte) (tail, error) {
	const word = "startxref"
	at := bytes.LastIndex(end, []byte(word))
	if at < 0 {
		return tail{}, fmt.Errorf("graft: the PDF has no %s at its end", word)
	}
	rest := bytes.TrimLeft(end[at+len(word):], " \t\r\n\f\x00")
	digits := 0
	for digits < len(rest) && rest[digits] >= '0' && rest[digits] <= '9' {
		digits++
	}
	xref, err := strconv.ParseInt(string(rest[:digits]), 10, 64)
	if err != nil {
		return tail{}, fmt.Errorf("graft: the PDF's %s names no offset", word)
	}
	last := end[len(end)-1]
	return tail{xref: xref, newline: last == '\n' || last == '\r'}, nil
}
