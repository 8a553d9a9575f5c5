package source

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"
)

// maxMetadata bounds the XMP packet that is read.
const maxMetadata = 4 << 20

// Version is the PDF version of the document, e.g. 1.7.
func (f *File) Version() string {
	var v string
	_ = guard(func() error { // a header that pdfcpu does not know leaves the version empty
		v = f.PDF.XRefTable.Version().String()
		return nil
	})
	return v
}

// Catalog is the document's root dictionary.
func (f *File) Catalog() types.Dict { return f.Dict(*f.PDF.Root) }

// dynamicForm reports whether the pages are placeholders for an XFA form that
// only Adobe's programs draw.
func (f *File) dynamicForm() bool { return f.Bool(f.Catalog()["NeedsRendering"]) }

// maxFields bounds the form fields that are looked at for signatures.
const maxFields = 20_000

// Signed reports whether the document carries a filled signature field.
func (f *File) Signed() bool {
	c := f.Catalog()
	if f.Dict(f.Dict(c["Perms"])["DocMDP"]) != nil {
		return true
	}
	form := f.Dict(c["AcroForm"])
	budget := maxFields
	return f.signedFields(f.Array(form["Fields"]), "", 0, &budget)
}

func (f *File) signedFields(fields types.Array, kind string, depth int, budget *int) bool {
	for _, o := range fields {
		*budget--
		if *budget < 0 || depth > maxChain {
			return false
		}
		d := f.Dict(o)
		own := f.Name(d["FT"])
		if own == "" {
			own = kind
		}
		if own == "Sig" && f.Dict(d["V"]) != nil {
			return true
		}
		if f.signedFields(f.Array(d["Kids"]), own, depth+1, budget) {
			return true
		}
	}
	return false
}

// What a document may carry and still lose nothing when its images are put into
// a new one.
var (
	plainCatalog = keys("Type Pages Version Metadata PageLayout PageMode ViewerPreferences OutputIntents Lang Extensions")
	plainPage    = keys("Type Parent Resources MediaBox CropBox BleedBox TrimBox ArtBox Rotate Contents Group Thumb LastModified")
	plainInfo    = keys("Producer Creator CreationDate ModDate Trapped")
)

func keys(list string) map[string]bool {
	m := map[string]bool{}
	for _, k := range strings.Fields(list) {
		m[k] = true
	}
	return m
}

// OnlyPages reports whether the document is nothing but its pages: no outline,
// link, form, attachment, script, layer, tag, label, title or other metadata
// that a new document made of the same images would lose.
func (f *File) OnlyPages() bool {
	if f.Encrypted || f.Signed() {
		return false
	}
	if !f.only(f.Catalog(), plainCatalog) || f.PDF.Info != nil && !f.only(f.Dict(*f.PDF.Info), plainInfo) {
		return false
	}
	for _, p := range f.Pages {
		if p.Unit != 1 || !f.only(p.Dict, plainPage) {
			return false
		}
	}
	facts := f.xmp()
	return !facts.personal
}

// only reports whether d has no other entries than those allowed, empty ones apart.
func (f *File) only(d types.Dict, allowed map[string]bool) bool {
	for k, v := range d {
		if !allowed[k] && !f.empty(v) {
			return false
		}
	}
	return true
}

// empty reports whether a value says nothing: null, an empty string, array or
// dictionary, a form without fields, an outline without items.
func (f *File) empty(o types.Object) bool {
	switch v := f.Object(o).(type) {
	case nil:
		return true
	case types.StringLiteral:
		return strings.TrimSpace(string(v)) == ""
	case types.HexLiteral:
		return strings.Trim(string(v), "0 ") == ""
	case types.Array:
		return len(v) == 0
	case types.Dict:
		if fields, ok := v["Fields"]; ok {
			return len(f.Array(fields)) == 0 && v["XFA"] == nil
		}
		if f.Name(v["Type"]) == "Outlines" {
			return v["First"] == nil
		}
		return len(v) == 0
	}
	return false
}

// PDFA is the conformance that the document claims in its metadata, e.g. "2u",
// or "".
func (f *File) PDFA() string {
	facts := f.xmp()
	if facts.part == "" {
		return ""
	}
	return facts.part + strings.ToLower(facts.conformance)
}

// xmpFacts is what is read of the metadata packet.
type xmpFacts struct {
	part, conformance string
	personal          bool // says more than programs, dates and ids
}

// Namespaces of metadata that programs write about themselves.
const (
	nsPDFA = "http://www.aiim.org/pdfa/ns/id/"
	nsRDF  = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
	nsXMP  = "http://ns.adobe.com/xap/1.0/"
	nsMM   = "http://ns.adobe.com/xap/1.0/mm/"
	nsPDF  = "http://ns.adobe.com/pdf/1.3/"
	nsDC   = "http://purl.org/dc/elements/1.1/"
	nsMeta = "adobe:ns:meta/"
)

func (f *File) xmp() (facts xmpFacts) {
	s, ok := f.Stream(f.Catalog()["Metadata"])
	if !ok {
		return facts
	}
	packet, err := f.Decode(s, maxMetadata)
	if err != nil {
		return xmpFacts{personal: true} // unread, so it may say anything
	}
	d := xml.NewDecoder(bytes.NewReader(packet))
	d.Strict = false
	var path []xml.Name
	for {
		tok, err := d.Token()
		if err != nil {
			facts.personal = facts.personal || !errors.Is(err, io.EOF)
			return facts
		}
		switch e := tok.(type) {
		case xml.StartElement:
			path = append(path, e.Name)
			for _, a := range e.Attr {
				facts.add(a.Name, a.Value)
			}
		case xml.EndElement:
			path = path[:max(0, len(path)-1)]
		case xml.CharData:
			if name, ok := property(path); ok {
				facts.add(name, string(e))
			}
		}
		if len(path) > maxChain {
			return xmpFacts{personal: true}
		}
	}
}

// property is the innermost element that is not RDF's own.
func property(path []xml.Name) (xml.Name, bool) {
	for i := len(path) - 1; i >= 0; i-- {
		if path[i].Space != nsRDF && path[i].Space != nsMeta {
			return path[i], true
		}
	}
	return xml.Name{}, false
}

func (x *xmpFacts) add(name xml.Name, value string) {
	value = strings.TrimSpace(value)
	if value == "" || len(value) > 1<<16 {
		return
	}
	switch name.Space {
	case nsPDFA:
		if name.Local == "part" && len(value) == 1 {
			x.part = value
		}
		if name.Local == "conformance" && len(value) == 1 {
			x.conformance = value
		}
	case nsDC:
		x.personal = x.personal || name.Local != "format"
	case nsPDF:
		x.personal = x.personal || name.Local == "Keywords"
	case nsRDF, nsXMP, nsMM, nsMeta, "xmlns", "xml", "":
	default:
		x.personal = x.personal || !strings.HasPrefix(name.Space, nsXMP)
	}
}
