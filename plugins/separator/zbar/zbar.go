// Package zbar reads barcodes with libzbar, which is told of nothing but one gray image.
package zbar

/*
#cgo pkg-config: zbar
#include <stdlib.h>
#include <zbar.h>
*/
import "C"

import (
	"cmp"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"unicode/utf8"
	"unsafe"
)

// Code is a barcode that was read.
type Code struct {
	Type  string // a name of Types
	Value string // UTF-8
}

// types are the kinds of barcodes by the names that settings and answers use.
var types = []struct {
	name string
	kind C.zbar_symbol_type_t
}{
	{"code-128", C.ZBAR_CODE128}, {"code-39", C.ZBAR_CODE39}, {"code-93", C.ZBAR_CODE93}, {"codabar", C.ZBAR_CODABAR},
	{"ean-13", C.ZBAR_EAN13}, {"ean-8", C.ZBAR_EAN8}, {"interleaved-2of5", C.ZBAR_I25}, {"qr", C.ZBAR_QRCODE},
}

// Types are the names of all kinds that can be read.
func Types() []string {
	var names []string
	for _, t := range types {
		names = append(names, t.name)
	}
	return names
}

// shortest is the least number of characters of kinds whose short codes are found
// in ruled lines and tables, too.
const shortest = 4

// Read gives the barcodes of a gray image (a byte a pixel, row by row, 0 black) that
// are of the given kinds, in the order of their type and value, each once; at most limit.
func Read(gray []byte, width, height int, kinds []string, limit int) ([]Code, error) {
	if width <= 0 || height <= 0 || len(gray) != width*height {
		return nil, fmt.Errorf("read barcodes: %d bytes are no image of %d x %d pixels", len(gray), width, height)
	}
	scanner := C.zbar_image_scanner_create()
	if scanner == nil {
		return nil, errors.New("read barcodes: no memory")
	}
	defer C.zbar_image_scanner_destroy(scanner)
	if err := enable(scanner, kinds); err != nil {
		return nil, err
	}
	image := C.zbar_image_create()
	if image == nil {
		return nil, errors.New("read barcodes: no memory")
	}
	defer C.zbar_image_destroy(image)
	const y800 = 'Y' | '8'<<8 | '0'<<16 | '0'<<24 // 8 bits of gray
	C.zbar_image_set_format(image, y800)
	C.zbar_image_set_size(image, C.uint(width), C.uint(height))
	var pin runtime.Pinner
	pin.Pin(&gray[0])
	defer pin.Unpin()
	C.zbar_image_set_data(image, unsafe.Pointer(&gray[0]), C.ulong(len(gray)), nil)
	if C.zbar_scan_image(scanner, image) < 0 {
		return nil, errors.New("read barcodes: the library refuses the image")
	}
	return symbols(image, limit), nil
}

// enable switches on the given kinds and nothing else.
func enable(scanner *C.zbar_image_scanner_t, kinds []string) error {
	C.zbar_image_scanner_set_config(scanner, 0, C.ZBAR_CFG_ENABLE, 0)
	for _, kind := range kinds {
		i := slices.Index(Types(), kind)
		if i < 0 {
			return fmt.Errorf("read barcodes: there is no type %q", kind)
		}
		k := types[i].kind
		C.zbar_image_scanner_set_config(scanner, k, C.ZBAR_CFG_ENABLE, 1)
		switch k {
		case C.ZBAR_QRCODE:
			// Otherwise the library guesses at a character set, and takes UTF-8 for Shift JIS.
			C.zbar_image_scanner_set_config(scanner, k, C.ZBAR_CFG_BINARY, 1)
		case C.ZBAR_CODE39, C.ZBAR_CODABAR, C.ZBAR_I25:
			C.zbar_image_scanner_set_config(scanner, k, C.ZBAR_CFG_MIN_LEN, shortest)
		}
	}
	return nil
}

func symbols(image *C.zbar_image_t, limit int) []Code {
	var found []Code
	for s := C.zbar_image_first_symbol(image); s != nil && len(found) < limit; s = C.zbar_symbol_next(s) {
		value := C.GoStringN(C.zbar_symbol_get_data(s), C.int(C.zbar_symbol_get_data_length(s)))
		c := Code{Type: nameOf(C.zbar_symbol_get_type(s)), Value: text(value)}
		if c.Type != "" && !slices.Contains(found, c) {
			found = append(found, c)
		}
	}
	slices.SortFunc(found, func(a, b Code) int {
		return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Value, b.Value))
	})
	return found
}

// text makes UTF-8 of what a code holds. Without a word about its character set that is
// UTF-8 where it can be, else ISO 8859-1, the default of ISO/IEC 18004.
func text(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	runes := make([]rune, 0, len(s))
	for _, b := range []byte(s) {
		runes = append(runes, rune(b))
	}
	return string(runes)
}

func nameOf(kind C.zbar_symbol_type_t) string {
	for _, t := range types {
		if t.kind == kind {
			return t.name
		}
	}
	return ""
}
