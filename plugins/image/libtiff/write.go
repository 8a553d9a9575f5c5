package libtiff

/*
#include <stdlib.h>
#include "bridge.h"
*/
import "C"

import (
	"fmt"
	"unsafe"

	"github.com/twinleaf-scan/twinleaf/plugins/image/raster"
)

// CreateG4 opens a TIFF file of one G4 strip for bilevel rows.
func CreateG4(path string, h raster.Header, xdpi, ydpi float64) (raster.Writer, error) {
	if h.Form != raster.Bilevel {
		return nil, fmt.Errorf("write %s: only bilevel rows become G4", path)
	}
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	w := &g4{t: C.tl_create(name), path: path, height: h.Height, row: make([]byte, h.Stride())}
	if w.t == nil || w.t.tif == nil {
		return nil, fmt.Errorf("create %s: libtiff refuses", path)
	}
	if C.tl_start_g4(w.t, C.uint32_t(h.Width), C.uint32_t(h.Height), C.double(xdpi), C.double(ydpi)) == 0 {
		defer C.tl_close(w.t)
		return nil, w.broken()
	}
	return w, nil
}

type g4 struct {
	t         *C.tl_tiff
	path      string
	y, height int
	row       []byte
}

func (w *g4) broken() error {
	return fmt.Errorf("write %s: %s", w.path, C.GoString(&w.t.message[0]))
}

func (w *g4) Write(row []byte) error {
	copy(w.row, row) // the encoder may change its input
	if C.tl_write(w.t, unsafe.Pointer(&w.row[0]), C.uint32_t(w.y)) == 0 {
		return w.broken()
	}
	w.y++
	return nil
}

func (w *g4) Close() error {
	defer C.tl_close(w.t)
	if w.y != w.height {
		return fmt.Errorf("write %s: %d of %d rows", w.path, w.y, w.height)
	}
	if C.tl_finish(w.t) == 0 {
		return w.broken()
	}
	return nil
}
