package ingest

import (
	"strings"
	"testing"

	"github.com/twinleaf-scan/twinleaf/core"
)

func TestScansAreKnownByTheirContent(t *testing.T) {
	for head, want := range map[string]string{
		"%PDF-1.7\n%\xe2\xe3":                   "application/pdf",
		"\xef\xbb\xbf  \r\n%PDF-1.4":            "application/pdf",
		strings.Repeat("x", 1000) + "%PDF-1.4":  "application/pdf",
		"II*\x00\x08\x00\x00\x00":               "image/tiff",
		"MM\x00*\x00\x00\x00\x08":               "image/tiff",
		"II+\x00\x08\x00\x00\x00":               "image/tiff",
		"MM\x00+\x00\x08\x00\x00":               "image/tiff",
		"\xff\xd8\xff\xe0\x00\x10JFIF":          "image/jpeg",
		"\xff\xd8\xff\xe1\x00\x10Exif %PDF-1.4": "image/jpeg",
		"\x89PNG\r\n\x1a\n\x00":                 "image/png",
		"P1 3 3\n":                              "image/x-portable-anymap",
		"P4\n# made by hand\n":                  "image/x-portable-anymap",
		"P6\n640 480\n255\n":                    "image/x-portable-anymap",
	} {
		if got, err := Sniff([]byte(head)); got != want || err != nil {
			t.Errorf("%.20q: got %q, %v; want %q", head, got, err, want)
		}
	}
}

func TestWhatIsNoScanIsNamed(t *testing.T) {
	for head, want := range map[string]string{
		"":                               "an empty file",
		"\x00\x00\x00\x00":               "nothing but zero bytes",
		"PK\x03\x04 word/document.xml":   "a Word document",
		"PK\x03\x04 [Content_Types].xml": "an Office document",
		"PK\x03\x04 mimetypeapplication/vnd.oasis.": "an OpenDocument file",
		"PK\x03\x04 scan.pdf":                       "a ZIP archive",
		"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":          "an old Office document",
		"GIF89a":                                    "a GIF picture",
		"\x00\x00\x00\x18ftypheic":                  "a HEIC picture",
		"\x00\x00\x00\x18ftypavif":                  "an AVIF picture",
		"\x00\x00\x00\x18ftypisom":                  "a film",
		"RIFF\x00\x00\x00\x00WEBP":                  "a RIFF file such as WebP",
		"<!DOCTYPE html><p>404":                     "a web page",
		"\ufeff \n<HTML>":                           "a web page",
		"<?xml version='1.0'?><svg xmlns=''>":       "an SVG picture",
		"<?xml version='1.0'?><a/>":                 "an XML file",
		"Received: from mx":                         "an e-mail",
		"{\"a\":1}":                                 "a JSON file",
		"Dear Sir or Madam":                         "a text file",
		"Grüße":                                     "a text file",
		strings.Repeat("ü", 2047) + "x" + "\xc3":    "a text file",
		"P6x":                                  "a text file",
		"\x7fELF\x02":                          "a program",
		"\xfe\x00\x01":                         "a file of an unknown kind",
		strings.Repeat("x", 1030) + "%PDF-1.4": "a text file",
	} {
		_, err := Sniff([]byte(head))
		f := core.AsFailure(err)
		if f.Code != core.CodeNotAScan || !f.Refused() || !f.Permanent || f.Remedy == "" || !strings.HasSuffix(f.Detail, " "+want) {
			t.Errorf("%.20q: got %v, want it to be %s", head, err, want)
		}
	}
}

func FuzzSniff(f *testing.F) {
	for _, k := range kinds {
		f.Add([]byte(k.magic))
	}
	f.Add([]byte("%PDF-1.7"))
	f.Fuzz(func(t *testing.T, head []byte) {
		media, err := Sniff(head)
		if (media == "") != (err != nil) {
			t.Fatalf("media %q with error %v", media, err)
		}
		if err == nil {
			return
		}
		if f := core.AsFailure(err); f.Detail == "" || f.Remedy == "" {
			t.Fatalf("it is not said what it seems to be: %+v", f)
		}
	})
}
