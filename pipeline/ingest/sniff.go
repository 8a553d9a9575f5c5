package ingest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/twinleaf-scan/twinleaf/core"
)

// headSize is how much of a file is looked at.
const headSize = 4096

const mediaPDF = "application/pdf"

func sniffFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("open the input: %w", err)
	}
	defer f.Close()
	head := make([]byte, headSize)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return "", fmt.Errorf("read the input: %w", err)
	}
	return Sniff(head[:n])
}

// Sniff gives the media type of a scan by the first bytes of its content: PDF, TIFF,
// JPEG, PNG or PNM. Anything else is refused with core.CodeNotAScan, and the
// words say what it seems to be.
func Sniff(head []byte) (string, error) {
	switch {
	case starts(head, "\xff\xd8\xff"):
		return "image/jpeg", nil
	case starts(head, "\x89PNG\r\n\x1a\n"):
		return "image/png", nil
	case starts(head, "II*\x00", "MM\x00*", "II+\x00", "MM\x00+"):
		return "image/tiff", nil
	case isPNM(head):
		return "image/x-portable-anymap", nil
	case isPDF(head):
		return mediaPDF, nil
	}
	is, hint := seems(head)
	return "", core.Refuse(core.CodeNotAScan, hint, "this is no scan but %s", is)
}

func starts(head []byte, magic ...string) bool {
	for _, m := range magic {
		if bytes.HasPrefix(head, []byte(m)) {
			return true
		}
	}
	return false
}

// isPNM reports P1 to P6 with white space or a comment after it.
func isPNM(head []byte) bool {
	return len(head) > 2 && head[0] == 'P' && head[1] >= '1' && head[1] <= '6' && strings.IndexByte(" \t\r\n#", head[2]) >= 0
}

// isPDF reports a PDF head, before which readers allow a kilobyte of anything.
func isPDF(head []byte) bool {
	return bytes.Contains(head[:min(len(head), 1024)], []byte("%PDF-"))
}

const takes = "Twinleaf takes PDF, TIFF, JPEG, PNG and PNM"

// kinds are files that people send by mistake.
var kinds = []struct {
	magic    string
	at       int
	is, hint string
}{
	{"PK\x03\x04", 0, "a ZIP archive", "unpack it and submit the scans in it"},
	{"PK\x05\x06", 0, "an empty ZIP archive", takes},
	{"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 0, "an old Office document", "print it to PDF, or submit the scan itself"},
	{"{\\rtf", 0, "an RTF document", "print it to PDF"},
	{"GIF8", 0, "a GIF picture", "save it as PNG"},
	{"BM", 0, "a BMP picture", "save it as PNG"},
	{"RIFF", 0, "a RIFF file such as WebP", "save it as PNG or JPEG"},
	{"ftyphei", 4, "a HEIC picture", "set the camera or phone to JPEG"},
	{"ftypmif1", 4, "a HEIC picture", "set the camera or phone to JPEG"},
	{"ftypavif", 4, "an AVIF picture", "save it as PNG or JPEG"},
	{"ftyp", 4, "a film", takes},
	{"\x00\x00\x00\x0cjP  \r\n\x87\n", 0, "a JPEG 2000 picture", "save it as JPEG or PNG, or put it into a PDF"},
	{"\xff\x4f\xff\x51", 0, "a JPEG 2000 picture", "save it as JPEG or PNG, or put it into a PDF"},
	{"\x97JB2\r\n\x1a\n", 0, "a JBIG2 picture", "put it into a PDF"},
	{"AT&TFORM", 0, "a DjVu document", "convert it to PDF"},
	{"8BPS", 0, "a Photoshop picture", "save it as PNG"},
	{"%!PS", 0, "a PostScript file", "convert it to PDF"},
	{"\xc5\xd0\xd3\xc6", 0, "an EPS picture", "convert it to PDF"},
	{"P7\n", 0, "a PAM picture", "save it as PNM or PNG"},
	{"\x1f\x8b", 0, "a gzip archive", "unpack it"},
	{"BZh", 0, "a bzip2 archive", "unpack it"},
	{"\xfd7zXZ\x00", 0, "an xz archive", "unpack it"},
	{"7z\xbc\xaf\x27\x1c", 0, "a 7z archive", "unpack it"},
	{"Rar!", 0, "a RAR archive", "unpack it"},
	{"\x7fELF", 0, "a program", takes},
	{"MZ", 0, "a program", takes},
	{"SQLite format 3\x00", 0, "a database", takes},
}

// offices are the first folders in the ZIP of an office document.
var offices = []struct{ part, is string }{
	{"word/", "a Word document"},
	{"xl/", "an Excel workbook"},
	{"ppt/", "a PowerPoint presentation"},
	{"mimetypeapplication/vnd.oasis", "an OpenDocument file"},
	{"mimetypeapplication/epub", "an EPUB book"},
	{"[Content_Types].xml", "an Office document"},
}

// seems says in words what a file is that is no scan, and what to do.
func seems(head []byte) (is, hint string) {
	if len(head) == 0 {
		return "an empty file", "scan it again; the scanner or the upload stopped at once"
	}
	for _, k := range kinds {
		if len(head) >= k.at && starts(head[k.at:], k.magic) {
			if k.magic == "PK\x03\x04" {
				return zipped(head, k.is, k.hint)
			}
			return k.is, k.hint
		}
	}
	return text(head)
}

func zipped(head []byte, is, hint string) (string, string) {
	for _, o := range offices {
		if bytes.Contains(head, []byte(o.part)) {
			return o.is, "print it to PDF"
		}
	}
	return is, hint
}

// text tells markup and mail from plain text, and both from unknown bytes.
func text(head []byte) (is, hint string) {
	if bytes.Count(head, []byte{0}) == len(head) {
		return "nothing but zero bytes", "scan it again; the disk or the transfer lost its content"
	}
	if !isText(head) {
		return "a file of an unknown kind", takes
	}
	low := bytes.ToLower(bytes.TrimSpace(bytes.TrimPrefix(head, []byte("\ufeff"))))
	switch {
	case starts(low, "<!doctype html", "<html"):
		return "a web page", "if a download gave it, it is probably an error message; open it to see"
	case starts(low, "<svg") || bytes.Contains(low, []byte("<svg ")):
		return "an SVG picture", "save it as PNG"
	case starts(low, "<?xml", "<"):
		return "an XML file", takes
	case starts(low, "from ", "return-path:", "received:", "mime-version:", "delivered-to:"):
		return "an e-mail", "submit its attachments"
	case starts(low, "{", "["):
		return "a JSON file", takes
	}
	return "a text file", "its text needs no recognition; " + takes
}

// isText reports UTF-8 without zero bytes. The head may end inside a character.
func isText(head []byte) bool {
	for cut := range min(utf8.UTFMax, len(head)) {
		if utf8.Valid(head[:len(head)-cut]) {
			return bytes.IndexByte(head, 0) < 0
		}
	}
	return false
}
