package main

import (
	"context"
	"io"

	"github.com/twinleaf-scan/twinleaf/plugins/image/head"
	"github.com/twinleaf-scan/twinleaf/plugins/image/libtiff"
	"github.com/twinleaf-scan/twinleaf/plugins/image/raster"
	"github.com/twinleaf-scan/twinleaf/sdk"
)

func (in *input) tiffSource(ctx context.Context, h *heads, req sdk.PageRequest) (source, error) {
	pages, err := h.tiff(in, req.Limits)
	if err != nil {
		return source{}, err
	}
	if req.Page < 1 || req.Page > len(pages) {
		return source{}, noPage(req.Page, len(pages))
	}
	p := pages[req.Page-1]
	if err := head.CheckPixels(p.Width, p.Height, req.Limits.Pixels); err != nil {
		return source{}, err
	}
	if p.Damage != "" {
		return source{}, head.Damaged("page %d of the TIFF cannot be read: %s", req.Page, p.Damage)
	}
	s := source{width: p.Width, height: p.Height, xdpi: p.XDPI, ydpi: p.YDPI, orient: p.Orient}
	s.open = func() (rows, error) { return openTIFF(req.Input.Path, p) }
	return in.tiffOriginal(ctx, s, p)
}

func openTIFF(path string, p head.TIFFPage) (rows, error) {
	r, err := libtiff.Open(path, p)
	if err != nil {
		return nil, err
	}
	return r, nil
}

// tiffOriginal finds the page's own bytes where a PDF can carry them: one strip
// of G4, or a whole JPEG.
func (in *input) tiffOriginal(ctx context.Context, s source, p head.TIFFPage) (source, error) {
	switch p.Compression {
	case head.CompressionG4:
		return in.g4Original(ctx, s, p)
	case head.CompressionJPEG:
		return in.jpegInTIFF(ctx, s, p)
	case head.CompressionOldJPEG:
		return in.oldJPEG(ctx, s, p)
	}
	return s, nil
}

// g4Original wraps the identical bytes of a page of one strip. They are decoded
// once to see that they are sound: that takes some milliseconds.
func (in *input) g4Original(ctx context.Context, s source, p head.TIFFPage) (source, error) {
	span, ok := head.OneG4Strip(p, in.size)
	if !ok {
		return s, nil
	}
	r, err := s.open()
	if err != nil {
		return s, err
	}
	defer r.Close()
	if err := raster.Copy(raster.Discard{}, r); err != nil {
		return s, err
	}
	x, y := resolution(s.width, s.height, s.xdpi, s.ydpi)
	s.exact, s.direct = true, true
	s.original, err = cut(ctx, "page.tif", "image/tiff", in, int64(span.At), int64(span.Len), head.G4Header(p, span.Len, x, y), nil)
	return s, err
}

// jpegInTIFF joins the tables and the one strip or tile of a page to a JPEG file.
func (in *input) jpegInTIFF(ctx context.Context, s source, p head.TIFFPage) (source, error) {
	before, span, ok := head.JPEGStream(in, p)
	if !ok {
		return s, nil
	}
	f, err := cut(ctx, "page.jpg", "image/jpeg", in, int64(span.At), int64(span.Len), before, nil)
	if err != nil {
		return s, err
	}
	return s.withJPEG(f)
}

// oldJPEG takes out the JPEG file that old-style writers put into a TIFF whole.
func (in *input) oldJPEG(ctx context.Context, s source, p head.TIFFPage) (source, error) {
	if p.Old.Len == 0 || p.Old.At+p.Old.Len > uint64(in.size) {
		return s, nil
	}
	inner := io.NewSectionReader(in, int64(p.Old.At), int64(p.Old.Len))
	j, err := head.ReadJPEG(inner, inner.Size())
	if err != nil || j.End == 0 {
		return s, nil // tables and data lie apart: libtiff knows what to do
	}
	f, err := cut(ctx, "page.jpg", "image/jpeg", inner, 0, j.End, nil, nil)
	if err != nil {
		return s, err
	}
	return s.withJPEG(f)
}

// withJPEG takes f for the original if it is the page and every reader
// understands it alike.
func (s source) withJPEG(f *sdk.File) (source, error) {
	in, err := openInput(*f)
	if err != nil {
		return s, nil
	}
	defer in.Close()
	j, err := head.ReadJPEG(in, in.size)
	if err != nil || j.End == 0 || !j.Passes() || j.Components == 4 || j.Width != s.width || j.Height != s.height {
		return s, nil
	}
	s.original, s.exact, s.direct = f, true, true
	s.open = func() (rows, error) { return openJPEG(f.Path, j, true) }
	return s, nil
}
