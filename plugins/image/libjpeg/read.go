// Package libjpeg decodes JPEG files row by row through the system's libjpeg.
// Gray is had straight from the luminance, without colour ever being computed.
package libjpeg

/*
#cgo pkg-config: libjpeg
#include <stdlib.h>
#include "bridge.h"
*/
import "C"

import (
	"fmt"
	"unsafe"

	"github.com/twinleaf-scan/twinleaf/plugins/image/head"
	"github.com/twinleaf-scan/twinleaf/plugins/image/raster"
)

// Image is an open JPEG. It is not safe for use by several goroutines.
type Image struct {
	j        *C.tl_jpeg
	h        raster.Header
	inverted bool // CMYK samples are stored as 255 less the ink
	y        int
	cmyk     []byte
}

// Open prepares the JPEG at path, whose head is j, for reading as gray or RGB.
// Four components come as gray always. Close it.
func Open(path string, j head.JPEG, form raster.Form) (*Image, error) {
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	img := &Image{j: C.tl_jpeg_open(name), inverted: j.Adobe}
	if img.j == nil {
		return nil, fmt.Errorf("open %s: cannot be read", path)
	}
	gray := form != raster.RGB || j.Components == 4
	if C.tl_jpeg_start(img.j, boolean(gray)) == 0 {
		defer img.Close()
		return nil, img.refusal("decode the JPEG")
	}
	img.h = raster.Header{Width: int(img.j.c.output_width), Height: int(img.j.c.output_height), Form: raster.RGB}
	if gray || j.Components == 1 {
		img.h.Form = raster.Gray
	}
	if j.Components == 4 {
		img.cmyk = make([]byte, 4*img.h.Width)
	}
	if img.h.Width != j.Width || img.h.Height != j.Height {
		defer img.Close()
		return nil, head.Damaged("the JPEG is %d x %d pixels and not %d x %d as its head says", img.h.Width, img.h.Height, j.Width, j.Height)
	}
	return img, nil
}

func boolean(b bool) C.int {
	if b {
		return 1
	}
	return 0
}

// Close frees the decoder.
func (i *Image) Close() {
	C.tl_jpeg_close(i.j)
	i.j = nil
}

// Header is the size and form of the rows.
func (i *Image) Header() raster.Header { return i.h }

// Read gives the next row. Missing image data are an error of code "damaged".
func (i *Image) Read(row []byte) error {
	into := row[:i.h.Stride()]
	if i.cmyk != nil {
		into = i.cmyk
	}
	if C.tl_jpeg_row(i.j, (*C.uchar)(unsafe.Pointer(&into[0]))) == 0 {
		return i.refusal(fmt.Sprintf("decode row %d of the JPEG's %d", i.y+1, i.h.Height))
	}
	if i.y++; i.j.torn > 0 {
		return head.Damaged("the JPEG is cut short: its data end at row %d of %d", i.y, i.h.Height)
	}
	if i.cmyk != nil {
		inkToGray(row[:i.h.Width], i.cmyk, i.inverted)
	}
	return nil
}

func (i *Image) refusal(doing string) error {
	return head.Damaged("%s: %s", doing, C.GoString(&i.j.message[0]))
}

// inkToGray mixes inks the plain way: black takes away from what the colours leave.
func inkToGray(dst, cmyk []byte, inverted bool) {
	for i := range dst {
		p := cmyk[4*i : 4*i+4 : 4*i+4]
		c, m, y, k := uint32(p[0]), uint32(p[1]), uint32(p[2]), uint32(p[3])
		if !inverted {
			c, m, y, k = 255-c, 255-m, 255-y, 255-k
		}
		light := (19595*c + 38470*m + 7471*y + 1<<15) >> 16
		dst[i] = byte((light*k + 127) / 255)
	}
}
