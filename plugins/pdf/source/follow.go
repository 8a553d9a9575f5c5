package source

import (
	"slices"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"

	"github.com/twinleaf-scan/twinleaf/plugins/pdf/content"
)

// runner follows one content stream.
type runner struct {
	*marker
	resources types.Dict
	state
	saved []state
	depth int

	rect    Box // of the path so far
	shape   path
	pending bool // W has been read: the next painting operator clips
}

// path says what the current path is.
type path int

const (
	noPath path = iota
	oneRect
	otherPath
)

func (r *runner) step(op content.Op) {
	switch op.Name {
	case "q":
		if len(r.saved) < maxStates {
			r.saved = append(r.saved, r.state)
		}
	case "Q":
		if n := len(r.saved); n > 0 {
			r.state, r.saved = r.saved[n-1], r.saved[:n-1]
		}
	case "cm":
		var v [6]float64
		if op.Numbers(v[:]) {
			r.matrix = Matrix{v[0], v[1], v[2], v[3], v[4], v[5]}.Then(r.matrix)
		}
	case "gs":
		r.graphicsState(op)
	case "Tr":
		var v [1]float64
		if op.Numbers(v[:]) {
			r.render = int(v[0])
		}
	case "Tf":
		r.font(op)
	case "Tj", "TJ", "'", "\"":
		r.show(op)
	case "Do":
		r.do(op)
	case "sh", "BI":
		r.marks.Other++
	case "BDC":
		if len(op.Args) > 0 && string(op.Args[0].Text) == "OC" {
			r.marks.Other++ // may be switched off
		}
	default:
		r.pathStep(op)
	}
}

// pathStep follows paths: they clip, or they are marks of their own.
func (r *runner) pathStep(op content.Op) {
	switch op.Name {
	case "re":
		var v [4]float64
		if r.shape == noPath && op.Numbers(v[:]) && r.matrix.straight() {
			r.shape = oneRect
			r.rect = r.matrix.Box(Box{min(v[0], v[0]+v[2]), min(v[1], v[1]+v[3]), max(v[0], v[0]+v[2]), max(v[1], v[1]+v[3])})
			return
		}
		r.shape = otherPath
	case "m", "l", "c", "v", "y", "h":
		r.shape = otherPath
	case "W", "W*":
		r.pending = true
	case "n", "f", "F", "f*", "B", "B*", "b", "b*", "s", "S":
		if op.Name != "n" && r.shape != noPath {
			r.marks.Other++
		}
		if r.pending {
			r.clipTo()
		}
		r.shape, r.pending = noPath, false
	}
}

func (r *runner) clipTo() {
	if r.shape == oneRect {
		r.clip = r.clip.Intersect(r.rect)
		return
	}
	r.odd = true
}

// graphicsState looks for transparency in an external graphics state.
func (r *runner) graphicsState(op content.Op) {
	d := r.f.Dict(r.resource("ExtGState", op))
	for _, key := range []string{"ca", "CA"} {
		if a, ok := r.f.Number(d[key]); ok && a < 1 {
			r.odd = true
		}
	}
	if m, ok := d["SMask"]; ok && r.f.Name(m) != "None" {
		r.odd = true
	}
	if m, ok := d["BM"]; ok && r.f.Name(m) != "Normal" && r.f.Name(m) != "Compatible" {
		r.odd = true
	}
	if f := r.f.Array(d["Font"]); len(f) == 2 {
		r.setFont(f[0])
	}
}

// resource finds what the operator's last name operand stands for.
func (r *runner) resource(category string, op content.Op) types.Object {
	for _, a := range slices.Backward(op.Args) {
		if a.Kind == content.Name {
			return r.f.Dict(r.resources[category])[string(a.Text)]
		}
	}
	return nil
}

func (r *runner) font(op content.Op) { r.setFont(r.resource("Font", op)) }

// setFont notes how many bytes a glyph of a font takes, 2 in composite fonts, and
// whether the font is ours.
func (r *runner) setFont(font types.Object) {
	d := r.f.Dict(font)
	r.perByte, r.own = 1, r.f.ownFont(d)
	if r.f.Name(d["Subtype"]) == "Type0" {
		r.perByte = 2
	}
}

func (r *runner) show(op content.Op) {
	glyphs := op.Bytes() / max(1, r.perByte)
	if r.render == 3 || r.render == 7 {
		r.marks.Hidden += glyphs
		if r.own {
			r.marks.Own += glyphs
		}
		return
	}
	r.marks.Visible += glyphs
}

func (r *runner) do(op content.Op) {
	o := r.resource("XObject", op)
	s, ok := r.f.Stream(o)
	if !ok {
		return
	}
	if s.Dict["OC"] != nil {
		r.marks.Other++
	}
	switch r.f.Name(s.Dict["Subtype"]) {
	case "Image":
		r.image(o, s)
	case "Form":
		r.form(o, s)
	}
}

func (r *runner) image(o types.Object, s types.StreamDict) {
	box := r.matrix.Box(Box{X1: 1, Y1: 1})
	shown := box.Intersect(r.clip)
	if shown.Area() == 0 {
		return
	}
	if r.odd || shown.Area() < 0.96*box.Intersect(r.page.Box).Area() {
		r.marks.Other++
	}
	if len(r.marks.Images) < maxPlaced {
		r.marks.Images = append(r.marks.Images, Placed{
			Ref: o, Image: s, Matrix: r.matrix, Box: box,
			Width: r.f.Int(s.Dict["Width"], 0), Height: r.f.Int(s.Dict["Height"], 0),
		})
	} else {
		r.marks.Partial = true
	}
	opaque := !r.odd && s.Dict["SMask"] == nil && s.Dict["Mask"] == nil && !r.f.Bool(s.Dict["ImageMask"])
	if opaque && shown.Intersect(r.page.Box).Area() >= 0.9*r.page.Box.Area() {
		r.marks.Hidden += r.marks.Visible // the picture lies over the text
		r.marks.Visible = 0
	}
}

func (r *runner) form(o types.Object, s types.StreamDict) {
	ref, _ := o.(types.IndirectRef)
	n := int(ref.ObjectNumber)
	if slices.Contains(r.path, n) {
		r.marks.Partial = true // it draws itself
		return
	}
	body, err := r.f.Decode(s, int64(max(0, r.bytes)))
	if err != nil {
		r.marks.Partial = true
		return
	}
	inner := r.state
	if m, ok := r.f.matrix(s.Dict["Matrix"]); ok {
		inner.matrix = m.Then(inner.matrix)
	}
	if b, ok := r.f.box(s.Dict["BBox"]); ok && inner.matrix.straight() {
		inner.clip = inner.clip.Intersect(inner.matrix.Box(b))
	}
	resources := r.f.Dict(s.Dict["Resources"])
	if resources == nil {
		resources = r.resources
	}
	r.path = append(r.path, n)
	r.run(body, resources, inner, r.depth+1)
	r.path = r.path[:len(r.path)-1]
}

// matrix reads an array of six numbers.
func (f *File) matrix(o types.Object) (Matrix, bool) {
	a := f.Array(o)
	if len(a) != 6 {
		return Matrix{}, false
	}
	var v [6]float64
	for i := range a {
		n, ok := f.Number(a[i])
		if !ok {
			return Matrix{}, false
		}
		v[i] = n
	}
	return Matrix{v[0], v[1], v[2], v[3], v[4], v[5]}, true
}
