// Package head reads what image files say of themselves: size, resolution,
// orientation and where the data lie. Nothing is decoded, every read is bounded,
// and what a file claims is held against its length. The reader plug-in asks it
// before any decoder sees a byte.
//
// Errors are *sdk.Error with a hint, ready for people.
package head

import (
	"io"

	"github.com/twinleaf-scan/twinleaf/sdk"
)

// Format is a family of image files.
type Format string

// The formats, named by their media types.
const (
	FormatJPEG Format = "image/jpeg"
	FormatPNG  Format = "image/png"
	FormatTIFF Format = "image/tiff"
	FormatPNM  Format = "image/x-portable-anymap"
)

// Sniff tells the format from the first bytes, never from a name. It gives ""
// for anything else.
func Sniff(r io.ReaderAt) Format {
	var b [8]byte
	n, _ := r.ReadAt(b[:], 0)
	s := string(b[:n])
	switch {
	case n >= 3 && s[:3] == "\xff\xd8\xff":
		return FormatJPEG
	case s == pngSignature:
		return FormatPNG
	case n >= 4 && (s[:4] == "II*\x00" || s[:4] == "MM\x00*" || s[:4] == "II+\x00" || s[:4] == "MM\x00+"):
		return FormatTIFF
	case n >= 3 && s[0] == 'P' && s[1] >= '1' && s[1] <= '6' && isSpaceOrComment(s[2]):
		return FormatPNM
	}
	return ""
}

// Damaged says that the file contradicts itself.
func Damaged(format string, a ...any) error {
	return sdk.Refuse("damaged", "scan the page again, or open the file in an image editor and save it anew", format, a...)
}

// Unsupported says that the file is of a known kind in a variant that is not read.
func Unsupported(format string, a ...any) error {
	return sdk.Refuse("unsupported", "save the image as an 8-bit TIFF, JPEG or PNG and submit that", format, a...)
}

// CheckPixels refuses sizes of zero and sizes over limit pixels. Limit 0 means
// 150 million.
func CheckPixels(w, h int, limit int64) error {
	if limit <= 0 {
		limit = 150_000_000
	}
	if w <= 0 || h <= 0 {
		return Damaged("the image says that it is %d x %d pixels", w, h)
	}
	if n := int64(w) * int64(h); n > limit || w > maxSide || h > maxSide {
		return sdk.Refuse("over-limit", "scan at a lower resolution, or raise the limit with --max-pixels",
			"the image is %d x %d pixels, %.1f million; the limit is %.1f million", w, h, float64(n)/1e6, float64(limit)/1e6)
	}
	return nil
}

// maxSide keeps products of a side and a few bytes far from overflow, whatever
// limit an operator sets.
const maxSide = 1 << 24

// OverPages refuses a file of more than limit pages.
func OverPages(limit int) error {
	return sdk.Refuse("over-limit", "split the file, or raise the page limit of the profile",
		"the file has more than %d pages", limit)
}
