package clean

import "github.com/twinleaf-scan/twinleaf/plugins/leptonica/lept"

// Tidy says what is taken off a page.
type Tidy struct {
	Specks     bool // dots that are smaller than those of letters
	Background bool // stains, shadows and the tint of the paper
}

// specksPerInch is the resolution over the side of the largest speck: 0.2 mm, two pixels
// at 300 dpi. The dot of an i in print of 6 points has a side of 0.25 mm.
const specksPerInch = 120

// apply gives the tidied image and closes the one that it is given.
func (t Tidy) apply(img lept.Image, dpi float64) (lept.Image, error) {
	if t.Background {
		// A page that is dark all over, or tiny, has no background to find: it stays as it is.
		if white, err := img.Whiten(); err == nil {
			img.Close()
			img = white
		}
	}
	if !t.Specks {
		return img, nil
	}
	return then(img, func(i lept.Image) (lept.Image, error) { return i.Despeckle(int(dpi/specksPerInch), ink) })
}

func (p Page) dpi() float64 {
	if p.DPI <= 0 {
		return 300
	}
	return p.DPI
}

// Show makes the image to show instead of the scan: tidied, turned and levelled, in the
// scan's own resolution and colours. The caller closes it.
func Show(p Page, f Finding, tidy Tidy) (lept.Image, error) {
	info, err := lept.Stat(p.Path, p.MaxPixels)
	if err != nil {
		return lept.Image{}, err
	}
	img, err := lept.ReadColour(p.Path, info)
	if err != nil {
		return img, err
	}
	if img, err = then(img, lept.Image.Plain); err != nil {
		return img, err
	}
	img, err = tidy.apply(img, p.dpi())
	if err == nil && f.Turn != 0 {
		img, err = then(img, func(i lept.Image) (lept.Image, error) { return i.Turn(f.Turn) })
	}
	if err == nil && f.Level != 0 {
		img, err = then(img, func(i lept.Image) (lept.Image, error) { return i.Straighten(-f.Level) })
	}
	if err == nil {
		img.SetResolution(int(p.dpi()))
	}
	return img, err
}
