package main

// #cgo CFLAGS: -fopenmp
// #cgo LDFLAGS: -fopenmp -llept
// #include "native.h"
// #include <stdlib.h>
import "C"

import (
	"fmt"
	"unsafe"
)

// imageSize reads width and height from the head of an image file.
func imageSize(path string) (width, height int, err error) {
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	takeMessages()
	var w, h C.int
	if C.twl_size(name, &w, &h) != 0 {
		return 0, 0, fmt.Errorf("leptonica cannot read the image's head%s", because(takeMessages()))
	}
	return int(w), int(h), nil
}

// measure gives what a decoded image says of itself.
func measure(image unsafe.Pointer) extent {
	var width, height, dpi C.int
	C.twl_measure(image, &width, &height, &dpi)
	return extent{int(width), int(height), float64(dpi)}
}

// oneThread keeps the calling thread's parallel regions on that thread, whatever
// the environment says. The caller must have locked the thread.
func oneThread() { C.twl_one_thread() }

// forgetPacks has the library read language packs anew that no client uses any more: it
// keeps their dictionaries by the names of their files.
func forgetPacks() { C.twl_forget_packs() }

// leptonicaVersion is e.g. "leptonica 1.82.0".
func leptonicaVersion() string {
	v := C.twl_version()
	defer C.free(unsafe.Pointer(v))
	return C.GoString(v)
}

// takeMessages gives what leptonica has complained of since the last time.
func takeMessages() string { return C.GoString(C.twl_take_messages()) }

func because(message string) string {
	if message == "" {
		return ""
	}
	return ": " + message
}

// catchMessages keeps leptonica's messages for takeMessages instead of printing
// them.
func catchMessages() { C.twl_catch_messages() }
