package main

import (
	"context"
	"os"

	"github.com/twinleaf-scan/twinleaf/plugins/image/head"
	"github.com/twinleaf-scan/twinleaf/plugins/image/libjpeg"
	"github.com/twinleaf-scan/twinleaf/plugins/image/raster"
	"github.com/twinleaf-scan/twinleaf/sdk"
)

// inspect says what the input holds. It goes by content, never by name, and
// decodes nothing, with one exception: a JPEG without an end marker, whose size
// is within the limits, is decoded to see whether data are missing.
func (h *heads) inspect(_ context.Context, req sdk.InspectRequest, _ settings) (sdk.Inspection, error) {
	in, err := openInput(req.Input)
	if err != nil {
		return sdk.Inspection{}, err
	}
	defer in.Close()
	pages, err := in.pages(h, req.Limits)
	if err != nil {
		return sdk.Inspection{}, err
	}
	out := sdk.Inspection{Media: string(in.format)}
	for _, p := range pages {
		if err := head.CheckPixels(p.Width, p.Height, req.Limits.Pixels); err != nil {
			return sdk.Inspection{}, err
		}
		out.Pages = append(out.Pages, p)
	}
	return out, in.checkEnd()
}

// input is an open file of a known format.
type input struct {
	*os.File
	size   int64
	sha256 string // of the content, if it is known
	format head.Format
	jpeg   head.JPEG // of a JPEG, once pages was asked
}

func openInput(f sdk.File) (*input, error) {
	file, err := os.Open(f.Path)
	if err != nil {
		return nil, err
	}
	st, err := file.Stat()
	if err != nil {
		file.Close()
		return nil, err
	}
	in := &input{File: file, size: st.Size(), sha256: f.SHA256, format: head.Sniff(file)}
	if in.format == "" {
		file.Close()
		return nil, sdk.Refuse("not-a-scan", "submit a PDF, TIFF, JPEG, PNG or PNM file",
			"the content of %s is no TIFF, JPEG, PNG or PNM image", f.Name)
	}
	return in, nil
}

// pages reads the heads of all pages.
func (in *input) pages(h *heads, limits sdk.Limits) ([]sdk.PageInfo, error) {
	switch in.format {
	case head.FormatJPEG:
		j, err := head.ReadJPEG(in, in.size)
		in.jpeg = j
		if err == nil {
			err = readableJPEG(j)
		}
		return []sdk.PageInfo{info(j.Width, j.Height, j.XDPI, j.YDPI)}, err
	case head.FormatPNG:
		p, err := head.ReadPNG(in, in.size)
		return []sdk.PageInfo{info(p.Width, p.Height, p.XDPI, p.YDPI)}, err
	case head.FormatPNM:
		all, err := h.pnm(in, limits)
		var out []sdk.PageInfo
		for _, p := range all {
			out = append(out, info(p.Width, p.Height, 0, 0))
		}
		return out, err
	default:
		return in.tiffPages(h, limits)
	}
}

// tiffPages refuses a file none of whose pages can be read; one bad page among
// good ones is left for its own call.
func (in *input) tiffPages(h *heads, limits sdk.Limits) ([]sdk.PageInfo, error) {
	pages, err := h.tiff(in, limits)
	if err != nil {
		return nil, err
	}
	var out []sdk.PageInfo
	good := 0
	for _, p := range pages {
		if p.Damage == "" {
			good++
		}
		out = append(out, info(p.Width, p.Height, p.XDPI, p.YDPI))
	}
	if good == 0 {
		return nil, head.Damaged("the first of the TIFF's %d pages cannot be read: %s", len(pages), pages[0].Damage)
	}
	return out, nil
}

// info leaves out a resolution that cannot be meant.
func info(w, h int, xdpi, ydpi float64) sdk.PageInfo {
	if min(xdpi, ydpi) < minDPI || max(xdpi, ydpi) > maxDPI {
		xdpi, ydpi = 0, 0
	}
	return sdk.PageInfo{Width: w, Height: h, XDPI: xdpi, YDPI: ydpi, Image: true}
}

func maxPages(l sdk.Limits) int {
	if l.Pages <= 0 {
		return 10_000
	}
	return l.Pages
}

// readableJPEG refuses the processes that the decoder does not know.
func readableJPEG(j head.JPEG) error {
	switch {
	case j.Precision != 8:
		return head.Unsupported("the JPEG has %d bits a sample; 8 are read", j.Precision)
	case j.Process > 2 && j.Process != 9 && j.Process != 10:
		return head.Unsupported("the JPEG uses coding process %d (lossless or hierarchical)", j.Process)
	case j.Components != 1 && j.Components != 3 && j.Components != 4:
		return head.Unsupported("the JPEG has %d components", j.Components)
	}
	return nil
}

// checkEnd looks into a JPEG that has no end marker. A sequential one that lacks
// nothing else is read; one whose rows are cut is refused, and so is a
// progressive one, of which nobody can tell whether its last scans are missing.
func (in *input) checkEnd() error {
	if in.format != head.FormatJPEG || in.jpeg.End > 0 {
		return nil
	}
	if in.jpeg.Process == 2 || in.jpeg.Process == 10 {
		return head.Damaged("the progressive JPEG is cut short: it ends after %d bytes without an end marker", in.size)
	}
	img, err := libjpeg.Open(in.Name(), in.jpeg, raster.Gray)
	if err != nil {
		return err
	}
	defer img.Close()
	return raster.Copy(raster.Discard{}, img)
}
