package source

import (
	"math"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"

	"github.com/twinleaf-scan/twinleaf/sdk"
)

// maxDepth bounds the page tree. Balanced trees of ten thousand pages need four levels.
const maxDepth = 64

// Box is a rectangle in user space, points.
type Box struct{ X0, Y0, X1, Y1 float64 }

// Width and Height of a box.
func (b Box) Width() float64  { return b.X1 - b.X0 }
func (b Box) Height() float64 { return b.Y1 - b.Y0 }

// Intersect gives what two boxes share; it may be empty.
func (b Box) Intersect(c Box) Box {
	return Box{max(b.X0, c.X0), max(b.Y0, c.Y0), min(b.X1, c.X1), min(b.Y1, c.Y1)}
}

// Area of a box in square points, 0 when it is empty.
func (b Box) Area() float64 { return max(0, b.Width()) * max(0, b.Height()) }

// Page is one page with what it inherits.
type Page struct {
	Number    int               // 1-based
	Ref       types.IndirectRef // number 0: the page is no object of its own
	Dict      types.Dict        // the page's own
	Resources types.Dict
	Box       Box     // what is displayed, in user space: CropBox within MediaBox
	Rotate    int     // clockwise degrees: 0, 90, 180, 270
	Unit      float64 // UserUnit: points are this many 1/72 inch
}

// Size is the displayed width and height in 1/72 inch.
func (p Page) Size() (w, h float64) {
	w, h = p.Box.Width()*p.Unit, p.Box.Height()*p.Unit
	if p.Rotate%180 != 0 {
		w, h = h, w
	}
	return w, h
}

// inherited is what a node hands down.
type inherited struct {
	resources, media, crop, rotate types.Object
}

func (i inherited) with(d types.Dict) inherited {
	for key, to := range map[string]*types.Object{"Resources": &i.resources, "MediaBox": &i.media, "CropBox": &i.crop, "Rotate": &i.rotate} {
		if o, ok := d[key]; ok && o != nil {
			*to = o
		}
	}
	return i
}

// walkPages reads the page tree into f.Pages.
func (f *File) walkPages() error {
	root := f.Dict(*f.PDF.Root)
	if root == nil {
		return refuseDamaged("it has no catalog")
	}
	w := pageWalk{f: f, seen: map[int]bool{}}
	if err := w.node(root["Pages"], inherited{}, 0); err != nil {
		return err
	}
	if len(f.Pages) == 0 {
		return refuseDamaged("it has no pages")
	}
	return nil
}

type pageWalk struct {
	f     *File
	seen  map[int]bool // inner nodes on the way or done, by object number
	steps int
}

// node visits a node of the page tree. A node that comes twice is left out: it
// would be a cycle, or pages that no editor can tell apart.
func (w *pageWalk) node(o types.Object, from inherited, depth int) error {
	ref, _ := o.(types.IndirectRef)
	d, ok := w.f.Object(o).(types.Dict)
	if !ok || d == nil {
		return nil
	}
	w.steps++
	if depth > maxDepth || w.steps > 4*w.f.options.Pages+1000 {
		return refuseDamaged("its page tree has too many levels or branches")
	}
	from = from.with(d)
	kids, inner := d["Kids"]
	if !inner || w.f.Name(d["Type"]) == "Page" {
		return w.page(ref, d, from)
	}
	if n := int(ref.ObjectNumber); n != 0 {
		if w.seen[n] {
			return nil
		}
		w.seen[n] = true
	}
	for _, kid := range w.f.Array(kids) {
		if err := w.node(kid, from, depth+1); err != nil {
			return err
		}
	}
	return nil
}

func (w *pageWalk) page(ref types.IndirectRef, d types.Dict, from inherited) error {
	f := w.f
	if len(f.Pages) >= f.options.Pages {
		return sdk.Refuse("over-limit", "split it, or raise the page limit of the profile", "the PDF has more than %d pages", f.options.Pages)
	}
	f.Pages = append(f.Pages, Page{
		Number: len(f.Pages) + 1, Ref: ref, Dict: d,
		Resources: f.Dict(from.resources),
		Box:       f.visible(from),
		Rotate:    f.rotation(from.rotate),
		Unit:      f.unit(d),
	})
	return nil
}

// visible is the displayed box. Like viewers it falls back to Letter for a page
// without a usable box.
func (f *File) visible(from inherited) Box {
	media, ok := f.box(from.media)
	if !ok {
		media = Box{X1: 612, Y1: 792}
	}
	crop, ok := f.box(from.crop)
	if !ok {
		return media
	}
	if both := media.Intersect(crop); both.Width() > 0 && both.Height() > 0 {
		return both
	}
	return media
}

// box reads a rectangle whose corners may come in any order.
func (f *File) box(o types.Object) (Box, bool) {
	a := f.Array(o)
	if len(a) != 4 {
		return Box{}, false
	}
	var v [4]float64
	for i, e := range a {
		n, ok := f.Number(e)
		if !ok || math.IsNaN(n) || math.Abs(n) > 1e6 {
			return Box{}, false
		}
		v[i] = n
	}
	b := Box{min(v[0], v[2]), min(v[1], v[3]), max(v[0], v[2]), max(v[1], v[3])}
	return b, b.Width() > 0 && b.Height() > 0
}

func (f *File) rotation(o types.Object) int {
	r := f.Int(o, 0)
	if r%90 != 0 {
		return 0
	}
	return (r%360 + 360) % 360
}

func (f *File) unit(d types.Dict) float64 {
	if u, ok := f.Number(d["UserUnit"]); ok && u > 0 && u < 1e4 {
		return u
	}
	return 1
}
