package main

import (
	"sync"

	"github.com/twinleaf-scan/twinleaf/plugins/image/head"
	"github.com/twinleaf-scan/twinleaf/sdk"
)

// heads keeps the heads of the pages of the file that was read last, so that a
// file of thousands of pages is not walked through for each of them. The zero
// value is ready.
type heads struct {
	mu    sync.Mutex // guards what follows
	key   headsKey
	pages any // []head.TIFFPage or []head.PNM; not changed by those who have it
}

// headsKey is all that heads depend on: the content, and how many pages are read.
type headsKey struct {
	sha256   string
	maxPages int
}

// tiff gives the pages of a TIFF.
func (h *heads) tiff(in *input, limits sdk.Limits) ([]head.TIFFPage, error) {
	return remember(h, in, limits, func(most int) ([]head.TIFFPage, error) {
		t, err := head.ReadTIFF(in, in.size, most)
		return t.Pages, err
	})
}

// pnm gives the images of a PNM.
func (h *heads) pnm(in *input, limits sdk.Limits) ([]head.PNM, error) {
	return remember(h, in, limits, func(most int) ([]head.PNM, error) { return head.ReadPNM(in, in.size, most) })
}

// remember reads the pages unless it has those of the same file. A file without a
// checksum is read every time.
func remember[P any](h *heads, in *input, limits sdk.Limits, read func(maxPages int) ([]P, error)) ([]P, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	key := headsKey{in.sha256, maxPages(limits)}
	if pages, ok := h.pages.([]P); ok && key == h.key && key.sha256 != "" {
		return pages, nil
	}
	pages, err := read(key.maxPages)
	if err != nil {
		return nil, err
	}
	h.key, h.pages = key, pages
	return pages, nil
}
