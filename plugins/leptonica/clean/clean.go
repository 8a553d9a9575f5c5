// Package clean looks at a page before it is recognised: whether it is blank,
// which way up it lies, how far it is askew, and whether it is larger than
// recognition needs. All but the last is seen on a working image of about 150 dpi
// in black and white, which costs some 30 ms a page.
package clean

import (
	"context"
	"math"

	"github.com/twinleaf-scan/twinleaf/plugins/leptonica/lept"
)

// Page is a page image on disk.
type Page struct {
	Path      string
	DPI       float64 // 0: 300
	MaxPixels int64   // 0: no limit
}

// Options switch single looks off and on.
type Options struct {
	Blank, Orientation, Scale, Level bool

	Straight bool // level from showFrom on, since the page is to be shown levelled
}

// Turner says by how many clockwise degrees a 1-bit image must be turned to stand
// upright, and how sure that is: 0 means that there is nothing to go by.
type Turner interface {
	Turn(img lept.Image, dpi int) (degrees int, confidence float64)
}

// Finding is what was seen.
type Finding struct {
	Blank bool
	Turn  int     // clockwise degrees that bring the page upright
	Skew  float64 // degrees by which lines fall to the right once Turn is done; 0 when unsure
	Halve int     // how often the image may be halved for recognition
	Level float64 // degrees counter-clockwise by which the image is turned for recognition; 0: it is straight enough
}

// Look judges the page. Turner may be nil: a page that the cheap look is not sure
// of then stays as it is.
func Look(ctx context.Context, p Page, o Options, t Turner) (Finding, error) {
	w, err := working(p)
	if err != nil {
		return Finding{}, err
	}
	defer w.Close()
	shapes, more, err := w.Shapes(maxShapes)
	if err != nil {
		return Finding{}, err
	}
	var f Finding
	if o.Blank && !more && !w.dark {
		if f.Blank, err = blank(w, shapes); err != nil || f.Blank {
			return f, err
		}
	}
	if err := ctx.Err(); err != nil {
		return f, err
	}
	if o.Orientation {
		if f.Turn, err = turn(w, t); err != nil {
			return f, err
		}
	}
	if o.Scale {
		f.Halve = halvings(w, shapes)
	}
	from := levelFrom
	if o.Straight {
		from = showFrom
	}
	if f.Skew, err = skew(w, f.Turn); o.Level && math.Abs(f.Skew) >= from {
		f.Level = f.Skew
	}
	return f, err
}

// levelFrom is the skew in degrees from which lines are levelled for recognition.
// Below it the engine reads as well as on a straight page; at 2.5 degrees it
// begins to lose lines and words that touch the next line's box.
const levelFrom = 1.0

// showFrom is the skew from which a page that is shown levelled is turned: what is
// less is not seen, over the width of a page it is half the height of a letter.
const showFrom = 0.2

// maxShapes bounds the shapes that are looked at; a dense page has some 5,000.
const maxShapes = 50_000

// view is the working image.
type view struct {
	lept.Image
	reduced int     // pixels of the page image to a pixel of this, along a side
	dpi     float64 // of this image, within what is believable
	dark    bool    // more ink than paper: levelling hides what is on it
	page    Page
}

// The working image: as near above 140 dpi as halving comes, but never under
// 1,300 pixels in length, whatever the resolution claims.
const (
	workingDPI = 140
	workingMin = 1300
)

// working reads the page small, in black and white.
func working(p Page) (view, error) {
	if p.DPI <= 0 {
		p.DPI = 300
	}
	info, err := lept.Stat(p.Path, p.MaxPixels)
	if err != nil {
		return view{}, err
	}
	v := view{reduced: 1, page: p}
	long := max(info.Width, info.Height)
	for v.reduced < 8 && p.DPI/float64(2*v.reduced) >= workingDPI && long/(2*v.reduced) >= workingMin {
		v.reduced *= 2
	}
	v.dpi = min(max(p.DPI/float64(v.reduced), 75), 170)
	err = v.read(info)
	return v, err
}

// read decodes the page small and makes it black and white.
func (v *view) read(info lept.Info) error {
	img, err := lept.Read(v.page.Path, info, v.reduced)
	if err == nil && img.Depth() != 1 && img.Depth() != 8 {
		img, err = then(img, lept.Image.Gray)
	}
	for by := v.reduced; err == nil && !info.JPEG && by > 1; by /= 2 {
		img, err = then(img, lept.Image.Half)
	}
	if err == nil && img.Depth() == 8 {
		v.dark = img.Mean() < darkMean
		img, err = blackAndWhite(img)
	}
	v.Image = img
	return err
}

// darkMean is the gray below which a whole sheet counts as dark.
const darkMean = 110

// ink is the gray below which something is ink, on paper that was levelled to
// 200: four fifths of the paper. Pencil and gray stamps are darker, and what
// shines through from the other side is lighter.
const ink = 160

func blackAndWhite(img lept.Image) (lept.Image, error) {
	level, err := img.Level()
	if err != nil { // too small, or dark all over
		level, err = img.Gray()
	}
	img.Close()
	if err != nil {
		return level, err
	}
	return then(level, func(i lept.Image) (lept.Image, error) { return i.Below(ink) })
}

// then replaces an image by what f makes of it.
func then(img lept.Image, f func(lept.Image) (lept.Image, error)) (lept.Image, error) {
	defer img.Close()
	return f(img)
}

// skew measures the page as it lies after the turn.
func skew(w view, turn int) (float64, error) {
	img := w.Image
	if turn != 0 {
		upright, err := img.Turn(turn)
		if err != nil {
			return 0, err
		}
		defer upright.Close()
		img = upright
	}
	degrees, confidence, err := img.Skew()
	if err != nil || confidence < minSkewConfidence || math.Abs(degrees) > maxSkew {
		return 0, err
	}
	return math.Round(degrees*100) / 100, nil
}

// A measure of skew counts from this confidence and up to this angle: what is
// larger lies at the end of the range that was searched.
const (
	minSkewConfidence = 3
	maxSkew           = 6.9
)
