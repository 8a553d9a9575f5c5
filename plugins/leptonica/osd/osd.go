// Package osd asks Tesseract which way up a page is. It is dearer than counting
// ascenders and knows capitals, digits and other scripts.
package osd

/*
#cgo pkg-config: tesseract lept
#include <stdlib.h>
#include <tesseract/capi.h>
#include <leptonica/allheaders.h>
*/
import "C"

import (
	"errors"
	"os"
	"unsafe"

	"github.com/twinleaf-scan/twinleaf/plugins/leptonica/lept"
)

// Detector is a loaded orientation model. It is not safe for use by several goroutines.
type Detector struct{ api *C.TessBaseAPI }

// ErrNoModel says that osd.traineddata is not installed.
var ErrNoModel = errors.New("orientation: osd.traineddata is not installed")

// New loads the model, which takes some 20 ms.
func New() (*Detector, error) {
	d := &Detector{api: C.TessBaseAPICreate()}
	lang := C.CString("osd")
	defer C.free(unsafe.Pointer(lang))
	if C.TessBaseAPIInit2(d.api, nil, lang, C.OEM_TESSERACT_ONLY) != 0 {
		C.TessBaseAPIDelete(d.api)
		return nil, ErrNoModel
	}
	d.set("debug_file", os.DevNull) // it talks
	C.TessBaseAPISetPageSegMode(d.api, C.PSM_AUTO_OSD)
	return d, nil
}

func (d *Detector) set(name, value string) {
	n, v := C.CString(name), C.CString(value)
	defer C.free(unsafe.Pointer(n))
	defer C.free(unsafe.Pointer(v))
	C.TessBaseAPISetVariable(d.api, n, v)
}

// Close frees the model.
func (d *Detector) Close() {
	C.TessBaseAPIEnd(d.api)
	C.TessBaseAPIDelete(d.api)
}

// Turn says by how many clockwise degrees (0, 90, 180, 270) the page must be
// turned to stand upright, and how sure that is: 0 means that there is nothing to go by.
func (d *Detector) Turn(img lept.Image, dpi int) (degrees int, confidence float64) {
	img.SetResolution(dpi)
	C.TessBaseAPISetImage2(d.api, (*C.struct_Pix)(img.Pointer()))
	C.TessBaseAPISetSourceResolution(d.api, C.int(dpi))
	defer C.TessBaseAPIClear(d.api)
	var turned C.int
	var sure, scriptSure C.float
	var script *C.char
	if C.TessBaseAPIDetectOrientationScript(d.api, &turned, &sure, &script, &scriptSure) == 0 {
		return 0, 0
	}
	return (360 - int(turned)) % 360, float64(sure)
}
