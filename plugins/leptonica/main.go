// Command leptonica is the filter plug-in that looks at pages before they are
// recognised: it finds blank ones, brings turned ones upright, levels skewed ones,
// halves 600-dpi images and, where it is told to, takes off specks and background. What
// is shown stays the scan, unless the settings say that the cleaned page is to be shown.
package main

import (
	"context"
	"sync"

	"github.com/twinleaf-scan/twinleaf/plugins/leptonica/clean"
	"github.com/twinleaf-scan/twinleaf/plugins/leptonica/lept"
	"github.com/twinleaf-scan/twinleaf/plugins/leptonica/osd"
	"github.com/twinleaf-scan/twinleaf/sdk"
)

// version is what manifests and GET /v1/plugins name.
const version = "1.0.0"

func main() {
	lept.GiveBack()
	sdk.Serve(sdk.Info{
		Name:        "leptonica",
		Version:     version,
		Summary:     "finds blank, turned and skewed pages, halves 600 dpi for recognition",
		License:     "Apache-2.0",
		Permissions: sdk.Permissions{MemoryMB: 1536},
	}, component())
}

// settings switch single steps off.
type settings struct {
	KeepBlank       bool `json:"keepBlank,omitempty" jsonschema:"recognise blank pages too"`
	KeepOrientation bool `json:"keepOrientation,omitempty" jsonschema:"do not look for turned pages"`
	KeepScale       bool `json:"keepScale,omitempty" jsonschema:"recognise 600 dpi as they are"`
	KeepSkew        bool `json:"keepSkew,omitempty" jsonschema:"recognise skewed pages as they are"`

	Despeckle  bool `json:"despeckle,omitempty" jsonschema:"take off dots that are smaller than those of letters"`
	Background bool `json:"background,omitempty" jsonschema:"make the paper white: stains, shadows and tint go"`
	Show       bool `json:"show,omitempty" jsonschema:"show the page as it was cleaned, upright and level, instead of the scan; new documents only"`
}

func (s settings) tidy() clean.Tidy { return clean.Tidy{Specks: s.Despeckle, Background: s.Background} }

func component() sdk.Component {
	var f filter
	return sdk.Filter(f.clean)
}

// filter keeps the orientation model from the first page that needs it.
type filter struct {
	model lazy
}

func (f *filter) clean(ctx context.Context, req sdk.FilterRequest, s settings) (sdk.Filtered, error) {
	page := clean.Page{Path: req.Image.Path, DPI: min(req.XDPI, req.YDPI), MaxPixels: req.Limits.Pixels}
	look := clean.Options{Blank: !s.KeepBlank, Orientation: !s.KeepOrientation, Scale: !s.KeepScale, Level: !s.KeepSkew, Straight: s.Show}
	found, err := clean.Look(ctx, page, look, &f.model)
	if err != nil {
		return sdk.Filtered{}, err
	}
	if err := f.model.trouble(); err != nil {
		sdk.Log(ctx).Warn("no page is turned", "error", err)
	}
	out := sdk.Filtered{Blank: found.Blank, Turn: found.Turn, Skew: found.Skew}
	if found.Blank {
		return out, nil
	}
	if found.Turn != 0 || found.Halve != 0 || found.Level != 0 || s.tidy() != (clean.Tidy{}) {
		if out, err = write(ctx, out, page, found, s.tidy()); err != nil {
			return out, err
		}
	}
	if s.Show {
		out.Shown, err = show(ctx, page, found, s.tidy())
	}
	return out, err
}

// quality is that of shown pages with gray or colour.
const quality = 88

// show makes the picture for people: bilevel pages stay that, the others become JPEG.
func show(ctx context.Context, page clean.Page, found clean.Finding, tidy clean.Tidy) (*sdk.File, error) {
	img, err := clean.Show(page, found, tidy)
	if err != nil {
		return nil, err
	}
	defer img.Close()
	if img.Depth() == 1 {
		f := &sdk.File{Path: sdk.Out(ctx, "shown.tif"), Name: "shown.tif", Media: "image/tiff"}
		return f, img.Write(f.Path)
	}
	f := &sdk.File{Path: sdk.Out(ctx, "shown.jpg"), Name: "shown.jpg", Media: "image/jpeg"}
	return f, img.WriteJPEG(f.Path, quality)
}

// write makes the picture for the recognizer.
func write(ctx context.Context, out sdk.Filtered, page clean.Page, found clean.Finding, tidy clean.Tidy) (sdk.Filtered, error) {
	img, err := clean.Prepare(page, found, tidy)
	if err != nil {
		return out, err
	}
	defer img.Close()
	out.Image = &sdk.File{Path: sdk.Out(ctx, "clean.tif"), Name: "clean.tif", Media: "image/tiff"}
	out.Deskew = found.Level
	out.Scale = 1 / float64(int(1)<<found.Halve)
	out.Width, out.Height = img.Width(), img.Height()
	return out, img.Write(out.Image.Path)
}

// lazy is an orientation model that loads when it is first asked.
type lazy struct {
	mu    sync.Mutex // guards what follows; the model serves one call at a time
	model *osd.Detector
	tried bool
	err   error
}

// Turn asks the model; without one there is nothing to go by.
func (l *lazy) Turn(img lept.Image, dpi int) (degrees int, confidence float64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.tried {
		l.tried = true
		l.model, l.err = osd.New()
	}
	if l.model == nil {
		return 0, 0
	}
	return l.model.Turn(img, dpi)
}

func (l *lazy) trouble() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}
