// Command tesseract is the recognizer of Twinleaf: it reads the text of page
// images with Tesseract, through gosseract, and gives it as a page of package ocr.
//
// A process holds one engine and keeps it warm for one set of languages; another
// set costs some 0.15 s. The engine runs on one thread, so the host starts one
// process a core. What a page holds is given back when it has been read, but the
// engine itself grows a little, so the host replaces a process after some hundred pages. The
// engine cannot be cancelled: whoever loses patience kills the process.
package main

import (
	"context"
	"os"

	"github.com/twinleaf-scan/twinleaf/sdk"
)

func main() {
	e := newEngine()
	if len(os.Args) == 1 { // started by a host, not asked to describe itself
		e.warmUp()
	}
	sdk.Serve(sdk.Info{
		Name:        "tesseract",
		Version:     "1.0.0",
		Summary:     "reads the text of page images with Tesseract",
		License:     "Apache-2.0",
		Engine:      e.version(),
		Permissions: sdk.Permissions{MemoryMB: 2048},
	}, component(e))
}

func component(e *engine) sdk.Component {
	return sdk.Recognizer(func(ctx context.Context, r sdk.RecognizeRequest, s settings) (sdk.Text, error) {
		return recognize(ctx, e, r, s)
	}).Fingerprinted(func(ctx context.Context, r sdk.FingerprintRequest) (sdk.Fingerprint, error) {
		return fingerprint(ctx, e, r)
	})
}
