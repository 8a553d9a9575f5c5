package sdk

import "embed"

// Source is the source of this module. `twinleaf plugin new` unpacks it beside the
// plug-in that it makes, which so builds anywhere. Plug-ins do not refer to it, and
// what is not referred to is not part of a program.
//
//go:embed *
var Source embed.FS
