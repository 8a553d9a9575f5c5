// Package read is the reader of the PDF plug-in: what a document is and which of
// its pages need recognition (Inspect), one page as an image (Page), and the text
// that a page carries (Text).
//
// A page that consists of one image gives that image's own bytes where a
// recognizer can read them; every other page is drawn by pdftoppm.
package read

import (
	"context"
	"fmt"

	"github.com/twinleaf-scan/twinleaf/plugins/pdf/poppler"
	"github.com/twinleaf-scan/twinleaf/plugins/pdf/source"
	"github.com/twinleaf-scan/twinleaf/sdk"
)

// Media is what the reader reads.
const Media = "application/pdf"

// Settings are the reader's settings. The zero value is ready to use.
type Settings struct {
	DrawMemoryMB int `json:"drawMemoryMB,omitempty" jsonschema:"memory that a drawing program may take, in MiB; default 1024"`
}

func (s Settings) tools() poppler.Tools { return poppler.Tools{MemoryMB: s.DrawMemoryMB} }

// Reader keeps the last documents parsed, for their pages are asked for one by one.
// Make it with New; it may be called from several goroutines.
type Reader struct {
	out   func(ctx context.Context, name string) string
	temp  func(ctx context.Context) string
	cache cache
}

// New makes a reader that writes where the sdk says.
func New() *Reader { return &Reader{out: sdk.Out, temp: sdk.TempDir} }

// Component is the reader as the plug-in serves it.
func (r *Reader) Component() sdk.Component {
	return sdk.Reader(sdk.ReaderFuncs[Settings]{Media: []string{Media}, Inspect: r.Inspect, Page: r.Page, Text: r.Text})
}

// Modes of P4, as requests name them.
const (
	modeRedo  = "redo"
	modeForce = "force"
)

// Inspect says what a document is. No image is decoded. Errors are refusals with
// the codes encrypted, damaged, dynamic-form and over-limit.
func (r *Reader) Inspect(ctx context.Context, req sdk.InspectRequest, s Settings) (sdk.Inspection, error) {
	var answer sdk.Inspection
	err := r.with(ctx, req.Input, req.Password, req.Limits, s, func(k *kept) error {
		i := inspection{file: k.file, mode: req.Mode, pixels: pixels(req.Limits), exact: true}
		if err := i.run(ctx); err != nil {
			return err
		}
		answer = i.answer()
		return nil
	})
	return answer, source.Failed(ctx, err, "the PDF cannot be read")
}

// with opens a document or takes it from the cache, and holds it during use.
func (r *Reader) with(ctx context.Context, input sdk.File, password string, limits sdk.Limits, s Settings, use func(*kept) error) error {
	r.cache.mu.Lock()
	defer r.cache.mu.Unlock()
	k, err := r.cache.take(ctx, input, source.Options{Password: password, Pages: limits.Pages, Bytes: limits.Bytes, Tools: s.tools()})
	if err != nil {
		return err
	}
	defer r.cache.release()
	return use(k)
}

// page finds a page by its number.
func page(f *source.File, n int) (source.Page, error) {
	if n < 1 || n > len(f.Pages) {
		return source.Page{}, fmt.Errorf("page %d of a PDF with %d pages", n, len(f.Pages))
	}
	return f.Pages[n-1], nil
}

// pixels is the limit for one page.
func pixels(l sdk.Limits) int64 {
	if l.Pixels <= 0 {
		return 150_000_000
	}
	return l.Pixels
}
