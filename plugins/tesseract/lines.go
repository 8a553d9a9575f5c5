package main

// #include "lines.h"
import "C"

// lines is how many lines of pages the engine has kept without packing them as PNG
// (docs/adr/0015).
func lines() int { return int(C.twl_lines()) }
