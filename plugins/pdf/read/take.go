package read

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math"
	"os"

	"golang.org/x/image/ccitt"

	"github.com/twinleaf-scan/twinleaf/plugins/pdf/source"
	"github.com/twinleaf-scan/twinleaf/sdk"
)

// take gives the page's own image: its very bytes where a recognizer reads them,
// else its samples, turned upright and with square pixels, and the bytes beside them.
func (c *pageCall) take(ctx context.Context, s source.Sole) (sdk.PageImage, error) {
	raw, err := c.raw(ctx, s)
	if err != nil {
		return sdk.PageImage{}, fmt.Errorf("page %d: %w", c.page.Number, err)
	}
	w, h := s.Upright()
	whole := sdk.PageImage{Width: w, Height: h, XDPI: s.XDPI, YDPI: s.YDPI}
	readable := raw != nil && s.Kind != source.JBIG2 && !(s.Kind == source.JPEG && s.Components == 4)
	if readable && s.Orient == 1 && square(s) {
		whole.Image, whole.Unchanged = *raw, true
		return whole, nil
	}
	answer, err := c.samples(ctx, s)
	if err != nil {
		return sdk.PageImage{}, err
	}
	if raw != nil && !c.graft {
		answer.Shown, answer.Orient, answer.Unchanged = raw, s.Orient, true
	}
	return answer, nil
}

// samples decodes the image.
func (c *pageCall) samples(ctx context.Context, s source.Sole) (sdk.PageImage, error) {
	path, err := c.tools.Image(ctx, c.file.Drawable, c.page.Number, c.reader.temp(ctx))
	if err != nil {
		return sdk.PageImage{}, err
	}
	head, err := readHeader(path)
	if err == nil && head.format == '4' && s.Orient == 1 && square(s) {
		answer, err := c.adopt(ctx, path)
		answer.XDPI, answer.YDPI = s.XDPI, s.YDPI
		return answer, err
	}
	pic, err := readPNM(path, c.pixels)
	if err != nil {
		return sdk.PageImage{}, fmt.Errorf("page %d: %w", c.page.Number, err)
	}
	if gray, ok := pic.gray(); ok { // gray images come in three equal colours
		pic = gray
	}
	pic = pic.turned(s.Orient)
	xdpi, ydpi := s.XDPI, s.YDPI
	if !square(s) {
		dpi := max(xdpi, ydpi)
		pic = pic.stretched(int(math.Round(float64(pic.w)*dpi/xdpi)), int(math.Round(float64(pic.h)*dpi/ydpi)))
		xdpi, ydpi = dpi, dpi
	}
	answer, err := c.write(ctx, pic)
	answer.XDPI, answer.YDPI = xdpi, ydpi
	return answer, err
}

// square reports whether the pixels are square enough for a recognizer.
func square(s source.Sole) bool {
	return math.Abs(s.XDPI/s.YDPI-1) <= 0.03
}

// raw writes the image's own bytes as a file; nil when they make none, or when
// they are damaged and only a forgiving decoder reads them.
func (c *pageCall) raw(ctx context.Context, s source.Sole) (*sdk.File, error) {
	var file sdk.File
	var parts [][]byte
	switch {
	case s.Kind == source.JPEG:
		file, parts = c.create(ctx, ".jpg", "image/jpeg"), [][]byte{s.Image.Raw}
	case s.Kind == source.JBIG2:
		file, parts = c.create(ctx, ".jb2", "image/jbig2"), [][]byte{s.Image.Raw}
	case s.Kind == source.G4 && soundG4(s):
		file, parts = c.create(ctx, ".tif", "image/tiff"), [][]byte{tiffHeader(s), s.Image.Raw}
	case s.Kind == source.PNG && soundFlate(s):
		file, parts = c.create(ctx, ".png", "image/png"), pngParts(s)
	default:
		return nil, nil
	}
	out, err := os.Create(file.Path)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	for _, p := range parts {
		if _, err := out.Write(p); err != nil {
			return nil, err
		}
	}
	return &file, out.Close()
}

// soundG4 reports whether a strict decoder reads all rows.
func soundG4(s source.Sole) bool {
	r := ccitt.NewReader(bytes.NewReader(s.Image.Raw), ccitt.MSB, ccitt.Group4, s.Width, s.Height, nil)
	n, err := io.Copy(io.Discard, r)
	return err == nil && n == int64((s.Width+7)/8)*int64(s.Height)
}
