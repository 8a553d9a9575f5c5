package source

import (
	"math"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"
)

// Kind is how the image of a page can be taken out.
type Kind int

// The kinds.
const (
	Samples Kind = iota // only decoded
	JPEG                // as the file it once was
	G4                  // as a TIFF around the same bytes
	PNG                 // as a PNG around the same bytes
	JBIG2               // as an embedded stream without segments of its own
)

// Sole is the one image that a page consists of.
type Sole struct {
	Placed
	Kind       Kind
	Orient     int     // EXIF orientation by which the stored image becomes what is displayed
	XDPI, YDPI float64 // of the displayed image
	Bits       int     // a sample
	Components int     // a pixel
	Inverted   bool    // G4: black pixels of the code are shown white
	Exact      bool    // a new document that is made of the image shows the same colours
}

// maxMargin is how far the edges of a page's only image may lie from the edges of
// the page, as a part of its size.
const maxMargin = 0.02

// Sole finds the one image that a page consists of: it covers the page, stands
// straight, has no mask, and nothing else is painted, invisible text apart.
func (f *File) Sole(p Page, m Marks) (Sole, bool) {
	if m.Partial || m.Other > 0 || m.Visible > 0 || len(m.Images) != 1 || f.annotated(p) {
		return Sole{}, false
	}
	s := Sole{Placed: m.Images[0]}
	d := s.Image.Dict
	if d["SMask"] != nil || d["Mask"] != nil || f.Bool(d["ImageMask"]) || f.Int(d["SMaskInData"], 0) != 0 {
		return Sole{}, false
	}
	if s.Width <= 0 || s.Height <= 0 || s.Width > 1<<20 || s.Height > 1<<20 || !s.Matrix.straight() || !covers(s.Box, p.Box) {
		return Sole{}, false
	}
	if s.Orient = s.Matrix.orientation(p.Rotate); s.Orient == 0 {
		return Sole{}, false
	}
	s.resolution(p)
	return s, f.classify(&s, p)
}

// covers reports whether the edges of an image lie at the edges of the page.
func covers(image, page Box) bool {
	dx, dy := maxMargin*page.Width(), maxMargin*page.Height()
	return math.Abs(image.X0-page.X0) <= dx && math.Abs(image.X1-page.X1) <= dx &&
		math.Abs(image.Y0-page.Y0) <= dy && math.Abs(image.Y1-page.Y1) <= dy
}

func (s *Sole) resolution(p Page) {
	w, h := s.Box.Width()*p.Unit, s.Box.Height()*p.Unit // as placed, in 1/72 inch
	if p.Rotate%180 != 0 {
		w, h = h, w // as displayed
	}
	pw, ph := s.Upright()
	s.XDPI, s.YDPI = float64(pw)*72/w, float64(ph)*72/h
}

// Upright is the size of the displayed image in pixels.
func (s Sole) Upright() (w, h int) {
	if s.Orient >= 5 {
		return s.Height, s.Width
	}
	return s.Width, s.Height
}

// annotated reports whether annotations paint on the page.
func (f *File) annotated(p Page) bool {
	for i, o := range f.Array(p.Dict["Annots"]) {
		switch f.Name(f.Dict(o)["Subtype"]) {
		case "Link", "Popup", "":
		default:
			return true
		}
		if i > maxFields {
			return true
		}
	}
	return false
}

// classify finds out how the image can be taken out.
func (f *File) classify(s *Sole, p Page) bool {
	d := s.Image.Dict
	space, n := f.colours(d["ColorSpace"])
	s.Components, s.Bits = n, f.sampleBits(d)
	device := space == "device" && !f.defaultSpaces(p)
	decode := f.decode(d["Decode"], n)
	s.Exact = device && decode != otherDecode && len(s.Image.FilterPipeline) <= 1 && s.Bits <= 8
	if len(s.Image.FilterPipeline) != 1 || space == "palette" {
		return n > 0
	}
	filter := s.Image.FilterPipeline[0]
	switch filter.Name {
	case "DCTDecode":
		f.classifyJPEG(s, n, decode)
	case "CCITTFaxDecode":
		f.classifyFax(s, filter.DecodeParms, decode)
	case "FlateDecode":
		f.classifyFlate(s, filter.DecodeParms, decode)
	case "JBIG2Decode":
		if filter.DecodeParms["JBIG2Globals"] == nil && decode == straightDecode && n == 1 {
			s.Kind = JBIG2
		} else {
			s.Exact = false
		}
	case "JPXDecode":
		s.Exact = false
		return true // its colours stand in the code
	}
	return n > 0
}

// sampleBits is the size of a sample; fax codes have one bit and need not say so.
func (f *File) sampleBits(d types.Dict) int {
	usual := 8
	if filter := f.Object(d["Filter"]); f.Name(filter) == "CCITTFaxDecode" || f.Name(filter) == "JBIG2Decode" {
		usual = 1
	}
	return f.Int(d["BitsPerComponent"], usual)
}

// decoding is what a Decode array does.
type decoding int

const (
	straightDecode decoding = iota
	invertedDecode
	otherDecode
)

func (f *File) decode(o types.Object, n int) decoding {
	if f.Object(o) == nil {
		return straightDecode
	}
	a := f.Array(o)
	if n == 0 || len(a) != 2*n {
		return otherDecode
	}
	up, down := true, true
	for i := range a {
		v, ok := f.Number(a[i])
		if !ok {
			return otherDecode
		}
		up, down = up && v == float64(i%2), down && v == float64(1-i%2)
	}
	switch {
	case up:
		return straightDecode
	case down:
		return invertedDecode
	}
	return otherDecode
}

// colours gives the family and the components of a colour space: "device",
// "profile" (calibrated: even its white may be tinted), "palette" or "".
func (f *File) colours(o types.Object) (family string, components int) {
	o = f.Object(o)
	if a, ok := o.(types.Array); ok && len(a) > 0 {
		switch f.Name(a[0]) {
		case "CalGray":
			return "profile", 1
		case "CalRGB":
			return "profile", 3
		case "ICCBased":
			if len(a) > 1 {
				n := f.Int(f.Dict(a[1])["N"], 0)
				return "profile", n
			}
		case "Indexed", "I":
			return "palette", 1
		}
		o = f.Object(a[0])
	}
	switch f.Name(o) {
	case "DeviceGray", "G":
		return "device", 1
	case "DeviceRGB", "RGB":
		return "device", 3
	case "DeviceCMYK", "CMYK":
		return "device", 4
	}
	return "", 0
}

// defaultSpaces reports whether the page gives the device colours another meaning.
func (f *File) defaultSpaces(p Page) bool {
	d := f.Dict(p.Resources["ColorSpace"])
	return d["DefaultGray"] != nil || d["DefaultRGB"] != nil || d["DefaultCMYK"] != nil
}

func (f *File) classifyJPEG(s *Sole, n int, decode decoding) {
	info, ok := parseJPEG(s.Image.Raw)
	parms := s.Image.FilterPipeline[0].DecodeParms
	usual := parms["ColorTransform"] == nil && ok && info.components == n && info.width == s.Width && info.height == s.Height
	inverted := decode == invertedDecode
	switch {
	case !usual || decode == otherDecode:
	case n == 4 && info.adobe == inverted, n != 4 && !inverted:
		s.Kind = JPEG
		return
	}
	s.Exact = false
}

func (f *File) classifyFax(s *Sole, parms types.Dict, decode decoding) {
	g4 := f.Int(parms["K"], 0) < 0 && !f.Bool(parms["EncodedByteAlign"]) &&
		f.Int(parms["Columns"], 1728) == s.Width && f.Int(parms["Rows"], s.Height) == s.Height
	if g4 && decode != otherDecode && s.Components == 1 && s.Bits == 1 {
		s.Kind = G4
		s.Inverted = f.Bool(parms["BlackIs1"]) != (decode == invertedDecode)
	}
}

func (f *File) classifyFlate(s *Sole, parms types.Dict, decode decoding) {
	same := f.Int(parms["Predictor"], 1) >= 10 && f.Int(parms["Colors"], 1) == s.Components &&
		f.Int(parms["BitsPerComponent"], 8) == s.Bits && f.Int(parms["Columns"], 1) == s.Width
	if same && decode == straightDecode && (s.Components == 1 && s.Bits <= 8 || s.Components == 3 && s.Bits == 8) {
		s.Kind = PNG
	}
}
