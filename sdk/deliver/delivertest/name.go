package delivertest

import "github.com/twinleaf-scan/twinleaf/sdk/deliver"

// Named is the name that a document's file gets in an empty destination.
func Named(name, ending string) string { return deliver.Stem(name, "", 0) + ending }
