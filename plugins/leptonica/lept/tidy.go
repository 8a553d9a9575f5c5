package lept

/*
#include <stdlib.h>
#include "bridge.h"

// tl_specks gives the shapes of a 1-bit image that are at most side pixels in both directions.
static PIX *tl_specks(PIX *p, int side) {
	PIX *large = pixSelectBySize(p, side, side, 8, L_SELECT_IF_EITHER, L_SELECT_IF_GT, NULL);
	PIX *small = large ? pixXor(NULL, p, large) : NULL;
	pixDestroy(&large);
	return small;
}

// tl_paint gives a copy of an image of 8 or 32 bits with white over the mask and one pixel round it.
static PIX *tl_paint(PIX *p, PIX *mask) {
	PIX *wide = pixDilateBrick(NULL, mask, 3, 3);
	PIX *out = wide ? pixCopy(NULL, p) : NULL;
	if (out && pixPaintThroughMask(out, wide, 0, 0, pixGetDepth(p) == 32 ? 0xffffff00 : 0xff) != 0)
		pixDestroy(&out);
	pixDestroy(&wide);
	return out;
}
*/
import "C"

import (
	"math"
	"unsafe"
)

// Whiten gives the image with its paper made white and its ink left as dark as it was,
// whatever the light: stains, shadows of folds and the tint of the paper go. 1 bit
// has no paper and comes as a copy.
func (i Image) Whiten() (Image, error) {
	if i.Depth() == 1 {
		return result(C.pixCopy(nil, i.p), "copy the image")
	}
	// The values are the library's advice for text on paper: ink up to 70, paper from 190.
	return result(C.pixCleanBackgroundToWhite(i.p, nil, nil, 1, 70, 190), "clean the background of the image")
}

// Despeckle gives the image without dots of at most side pixels in both directions.
// In gray and colour a dot is what is darker than ink says, 0 to 255.
func (i Image) Despeckle(side, ink int) (Image, error) {
	if side < 1 {
		return result(C.pixCopy(nil, i.p), "copy the image")
	}
	const doing = "remove specks from the image"
	if i.Depth() == 1 {
		large := C.pixSelectBySize(i.p, C.l_int32(side), C.l_int32(side), 8, C.L_SELECT_IF_EITHER, C.L_SELECT_IF_GT, nil)
		return result(large, doing)
	}
	gray, err := i.Gray()
	if err != nil {
		return gray, err
	}
	defer gray.Close()
	dark, err := gray.Below(ink)
	if err != nil {
		return dark, err
	}
	defer dark.Close()
	specks, err := result(C.tl_specks(dark.p, C.int(side)), doing)
	if err != nil {
		return specks, err
	}
	defer specks.Close()
	return result(C.tl_paint(i.p, specks.p), doing)
}

// Plain gives the image in 1 bit, 8 bits of gray or 32 of colour, without palette and alpha.
func (i Image) Plain() (Image, error) {
	if i.Depth() == 1 && C.pixGetColormap(i.p) == nil {
		return result(C.pixCopy(nil, i.p), "copy the image")
	}
	flat := C.pixRemoveColormap(i.p, C.REMOVE_CMAP_BASED_ON_SRC)
	defer C.pixDestroy(&flat)
	if flat != nil && C.pixGetDepth(flat) == 32 {
		return result(C.pixRemoveAlpha(flat), "lay the image on white")
	}
	return result(C.pixConvertTo8(flat, 0), "make the image gray")
}

// Straighten gives the image turned clockwise by a few degrees like [Image.Rotate],
// in as many bits as it has.
func (i Image) Straighten(degrees float64) (Image, error) {
	switch i.Depth() {
	case 1:
		gray, err := i.Rotate(degrees)
		if err != nil {
			return gray, err
		}
		defer gray.Close()
		return gray.Below(128)
	case 32:
		angle := C.l_float32(degrees * math.Pi / 180)
		return result(C.pixRotate(i.p, angle, C.L_ROTATE_AREA_MAP, C.L_BRING_IN_WHITE,
			C.l_int32(i.Width()), C.l_int32(i.Height())), "rotate the image")
	}
	return i.Rotate(degrees)
}

// WriteJPEG stores gray or colour as JPEG of the given quality, 1 to 100.
func (i Image) WriteJPEG(path string, quality int) error {
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	return try("write", path, func() bool { return C.pixWriteJpeg(name, i.p, C.l_int32(quality), 0) == 0 })
}
