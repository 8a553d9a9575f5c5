package poppler

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// Drawing asks for one page as an image file.
type Drawing struct {
	Path string // of the PDF; not encrypted with a user password
	Page int    // 1-based
	DPI  float64
	Gray bool // PGM instead of PPM
}

// Draw draws the crop box of a page, turned as the page says, into dir and gives
// the path of the PGM or PPM file.
func (t Tools) Draw(ctx context.Context, d Drawing, dir string) (string, error) {
	root := filepath.Join(dir, "page-"+strconv.Itoa(d.Page))
	n := strconv.Itoa(d.Page)
	args := []string{"-q", "-cropbox", "-r", strconv.FormatFloat(d.DPI, 'f', 4, 64), "-f", n, "-l", n, "-singlefile"}
	suffix := ".ppm"
	if d.Gray {
		args, suffix = append(args, "-gray"), ".pgm"
	}
	_, err := t.run(ctx, "", 0, "pdftoppm", append(args, d.Path, root)...)
	if err != nil {
		return "", fmt.Errorf("draw page %d: %w", d.Page, err)
	}
	if _, err := os.Stat(root + suffix); err != nil {
		return "", fmt.Errorf("draw page %d: pdftoppm %w", d.Page, ErrNothing)
	}
	return root + suffix, nil
}

// Image decodes the only image of a page into a PBM, PGM or PPM file in dir, as
// its samples are, not turned and not scaled.
func (t Tools) Image(ctx context.Context, path string, page int, dir string) (string, error) {
	tmp, err := os.MkdirTemp(dir, "images-")
	if err != nil {
		return "", fmt.Errorf("decode the image of page %d: %w", page, err)
	}
	n := strconv.Itoa(page)
	if _, err := t.run(ctx, "", 0, "pdfimages", "-q", "-f", n, "-l", n, path, filepath.Join(tmp, "i")); err != nil {
		return "", fmt.Errorf("decode the image of page %d: %w", page, err)
	}
	found, err := filepath.Glob(filepath.Join(tmp, "i-*"))
	if err != nil || len(found) != 1 {
		return "", fmt.Errorf("decode the image of page %d: pdfimages %w of %d", page, ErrNothing, len(found))
	}
	return found[0], nil
}
