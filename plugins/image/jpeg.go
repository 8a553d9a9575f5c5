package main

import (
	"context"

	"github.com/twinleaf-scan/twinleaf/plugins/image/head"
	"github.com/twinleaf-scan/twinleaf/plugins/image/libjpeg"
	"github.com/twinleaf-scan/twinleaf/plugins/image/raster"
	"github.com/twinleaf-scan/twinleaf/sdk"
)

// endOfImage is the marker that a JPEG ends with.
var endOfImage = []byte{0xFF, 0xD9}

func (in *input) jpegSource(ctx context.Context, req sdk.PageRequest) (source, error) {
	j, err := head.ReadJPEG(in, in.size)
	if err == nil {
		err = readableJPEG(j)
	}
	if err == nil {
		err = head.CheckPixels(j.Width, j.Height, req.Limits.Pixels)
	}
	if err == nil && req.Page != 1 {
		err = noPage(req.Page, 1)
	}
	if err != nil {
		return source{}, err
	}
	s := source{width: j.Width, height: j.Height, xdpi: j.XDPI, ydpi: j.YDPI, orient: j.Orient}
	s.open = func() (rows, error) { return openJPEG(req.Input.Path, j, j.Passes()) }
	if !j.Passes() {
		return s, nil
	}
	var after []byte
	if j.End == 0 { // whole but for its end marker: inspect has seen to that
		after = endOfImage
	}
	s.exact, s.direct = after == nil, j.Components != 4
	s.original, err = cut(ctx, "page.jpg", "image/jpeg", in, 0, in.size, nil, after)
	return s, err
}

// openJPEG decodes for recognition alone (gray is enough) or for showing too.
func openJPEG(path string, j head.JPEG, gray bool) (rows, error) {
	form := raster.RGB
	if gray {
		form = raster.Gray
	}
	img, err := libjpeg.Open(path, j, form)
	if err != nil {
		return nil, err
	}
	return img, nil
}
