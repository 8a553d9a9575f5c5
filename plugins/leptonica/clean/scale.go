package clean

import (
	"slices"

	"github.com/twinleaf-scan/twinleaf/plugins/leptonica/lept"
)

// When an image is halved for recognition: from 450 dpi, as long as lines keep
// the height that the engine likes.
const (
	halveFrom = 450.0
	minHeight = 22 // pixels of a usual small letter before halving
)

// halvings says how often the page may be halved.
func halvings(w view, shapes []lept.Box) int {
	height := textHeight(shapes) * w.reduced
	n := 0
	for dpi := w.page.DPI; dpi >= halveFrom && height >= minHeight; dpi /= 2 {
		height /= 2
		n++
	}
	return n
}

// textHeight is the usual height of a small letter in pixels; 0 when there is no text.
func textHeight(shapes []lept.Box) int {
	var heights []int
	for _, b := range shapes {
		if b.H >= 4 && b.H < 100 && b.W >= 2 && b.W < 4*b.H {
			heights = append(heights, b.H)
		}
	}
	if len(heights) == 0 {
		return 0
	}
	slices.Sort(heights)
	return heights[len(heights)/2]
}

// Prepare makes the image to recognise: halved, tidied, turned and levelled as the finding
// says. The caller closes it.
func Prepare(p Page, f Finding, tidy Tidy) (lept.Image, error) {
	info, err := lept.Stat(p.Path, p.MaxPixels)
	if err != nil {
		return lept.Image{}, err
	}
	img, err := readGray(p.Path, info, f.Halve)
	if err != nil {
		return img, err
	}
	img, err = tidy.apply(img, p.dpi()/float64(int(1)<<f.Halve))
	if err == nil && f.Turn != 0 {
		img, err = then(img, func(i lept.Image) (lept.Image, error) { return i.Turn(f.Turn) })
	}
	if err == nil && f.Level != 0 {
		img, err = then(img, func(i lept.Image) (lept.Image, error) { return i.Rotate(-f.Level) })
	}
	if err == nil {
		img.SetResolution(int(p.DPI) >> f.Halve)
	}
	return img, err
}

// readGray reads 1 bit or gray, halved n times. 1 bit becomes gray by halving:
// what a pixel loses in place it keeps in shade.
func readGray(path string, info lept.Info, n int) (lept.Image, error) {
	img, err := lept.Read(path, info, 1<<min(n, 3))
	if err != nil {
		return img, err
	}
	if img.Depth() != 1 && img.Depth() != 8 {
		if img, err = then(img, lept.Image.Gray); err != nil {
			return img, err
		}
	}
	for ; n > 0 && !info.JPEG; n-- {
		half := lept.Image.Half
		if img.Depth() == 1 {
			half = lept.Image.HalfGray
		}
		if img, err = then(img, half); err != nil {
			return img, err
		}
	}
	return img, nil
}
