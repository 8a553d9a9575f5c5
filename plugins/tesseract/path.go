package main

// #include "native.h"
// #include <stdlib.h>
import "C"

import (
	"strings"
	"unsafe"

	"golang.org/x/sys/cpu"
)

// codePath says which of its code the engine has chosen for this processor, e.g.
// "dot product avx512f, matrix avx2". A library that does not show that is described by
// what it could have chosen from.
func codePath() string {
	chosen := C.GoString(C.twl_dot_product())
	matrix := C.GoString(C.twl_matrix())
	if chosen != "" && matrix != "" {
		return "dot product " + chosen + ", matrix " + matrix
	}
	return "processor with " + strings.Join(abilities(), " ")
}

// abilities are what of the processor the engine knows to use.
func abilities() []string {
	all := []string{}
	for _, a := range []struct {
		name string
		has  bool
	}{
		{"sse4.1", cpu.X86.HasSSE41}, {"avx", cpu.X86.HasAVX}, {"fma", cpu.X86.HasFMA}, {"avx2", cpu.X86.HasAVX2},
		{"avx512f", cpu.X86.HasAVX512F}, {"avx512bw", cpu.X86.HasAVX512BW}, {"avx512vnni", cpu.X86.HasAVX512VNNI},
		{"neon", cpu.ARM64.HasASIMD},
	} {
		if a.has {
			all = append(all, a.name)
		}
	}
	if len(all) == 0 {
		all = append(all, "nothing special")
	}
	return all
}

// imageLibraries names the libraries by which leptonica reads images, with versions:
// "libjpeg 6b : libpng 1.6.39 : …".
func imageLibraries() string {
	v := C.twl_image_libraries()
	defer C.free(unsafe.Pointer(v))
	return C.GoString(v)
}
