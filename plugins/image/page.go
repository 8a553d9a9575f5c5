package main

import (
	"context"
	"io"
	"math"
	"os"

	"github.com/twinleaf-scan/twinleaf/plugins/image/head"
	"github.com/twinleaf-scan/twinleaf/plugins/image/libtiff"
	"github.com/twinleaf-scan/twinleaf/plugins/image/raster"
	"github.com/twinleaf-scan/twinleaf/sdk"
)

// page gives one page of the input.
func (h *heads) page(ctx context.Context, req sdk.PageRequest, _ settings) (sdk.PageImage, error) {
	in, err := openInput(req.Input)
	if err != nil {
		return sdk.PageImage{}, err
	}
	defer in.Close()
	src, err := in.source(ctx, h, req)
	if err != nil {
		return sdk.PageImage{}, err
	}
	src.xdpi, src.ydpi = resolution(src.width, src.height, src.xdpi, src.ydpi)
	return src.image(ctx, req)
}

// source is one page of an input: how it lies, and how to have it.
type source struct {
	width, height int     // as stored
	xdpi, ydpi    float64 // as stored
	orient        int     // EXIF orientation, 1..8

	original *sdk.File // the page's own bytes in a form that a PDF carries; nil: they must be encoded anew
	exact    bool      // the original is byte for byte what the input holds
	direct   bool      // the original can be recognised as it is

	open func() (rows, error) // decodes the page as stored
}

// rows is an open decoder.
type rows interface {
	raster.Reader
	Close()
}

// source reads the head of the page that is asked for.
func (in *input) source(ctx context.Context, h *heads, req sdk.PageRequest) (source, error) {
	var s source
	var err error
	switch in.format {
	case head.FormatJPEG:
		s, err = in.jpegSource(ctx, req)
	case head.FormatPNG:
		s, err = in.pngSource(ctx, req)
	case head.FormatPNM:
		s, err = in.pnmSource(h, req)
	default:
		s, err = in.tiffSource(ctx, h, req)
	}
	return s, err
}

// noPage is asked-for pages that are not there.
func noPage(n, of int) error { return head.Damaged("page %d was asked for and the file has %d", n, of) }

// image makes the page's files.
func (s source) image(ctx context.Context, req sdk.PageRequest) (sdk.PageImage, error) {
	upright := s.orient <= 1 && square(s.xdpi, s.ydpi)
	if s.original != nil && s.direct && upright {
		return sdk.PageImage{
			Image: *s.original, Width: s.width, Height: s.height, XDPI: s.xdpi, YDPI: s.ydpi, Unchanged: s.exact,
		}, nil
	}
	r, err := s.open()
	if err != nil {
		return sdk.PageImage{}, err
	}
	defer r.Close()
	out := sdk.PageImage{Orient: s.orient, Shown: s.original, Unchanged: s.exact}
	if s.original == nil && r.Header().Form == raster.Bilevel && upright {
		return s.write(ctx, out, r)
	}
	if s.original != nil || req.Graft {
		return s.write(ctx, out, r)
	}
	shown, w, err := s.encode(ctx, r.Header())
	if err != nil {
		return sdk.PageImage{}, err
	}
	out.Shown = &shown
	out, err = s.write(ctx, out, raster.Tee(r, w))
	if e := w.Close(); err == nil {
		err = e
	}
	return out, err
}

// encode opens the file to show where the original bytes do not fit a PDF.
func (s source) encode(ctx context.Context, h raster.Header) (sdk.File, raster.Writer, error) {
	if h.Form == raster.Bilevel {
		f := file(ctx, "shown.tif", "image/tiff")
		w, err := libtiff.CreateG4(f.Path, h, s.xdpi, s.ydpi)
		return f, w, err
	}
	f := file(ctx, "shown.png", "image/png")
	w, err := raster.CreatePNG(f.Path, h, s.xdpi, s.ydpi)
	return f, w, err
}

// write makes the picture to recognise from the stored rows: square pixels,
// upright, 1 bit as G4, everything else in gray and not compressed.
func (s source) write(ctx context.Context, out sdk.PageImage, stored raster.Reader) (sdk.PageImage, error) {
	r, xdpi, ydpi := stored, s.xdpi, s.ydpi
	if !square(xdpi, ydpi) {
		xdpi = max(xdpi, ydpi)
		ydpi = xdpi
		w, h := scaled(s.width, xdpi/s.xdpi), scaled(s.height, ydpi/s.ydpi)
		r = raster.Stretch(r, w, h)
	}
	if s.orient >= 5 {
		xdpi, ydpi = ydpi, xdpi
	}
	if r.Header().Form == raster.RGB {
		r = raster.ToGray(r)
	}
	r = raster.Turn(r, s.orient)
	h := r.Header()
	out.Width, out.Height, out.XDPI, out.YDPI = h.Width, h.Height, xdpi, ydpi
	out.Image = file(ctx, "image.tif", "image/tiff")
	create := raster.CreateTIFF
	if h.Form == raster.Bilevel {
		create = libtiff.CreateG4
	}
	w, err := create(out.Image.Path, h, xdpi, ydpi)
	if err != nil {
		return out, err
	}
	return out, raster.Copy(w, r)
}

func scaled(n int, by float64) int { return max(n, int(math.Round(float64(n)*by))) }

// file names a file of the answer.
func file(ctx context.Context, name, media string) sdk.File {
	return sdk.File{Path: sdk.Out(ctx, name), Name: name, Media: media}
}

// cut copies n bytes of r from position at into a file of the answer, between
// before and after.
func cut(ctx context.Context, name, media string, r io.ReaderAt, at, n int64, before, after []byte) (*sdk.File, error) {
	f := file(ctx, name, media)
	w, err := os.Create(f.Path)
	if err != nil {
		return nil, err
	}
	if _, err = w.Write(before); err == nil {
		_, err = io.Copy(w, io.NewSectionReader(r, at, n))
	}
	if err == nil {
		_, err = w.Write(after)
	}
	if e := w.Close(); err == nil {
		err = e
	}
	return &f, err
}
