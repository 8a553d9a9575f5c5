// Command image is the reader plug-in for scans that come as images: TIFF of any
// number of pages, JPEG, PNG and PNM. It says what a file holds without decoding
// it, and gives each page twice where that is needed: the bytes to show, which
// are the file's own wherever a PDF can carry them, and the picture to recognise,
// upright, with square pixels, on white.
package main

import "github.com/twinleaf-scan/twinleaf/sdk"

// version is what manifests and GET /v1/plugins name.
const version = "1.0.0"

func main() {
	sdk.Serve(sdk.Info{
		Name:        "image",
		Version:     version,
		Summary:     "reads TIFF, JPEG, PNG and PNM",
		License:     "Apache-2.0",
		Permissions: sdk.Permissions{MemoryMB: 1536},
	}, reader())
}

// settings: the reader has none.
type settings struct{}

func reader() sdk.Component {
	h := &heads{}
	return sdk.Reader(sdk.ReaderFuncs[settings]{
		Media: []string{
			"image/tiff", "image/jpeg", "image/png",
			"image/x-portable-anymap", "image/x-portable-bitmap", "image/x-portable-graymap", "image/x-portable-pixmap",
		},
		Inspect: h.inspect,
		Page:    h.page,
	})
}
