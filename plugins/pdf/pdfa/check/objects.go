package check

import (
	"bytes"
	"maps"
	"slices"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"
)

const (
	maxString, maxName   = 32767, 127
	maxArray1, maxDict1  = 8191, 4095 // PDF/A-1 alone
	maxInteger           = 1<<31 - 1
	minPage, maxPageSide = 3, 14400
)

// objects checks every object by itself.
func (c *checker) objects() {
	for _, number := range slices.Sorted(maps.Keys(c.ctx.Table)) {
		entry := c.ctx.Table[number]
		if entry.Free || number == 0 {
			continue
		}
		o, err := c.ctx.Dereference(*types.NewIndirectRef(number, 0))
		if err != nil {
			c.fail("object", number, "%v", err)
			continue
		}
		switch o := o.(type) {
		case types.StreamDict:
			c.streamForm(number, o)
			c.value(number, o.Dict)
			c.dict(number, o.Dict)
		case types.ObjectStreamDict, types.XRefStreamDict, nil:
		default:
			c.value(number, o)
			if d, ok := o.(types.Dict); ok {
				c.dict(number, d)
			}
		}
	}
}

// streamForm checks the key words around a stream, its length and its filters.
func (c *checker) streamForm(number int, sd types.StreamDict) {
	length, ok := sd.Dict["Length"].(types.Integer)
	if !ok {
		c.fail("stream", number, "its length is no number")
		return
	}
	before := c.raw(sd.StreamOffset-8, 8)
	if !bytes.HasSuffix(before, []byte("stream\n")) && !bytes.HasSuffix(before, []byte("stream\r\n")) {
		c.fail("stream", number, "%q stands before its data", before)
	}
	after := c.raw(sd.StreamOffset+int64(length), 11)
	if !bytes.HasPrefix(after, []byte("\nendstream")) && !bytes.HasPrefix(after, []byte("\r\nendstream")) {
		c.fail("stream", number, "after %d bytes comes %q", length, after)
	}
	for _, key := range []string{"F", "FFilter", "FDecodeParms"} {
		c.forbid(sd.Dict, key, number)
	}
	for _, f := range sd.FilterPipeline {
		if f.Name == "LZWDecode" || f.Name == "Crypt" || c.part1 && f.Name == "JPXDecode" {
			c.fail("filter", number, "%s", f.Name)
		}
	}
}

// value checks the limits of simple values, all the way down.
func (c *checker) value(number int, o types.Object) {
	switch o := o.(type) {
	case types.Dict:
		if c.part1 && len(o) > maxDict1 {
			c.fail("limit", number, "dictionary of %d entries", len(o))
		}
		for _, k := range slices.Sorted(maps.Keys(o)) {
			c.value(number, types.Name(k))
			c.value(number, o[k])
		}
	case types.Array:
		if c.part1 && len(o) > maxArray1 {
			c.fail("limit", number, "array of %d entries", len(o))
		}
		for _, v := range o {
			c.value(number, v)
		}
	case types.StringLiteral:
		if len(o) > maxString {
			c.fail("limit", number, "string of %d bytes", len(o))
		}
	case types.HexLiteral:
		if len(o)%2 != 0 || len(o)/2 > maxString {
			c.fail("limit", number, "hexadecimal string of %d digits", len(o))
		}
	case types.Name:
		if len(o) > maxName {
			c.fail("limit", number, "name of %d bytes", len(o))
		}
	case types.Integer:
		if o > maxInteger || o < -maxInteger-1 {
			c.fail("limit", number, "number %d", o)
		}
	case types.Float:
		if c.part1 && (o > 32767 || o < -32767) {
			c.fail("limit", number, "number %v", o)
		}
	case types.IndirectRef:
		if entry, ok := c.ctx.Table[int(o.ObjectNumber)]; !ok || entry.Free {
			c.fail("reference", number, "object %d is not there", o.ObjectNumber)
		}
	}
}

// dict checks dictionaries by their type.
func (c *checker) dict(number int, d types.Dict) {
	switch {
	case name(d["Subtype"]) == "Image":
		c.image(number, d)
	case name(d["Subtype"]) == "PS":
		c.fail("forbidden object", number, "PostScript")
	case name(d["Type"]) == "Action", name(d["Type"]) == "Annot":
		c.fail("forbidden object", number, "%s", d["Type"])
	case name(d["Type"]) == "ExtGState":
		c.fail("forbidden object", number, "graphics state: our pages need none")
	}
	c.forbid(d, "AA", number)
}

func (c *checker) image(number int, d types.Dict) {
	if b, ok := d["Interpolate"].(types.Boolean); ok && bool(b) {
		c.fail("image", number, "Interpolate is set")
	}
	for _, key := range []string{"Alternates", "OPI"} {
		c.forbid(d, key, number)
	}
	if _, ok := d["SMask"]; ok && c.part1 {
		c.fail("image", number, "it is transparent")
	}
	bits, _ := d["BitsPerComponent"].(types.Integer)
	if !slices.Contains([]types.Integer{0, 1, 2, 4, 8, 16}, bits) || c.part1 && bits == 16 {
		c.fail("image", number, "%d bits a component", bits)
	}
	if mask, _ := d["ImageMask"].(types.Boolean); !bool(mask) {
		c.colorSpace(number, d["ColorSpace"])
	}
}

// colorSpace knows what our documents use: gray and RGB, which the output intent
// defines, profiles, and palettes of these.
func (c *checker) colorSpace(number int, o types.Object) {
	o, err := c.ctx.Dereference(o)
	if err != nil {
		c.fail("colour space", number, "%v", err)
		return
	}
	switch o := o.(type) {
	case types.Name:
		if o != "DeviceGray" && o != "DeviceRGB" {
			c.fail("colour space", number, "%s", o)
		}
		return
	case types.Array:
		switch {
		case len(o) == 2 && name(o[0]) == "ICCBased":
			c.profile(o[1], 0, "")
			return
		case len(o) == 4 && name(o[0]) == "Indexed":
			c.colorSpace(number, o[1])
			return
		}
	}
	c.fail("colour space", number, "%v", o)
}
