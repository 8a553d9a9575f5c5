package lept

/*
#include <string.h>
#include "bridge.h"

static void tl_bytes(PIX *p, unsigned char *out) {
	int w = pixGetWidth(p), h = pixGetHeight(p), wpl = pixGetWpl(p), x, y;
	l_uint32 *line = pixGetData(p);
	for (y = 0; y < h; y++, line += wpl, out += w)
		for (x = 0; x < w; x++)
			out[x] = GET_DATA_BYTE(line, x);
}
*/
import "C"

import (
	"fmt"
	"unsafe"
)

// Bytes gives an 8-bit image row by row, a byte a pixel, 0 black.
func (i Image) Bytes() ([]byte, error) {
	if i.Depth() != 8 {
		return nil, fmt.Errorf("take the bytes of the image: it has %d bits a pixel, not 8", i.Depth())
	}
	out := make([]byte, i.Width()*i.Height())
	if len(out) > 0 {
		C.tl_bytes(i.p, (*C.uchar)(unsafe.Pointer(&out[0])))
	}
	return out, nil
}
