package lept

/*
#cgo CFLAGS: -O3
#cgo LDFLAGS: -lm
#include "ascents.h"
#include <stdlib.h>
#include "bridge.h"
#include "components.h"
*/
import "C"

import (
	"fmt"
	"math"
	"unsafe"
)

// Box is where a shape lies, in pixels.
type Box struct{ X, Y, W, H int }

// Shapes gives the boxes of all connected black shapes of a 1-bit image, at most
// limit of them; more says whether there are others.
func (i Image) Shapes(limit int) (boxes []Box, more bool, err error) {
	if i.Depth() != 1 {
		return nil, false, fmt.Errorf("find the shapes of the image: it has %d bits a pixel, not 1", i.Depth())
	}
	var n C.int
	all := C.tl_components(i.p, &n)
	if all == nil {
		return nil, false, fmt.Errorf("find the shapes of the image: there is not enough memory")
	}
	defer C.free(unsafe.Pointer(all))
	boxes = make([]Box, min(int(n), limit))
	for k, b := range unsafe.Slice(all, len(boxes)) {
		boxes[k] = Box{int(b.x0), int(b.y0), int(b.x1-b.x0) + 1, int(b.y1-b.y0) + 1}
	}
	return boxes, int(n) > limit, nil
}

// slowShapes is what leptonica itself says in the place of [Image.Shapes].
func (i Image) slowShapes() []Box {
	all := C.pixConnCompBB(i.p, 8)
	defer C.boxaDestroy(&all)
	boxes := make([]Box, int(C.boxaGetCount(all)))
	for k := range boxes {
		var x, y, w, h C.l_int32
		C.boxaGetBoxGeometry(all, C.l_int32(k), &x, &y, &w, &h)
		boxes[k] = Box{int(x), int(y), int(w), int(h)}
	}
	return boxes
}

// Black counts the black pixels of a 1-bit image inside box.
func (i Image) Black(b Box) (int, error) {
	box := C.boxCreate(C.l_int32(b.X), C.l_int32(b.Y), C.l_int32(b.W), C.l_int32(b.H))
	defer C.boxDestroy(&box)
	var n C.l_int32
	if C.pixCountPixelsInRect(i.p, box, &n, nil) != 0 {
		return 0, fmt.Errorf("count the black of the image: leptonica refuses")
	}
	return int(n), nil
}

// Mean is the mean gray of an 8-bit image, 0 to 255, from every fourth pixel of
// every fourth row.
func (i Image) Mean() float64 {
	var v C.l_float32
	if C.pixGetAverageMasked(i.p, nil, 0, 0, 4, C.L_MEAN_ABSVAL, &v) != 0 {
		return 0
	}
	return float64(v)
}

// Level gives a gray image whose paper is even at 200, wherever the light or the
// paper were not.
func (i Image) Level() (Image, error) {
	return result(C.pixBackgroundNorm(i.p, nil, nil, 16, 16, 60, 40, 200, 2, 2), "level the image")
}

// Below gives the 1-bit image that is black where the gray one is darker than t.
func (i Image) Below(t int) (Image, error) {
	return result(C.pixThresholdToBinary(i.p, C.l_int32(t)), "make the image black and white")
}

// Skew measures by how many degrees the lines of a 1-bit image fall to the right
// (clockwise positive) and how sure that is: above 3 is usable.
func (i Image) Skew() (degrees, confidence float64, err error) {
	var angle, conf C.l_float32
	if C.pixFindSkewSweepAndSearch(i.p, &angle, &conf, 2, 2, 7, 1, 0.01) != 0 {
		return 0, 0, nil // nothing to measure: too few black pixels
	}
	return -float64(angle), float64(conf), nil
}

// slowUpDown is what leptonica itself says in the place of [Image.UpDown].
func (i Image) slowUpDown() (up, left float64) {
	var u, l C.l_float32
	if C.pixOrientDetect(i.p, &u, &l, 0, 0) != 0 {
		return math.NaN(), math.NaN()
	}
	return float64(u), float64(l)
}

// UpDown weighs ascenders against descenders of a 1-bit image of Latin-like text
// at 150 to 300 dpi: up above 0 speaks for lines that stand upright, below for
// upside down; left likewise for the page turned clockwise by 90 degrees.
func (i Image) UpDown() (up, left float64, err error) {
	if i.Depth() != 1 {
		return 0, 0, fmt.Errorf("weigh ascenders: the image has %d bits a pixel, not 1", i.Depth())
	}
	var u, l C.float
	if C.tl_ascents(i.p, &u, &l) != 0 {
		return 0, 0, fmt.Errorf("weigh ascenders: there is not enough memory")
	}
	return float64(u), float64(l), nil
}
