package main

// #include "neutral.h"
import "C"

// neutral is how many colour pictures without colour were read as gray ones (docs/adr/0017).
func neutral() int { return int(C.twl_neutral()) }
