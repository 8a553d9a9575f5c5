package main

// #include "leftovers.h"
import "C"

import "github.com/otiai10/gosseract/v2"

// letGoOfAnswer gives back the answer that gosseract has just copied, which it never frees,
// and what the engine found on the page. The engine would do the latter itself with the next
// page, within its call; until then it keeps pictures of the page that has been read.
func letGoOfAnswer() { C.twl_let_go() }

// letGoOfImage gives back the picture that was read. What cannot be let go goes with the
// client.
func letGoOfImage(c *gosseract.Client) { _ = c.SetImageFromBytes(whiteDot()) }

// answersLetGo is how many answers were given back.
func answersLetGo() int { return int(C.twl_let_go_of()) }
