// Package lept is the little of leptonica that the filter needs: reading an image
// within bounds, making it smaller, looking at its shapes, writing it. An Image
// is C memory: whoever gets one closes it.
package lept

/*
#cgo pkg-config: lept
#include <stdlib.h>
#include "bridge.h"
*/
import "C"

import (
	"fmt"
	"math"
	"runtime"
	"strings"
	"unsafe"

	"github.com/twinleaf-scan/twinleaf/sdk"
)

// Image is a picture of 1 bit (1 is black), 8 bit gray or more.
type Image struct{ p *C.PIX }

// Info is what a file's header says.
type Info struct {
	Width, Height int
	Depth         int // bits a pixel
	JPEG          bool
	format        C.l_int32
}

// GiveBack has the process give the memory of pictures back as soon as they are closed. It
// is called once, before the first of them.
func GiveBack() { C.tl_give_back() }

// Stat reads the header of the image at path. It refuses formats that the readers
// do not make and sizes over maxPixels, before anything is decoded.
func Stat(path string, maxPixels int64) (Info, error) {
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	var format, w, h, bps, spp, cmap C.l_int32
	err := try("read the head of", path, func() bool {
		return C.pixReadHeader(name, &format, &w, &h, &bps, &spp, &cmap) == 0
	})
	if err != nil {
		return Info{}, err
	}
	i := Info{Width: int(w), Height: int(h), Depth: int(bps * spp), JPEG: format == C.IFF_JFIF_JPEG, format: format}
	if !known(format) {
		return i, sdk.Refuse("unsupported", "", "%s is an image of leptonica's format %d, which is not taken", path, int(format))
	}
	if n := int64(w) * int64(h); maxPixels > 0 && n > maxPixels {
		return i, sdk.Refuse("over-limit", "raise the limit with --max-pixels",
			"the page image is %d x %d pixels; the limit is %d", int(w), int(h), maxPixels)
	}
	return i, nil
}

func known(format C.l_int32) bool {
	switch format {
	case C.IFF_JFIF_JPEG, C.IFF_PNG, C.IFF_PNM,
		C.IFF_TIFF, C.IFF_TIFF_G3, C.IFF_TIFF_G4, C.IFF_TIFF_LZW, C.IFF_TIFF_RLE, C.IFF_TIFF_PACKBITS, C.IFF_TIFF_ZIP, C.IFF_TIFF_JPEG:
		return true
	}
	return false
}

// Read decodes the image at path. A JPEG comes in gray and at 1/reduction of its
// size (1, 2, 4 or 8), which takes a fraction of the time; others come as they are.
func Read(path string, i Info, reduction int) (Image, error) {
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	var img Image
	err := try("read", path, func() bool {
		var warnings C.int
		img.p = C.tl_read(name, C.int(i.format), C.int(reduction), &warnings)
		return img.p != nil
	})
	return img, err
}

// ReadColour decodes the image at path as it is, a JPEG with its colours.
func ReadColour(path string, i Info) (Image, error) {
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	var img Image
	err := try("read", path, func() bool {
		if i.JPEG {
			img.p = C.pixRead(name)
		} else {
			var warnings C.int
			img.p = C.tl_read(name, C.int(i.format), 1, &warnings)
		}
		return img.p != nil
	})
	return img, err
}

// try runs a call of leptonica and makes an error of its complaint, without the
// path, which says nothing to people. The calling thread keeps the complaint, so
// the goroutine stays on it.
func try(doing, path string, call func() bool) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	C.tl_quiet()
	C.tl_forget()
	if call() {
		return nil
	}
	why := strings.TrimSpace(C.GoString(C.tl_message()))
	if why == "" {
		why = "leptonica gives no reason"
	}
	return sdk.Refuse("damaged", "scan the page again", "%s the page's image: %s", doing, strings.ReplaceAll(why, path, "it"))
}

// Close frees the image. Closing twice is harmless.
func (i *Image) Close() {
	C.pixDestroy(&i.p)
}

// Pointer is the PIX, for libraries that take one.
func (i Image) Pointer() unsafe.Pointer { return unsafe.Pointer(i.p) }

// Width is in pixels.
func (i Image) Width() int { return int(C.pixGetWidth(i.p)) }

// Height is in pixels.
func (i Image) Height() int { return int(C.pixGetHeight(i.p)) }

// Depth is bits a pixel.
func (i Image) Depth() int { return int(C.pixGetDepth(i.p)) }

// result makes an error of a nil image.
func result(p *C.PIX, doing string) (Image, error) {
	if p == nil {
		return Image{}, fmt.Errorf("%s: leptonica refuses, perhaps for want of memory", doing)
	}
	return Image{p}, nil
}

// Gray gives the image in 8 bits, without a palette. 1 bit becomes 0 and 255.
func (i Image) Gray() (Image, error) { return result(C.pixConvertTo8(i.p, 0), "make the image gray") }

// Half gives the image at half its size: gray by the mean of four pixels, 1 bit
// black where two of four are.
func (i Image) Half() (Image, error) {
	if i.Depth() == 1 {
		return result(C.pixReduceRankBinary2(i.p, 2, nil), "halve the image")
	}
	return result(C.pixScaleAreaMap2(i.p), "halve the image")
}

// HalfGray gives a 1-bit image at half its size in 8 bits: four pixels become one
// of five shades.
func (i Image) HalfGray() (Image, error) { return result(C.pixScaleToGray2(i.p), "halve the image") }

// Turn gives the image turned clockwise by 90, 180 or 270 degrees.
func (i Image) Turn(degrees int) (Image, error) {
	return result(C.pixRotateOrth(i.p, C.l_int32(degrees/90)), "turn the image")
}

// Rotate gives the image in gray, turned clockwise by a few degrees about its
// centre, in a frame that holds all of it; what comes in at the corners is white.
func (i Image) Rotate(degrees float64) (Image, error) {
	gray, err := i.Gray()
	if err != nil {
		return gray, err
	}
	defer gray.Close()
	angle := C.l_float32(degrees * math.Pi / 180)
	return result(C.pixRotate(gray.p, angle, C.L_ROTATE_AREA_MAP, C.L_BRING_IN_WHITE,
		C.l_int32(gray.Width()), C.l_int32(gray.Height())), "rotate the image")
}

// Crop gives a copy of a part of the image.
func (i Image) Crop(x, y, w, h int) (Image, error) {
	box := C.boxCreate(C.l_int32(x), C.l_int32(y), C.l_int32(w), C.l_int32(h))
	defer C.boxDestroy(&box)
	return result(C.pixClipRectangle(i.p, box, nil), "crop the image")
}

// SetResolution notes the image's dots per inch, for those who ask the image.
func (i Image) SetResolution(dpi int) {
	C.pixSetResolution(i.p, C.l_int32(dpi), C.l_int32(dpi))
}

// Write stores the image as TIFF: 1 bit as G4, everything else as it is, which
// recognizers read fastest.
func (i Image) Write(path string) error {
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	format := C.l_int32(C.IFF_TIFF)
	if i.Depth() == 1 {
		format = C.IFF_TIFF_G4
	}
	return try("write", path, func() bool { return C.pixWrite(name, i.p, format) == 0 })
}
