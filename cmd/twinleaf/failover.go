package main

import (
	"fmt"

	"github.com/twinleaf-scan/twinleaf/console/client"
)

// moved says in one line that another server is asked from now on, and why. That a
// standby sends its clients on is as it should be, and not worth a word.
func (a *app) moved(m client.Move) {
	if m.Cause == "" {
		return
	}
	if newMeter(a.std.err, "").show {
		fmt.Fprint(a.std.err, "\r\x1b[K") // a bar may stand there
	}
	fmt.Fprintln(a.std.err, "twinleaf: "+printable(m.String()))
}
