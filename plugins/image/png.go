package main

import (
	"context"
	"io"
	"os"

	"github.com/twinleaf-scan/twinleaf/plugins/image/decode"
	"github.com/twinleaf-scan/twinleaf/plugins/image/head"
	"github.com/twinleaf-scan/twinleaf/plugins/image/raster"
	"github.com/twinleaf-scan/twinleaf/sdk"
)

func (in *input) pngSource(ctx context.Context, req sdk.PageRequest) (source, error) {
	p, err := head.ReadPNG(in, in.size)
	if err == nil {
		err = head.CheckPixels(p.Width, p.Height, req.Limits.Pixels)
	}
	if err == nil && req.Page != 1 {
		err = noPage(req.Page, 1)
	}
	if err != nil {
		return source{}, err
	}
	s := source{width: p.Width, height: p.Height, xdpi: p.XDPI, ydpi: p.YDPI, orient: 1}
	s.open = func() (rows, error) {
		return opened(req.Input.Path, func(r io.ReaderAt) (raster.Reader, error) { return decode.PNG(r, in.size, p) })
	}
	if p.Interlaced || p.Alpha() {
		return s, nil
	}
	if err := decode.CheckSums(in, in.size, p); err != nil {
		return s, err
	}
	s.exact, s.direct = true, p.Depth <= 8
	s.original, err = cut(ctx, "page.png", "image/png", in, 0, in.size, nil, nil)
	return s, err
}

func (in *input) pnmSource(h *heads, req sdk.PageRequest) (source, error) {
	all, err := h.pnm(in, req.Limits)
	if err != nil {
		return source{}, err
	}
	if req.Page < 1 || req.Page > len(all) {
		return source{}, noPage(req.Page, len(all))
	}
	p := all[req.Page-1]
	s := source{width: p.Width, height: p.Height, orient: 1}
	s.open = func() (rows, error) {
		return opened(req.Input.Path, func(r io.ReaderAt) (raster.Reader, error) { return decode.PNM(r, in.size, p), nil })
	}
	return s, head.CheckPixels(p.Width, p.Height, req.Limits.Pixels)
}

// opened gives the rows of a decoder that reads from the file at path.
func opened(path string, with func(io.ReaderAt) (raster.Reader, error)) (rows, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	r, err := with(f)
	if err != nil {
		f.Close()
		return nil, err
	}
	return fileRows{r, f}, nil
}

type fileRows struct {
	raster.Reader
	file *os.File
}

// Close closes the file; it was only read, so there is nothing to lose.
func (f fileRows) Close() { _ = f.file.Close() }
