// Command stamp is a plug-in as a stranger might offer it: a filter that changes
// nothing and is named in the manifest of every document. The tests add it to a
// store; -ldflags "-X main.version=1.1.0" makes another version of it.
package main

import (
	"context"

	"github.com/twinleaf-scan/twinleaf/sdk"
)

var version = "1.0.0"

// Settings have nothing to set.
type Settings struct{}

func main() {
	info := sdk.Info{Name: "example.stamp", Version: version, Summary: "changes nothing", Permissions: sdk.Permissions{MemoryMB: 256}}
	sdk.Serve(info, sdk.Filter(func(context.Context, sdk.FilterRequest, Settings) (sdk.Filtered, error) {
		return sdk.Filtered{}, nil
	}))
}
