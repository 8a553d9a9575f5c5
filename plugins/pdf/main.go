// Command pdf is the plug-in for PDF: the reader of documents that come as PDF and
// the assembler of all searchable documents.
//
// It parses with pdfcpu, and lets poppler draw and qpdf mend; both run as programs
// of their own, within limits. Assembled documents are PDF/A-2u, written front to
// back; a PDF that is more than scanned images keeps all its bytes instead and gets
// the text as an update behind them.
package main

import (
	"runtime/debug"

	"github.com/twinleaf-scan/twinleaf/plugins/pdf/assemble"
	"github.com/twinleaf-scan/twinleaf/plugins/pdf/read"
	"github.com/twinleaf-scan/twinleaf/sdk"
)

// version is what manifests and GET /v1/plugins name.
const version = "1.0.0"

// garbagePercent is how much garbage may lie beside what is in use. A document that
// is kept is in memory as a whole, so the usual 100 would take it twice; half of that
// costs no time that could be measured.
const garbagePercent = 50

func main() {
	debug.SetGCPercent(garbagePercent)
	sdk.Serve(sdk.Info{
		Name:    "pdf",
		Version: version,
		Summary: "reads PDF and writes searchable PDF/A",
		License: "Apache-2.0",
		Permissions: sdk.Permissions{
			Exec:     []string{"sh", "pdftoppm", "pdfimages", "pdftotext", "qpdf"},
			MemoryMB: 3072, // a document of 800 MiB is held in memory, with its new text
		},
	}, read.New().Component(), assemble.New().Component())
}
