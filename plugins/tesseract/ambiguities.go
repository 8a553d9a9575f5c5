package main

// #include "ambiguities.h"
import "C"

import (
	"encoding/binary"
	"io"
	"os"
)

// withAmbiguities says whether the engine's table of what is easily confused is loaded with
// the next language: only its old recognizer looks at it (docs/adr/0016).
func withAmbiguities(wanted bool) {
	w := C.int(0)
	if wanted {
		w = 1
	}
	C.twl_ambiguities(w)
}

// unloaded is how often the process has done without it.
func unloaded() int { return int(C.twl_unloaded()) }

// oldRecognizer reports whether a language pack in a folder has what the engine's old
// recognizer needs, or may have it. One pack may load others, so it is about all of them
// but osd's, which tells how letters stand and reads nothing.
func oldRecognizer(dir string) bool {
	files, err := packFiles(dir)
	if err != nil || len(files) > maxPacks {
		return true
	}
	for _, path := range files {
		if name := nameOfPack(dir, path); name != "osd" && !neuralOnly(path) {
			return true
		}
	}
	return false
}

// neuralOnly reports whether a language pack has no shapes for the old recognizer. A pack
// begins with the number of its components and where each of them lies, -1 for one that it
// lacks: 32 and 64 bits, little endian (tesseract, src/ccutil/tessdatamanager.h). Of one that
// looks otherwise nothing is known.
func neuralOnly(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	head := make([]byte, 4+8*components)
	if _, err := io.ReadFull(f, head); err != nil {
		return false
	}
	if n := binary.LittleEndian.Uint32(head); n < shapes+1 || n > components {
		return false
	}
	at := int64(binary.LittleEndian.Uint64(head[4+8*shapes:]))
	return at == -1
}

const (
	components = 24 // of a pack, at the most (TESSDATA_NUM_ENTRIES)
	shapes     = 3  // the component with the old recognizer's shapes (TESSDATA_INTTEMP)
)
