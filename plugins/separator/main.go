// Command separator is the filter plug-in that finds the sheets between two documents
// of one batch: by a patch code, or by a barcode that a pattern of the operator's
// matches. All codes that it reads go into the manifest.
package main

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/twinleaf-scan/twinleaf/plugins/leptonica/lept"
	"github.com/twinleaf-scan/twinleaf/plugins/separator/patch"
	"github.com/twinleaf-scan/twinleaf/plugins/separator/zbar"
	"github.com/twinleaf-scan/twinleaf/sdk"
)

// version is what manifests and GET /v1/plugins name.
const version = "1.0.0"

func main() {
	sdk.Serve(sdk.Info{
		Name: "separator", Version: version, License: "Apache-2.0",
		Summary:     "finds separator sheets by patch code or barcode, and reads barcodes",
		Permissions: sdk.Permissions{MemoryMB: 1024},
	}, sdk.Filter(look))
}

// settings say which codes separate.
type settings struct {
	Patch   []string `json:"patch,omitempty" jsonschema:"patch codes that make a page a separator sheet: 1, 2, 3, 4, 6, T; default 2, 3 and T; [none] for none"`
	Barcode string   `json:"barcode,omitempty" jsonschema:"regular expression; a page with a barcode whose whole value it matches is a separator sheet; default PATCHT|SEPARATOR"`
	Types   []string `json:"types,omitempty" jsonschema:"kinds of barcodes that are read; default code-128, code-39 and qr; [none] for none"`
}

const none = "none"

func (s *settings) withDefaults() settings {
	d := *s
	if len(d.Patch) == 0 {
		d.Patch = []string{"2", "3", "T"}
	}
	if d.Barcode == "" {
		d.Barcode = "PATCHT|SEPARATOR"
	}
	if len(d.Types) == 0 {
		d.Types = []string{"code-128", "code-39", "qr"}
	}
	return d
}

// Validate refuses what could never be found.
func (s *settings) Validate() error {
	d := s.withDefaults()
	if err := known("patch", d.Patch, patch.Names()); err != nil {
		return err
	}
	if err := known("types", d.Types, zbar.Types()); err != nil {
		return err
	}
	_, err := d.pattern()
	return err
}

func known(field string, got, all []string) error {
	for i, g := range got {
		if g != none && !slices.Contains(all, g) || g == none && len(got) > 1 {
			return &sdk.SettingsError{
				Path:   fmt.Sprintf("/%s/%d", field, i),
				Detail: fmt.Sprintf("%q is not one of %s, or %s alone", g, strings.Join(all, ", "), none),
			}
		}
	}
	return nil
}

func (s *settings) pattern() (*regexp.Regexp, error) {
	p, err := regexp.Compile("^(?:" + s.Barcode + ")$")
	if err != nil {
		return nil, &sdk.SettingsError{Path: "/barcode", Detail: err.Error()}
	}
	return p, nil
}

// maxCodes bounds the codes of one page.
const maxCodes = 50

func look(ctx context.Context, r sdk.FilterRequest, s settings) (sdk.Filtered, error) {
	s = s.withDefaults()
	pattern, err := s.pattern()
	if err != nil {
		return sdk.Filtered{}, err
	}
	page, err := read(r)
	if err != nil {
		return sdk.Filtered{}, err
	}
	if err := ctx.Err(); err != nil {
		return sdk.Filtered{}, err
	}
	var out sdk.Filtered
	if s.Patch[0] != none {
		for _, name := range patch.Find(page) {
			out.Codes = append(out.Codes, sdk.Code{Type: "patch", Value: name})
			out.Separator = out.Separator || slices.Contains(s.Patch, name)
		}
	}
	if s.Types[0] == none {
		return out, nil
	}
	codes, err := zbar.Read(page.Gray, page.Width, page.Height, s.Types, maxCodes)
	if err != nil {
		return sdk.Filtered{}, err
	}
	for _, c := range codes {
		out.Codes = append(out.Codes, sdk.Code{Type: c.Type, Value: c.Value})
		out.Separator = out.Separator || pattern.MatchString(c.Value)
	}
	return out, nil
}

// enough is the resolution above which codes gain nothing: a bar of the finest
// usual barcode, 0.25 mm, has two pixels.
const enough = 300

// read decodes the page in gray, halved as long as that leaves enough of it.
func read(r sdk.FilterRequest) (patch.Image, error) {
	info, err := lept.Stat(r.Image.Path, r.Limits.Pixels)
	if err != nil {
		return patch.Image{}, err
	}
	img, err := lept.Read(r.Image.Path, info, 1)
	if err != nil {
		return patch.Image{}, err
	}
	defer func() { img.Close() }()
	dpi := min(r.XDPI, r.YDPI)
	if dpi <= 0 {
		dpi = enough
	}
	steps := []func(lept.Image) (lept.Image, error){lept.Image.Gray}
	for ; dpi >= 2*enough; dpi /= 2 {
		steps = append(steps, lept.Image.Half)
	}
	for _, step := range steps {
		next, err := step(img)
		if err != nil {
			return patch.Image{}, err
		}
		img.Close()
		img = next
	}
	gray, err := img.Bytes()
	return patch.Image{Gray: gray, Width: img.Width(), Height: img.Height(), DPI: dpi}, err
}
