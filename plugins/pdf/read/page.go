package read

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"os"
	"path/filepath"
	"syscall"

	"github.com/twinleaf-scan/twinleaf/plugins/pdf/poppler"
	"github.com/twinleaf-scan/twinleaf/plugins/pdf/source"
	"github.com/twinleaf-scan/twinleaf/sdk"
)

// maxShown is the most pixels of a page that is drawn to be shown, not only to be
// recognised.
const maxShown = 40_000_000

// Page gives one page as an image. A page whose Info says Image gives its own
// image, the frame of which is that image's place on the page; every other page is
// drawn, and the frame is the page's visible box.
func (r *Reader) Page(ctx context.Context, req sdk.PageRequest, s Settings) (sdk.PageImage, error) {
	var answer sdk.PageImage
	err := r.with(ctx, req.Input, req.Password, req.Limits, s, func(k *kept) error {
		f := k.file
		p, err := page(f, req.Page)
		if err != nil {
			return err
		}
		m, err := f.Marks(ctx, p, source.NewBudget())
		if err != nil {
			return err
		}
		call := pageCall{reader: r, file: f, page: p, tools: s.tools(), graft: req.Graft, pixels: pixels(req.Limits)}
		if image, ok := sole(f, p, m, call.pixels); ok && req.Info.Image {
			answer, err = call.take(ctx, image)
		} else {
			answer, err = call.draw(ctx, m)
		}
		return err
	})
	return answer, source.Failed(ctx, err, "page %d of the PDF cannot be drawn", req.Page)
}

// pageCall is one Page under way.
type pageCall struct {
	reader *Reader
	file   *source.File
	page   source.Page
	tools  poppler.Tools
	graft  bool
	pixels int64
}

// create makes an output file.
func (c *pageCall) create(ctx context.Context, suffix, media string) sdk.File {
	name := fmt.Sprintf("page-%d%s", c.page.Number, suffix)
	return sdk.File{Path: c.reader.out(ctx, name), Name: name, Media: media}
}

// draw lets pdftoppm draw the page.
func (c *pageCall) draw(ctx context.Context, m source.Marks) (sdk.PageImage, error) {
	limit := c.pixels
	if !c.graft {
		limit = min(limit, maxShown)
	}
	dpi := drawDPI(c.page, m, limit)
	w, h := c.page.Size()
	if dpi < leastDPI {
		return sdk.PageImage{}, sdk.Refuse("over-limit", "raise the pixel limit of the profile",
			"page %d of %.0f x %.0f points cannot be drawn with %d dpi within %d million pixels, %d a side", c.page.Number, w, h, leastDPI, limit/1_000_000, maxSide)
	}
	drawing := poppler.Drawing{Path: c.file.Drawable, Page: c.page.Number, DPI: dpi * c.page.Unit, Gray: c.graft}
	path, err := c.tools.Draw(ctx, drawing, c.reader.temp(ctx))
	if err != nil {
		return sdk.PageImage{}, err
	}
	answer, err := c.finish(ctx, path, dpi)
	answer.XDPI, answer.YDPI = min(mostDPI, float64(answer.Width)*72/w), min(mostDPI, float64(answer.Height)*72/h)
	return answer, err
}

// finish brings a drawing into the form that suits its use: a drawing that will be
// shown is stored as gray samples without loss, or in colour as a JPEG.
func (c *pageCall) finish(ctx context.Context, path string, dpi float64) (sdk.PageImage, error) {
	if c.graft {
		return c.gray(ctx, path, dpi)
	}
	pic, err := readPNM(path, maxShown)
	if err != nil {
		return sdk.PageImage{}, fmt.Errorf("page %d: %w", c.page.Number, err)
	}
	if gray, ok := pic.gray(); ok {
		return c.write(ctx, gray)
	}
	file := c.create(ctx, ".jpg", "image/jpeg")
	if err := writeJPEG(file.Path, pic); err != nil {
		return sdk.PageImage{}, fmt.Errorf("page %d: %w", c.page.Number, err)
	}
	return sdk.PageImage{Image: file, Width: pic.w, Height: pic.h}, nil
}

// gray gives a drawing in gray for recognition only.
func (c *pageCall) gray(ctx context.Context, path string, dpi float64) (sdk.PageImage, error) {
	file := c.create(ctx, ".tif", "image/tiff")
	head, err := grayTIFF(path, file.Path, dpi)
	if err != nil {
		return sdk.PageImage{}, fmt.Errorf("page %d: %w", c.page.Number, err)
	}
	return sdk.PageImage{Image: file, Width: head.w, Height: head.h}, nil
}

// adopt moves a PNM file from the scratch folder to the outputs.
func (c *pageCall) adopt(ctx context.Context, path string) (sdk.PageImage, error) {
	head, err := readHeader(path)
	if err != nil {
		return sdk.PageImage{}, fmt.Errorf("page %d: %w", c.page.Number, err)
	}
	file := c.create(ctx, filepath.Ext(path), mediaOf(head.format))
	if err := move(path, file.Path); err != nil {
		return sdk.PageImage{}, fmt.Errorf("page %d: %w", c.page.Number, err)
	}
	return sdk.PageImage{Image: file, Width: head.w, Height: head.h}, nil
}

// move moves a file to another folder. Where the sandbox does not let a file change its
// folder it says that this is another disk, and the file is copied.
func move(from, to string) error {
	err := os.Rename(from, to)
	if !errors.Is(err, syscall.EXDEV) {
		return err
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close() // read only
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close(), os.Remove(from))
}

func (c *pageCall) write(ctx context.Context, p picture) (sdk.PageImage, error) {
	file := c.create(ctx, p.suffix(), mediaOf(p.format))
	if err := p.write(file.Path); err != nil {
		return sdk.PageImage{}, fmt.Errorf("page %d: %w", c.page.Number, err)
	}
	return sdk.PageImage{Image: file, Width: p.w, Height: p.h}, nil
}

// jpegQuality of drawings in colour, which were no scans before.
const jpegQuality = 90

func writeJPEG(path string, p picture) error {
	out, err := os.Create(path)
	if err != nil {
		return err
	}
	defer out.Close()
	img := image.NewRGBA(image.Rect(0, 0, p.w, p.h))
	for i, o := 0, 0; i+2 < len(p.samples); i, o = i+3, o+4 {
		img.Pix[o], img.Pix[o+1], img.Pix[o+2], img.Pix[o+3] = p.samples[i], p.samples[i+1], p.samples[i+2], 0xFF
	}
	if err := jpeg.Encode(out, img, &jpeg.Options{Quality: jpegQuality}); err != nil {
		return err
	}
	return out.Close()
}
