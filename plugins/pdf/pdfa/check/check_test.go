package check

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"

	"github.com/twinleaf-scan/twinleaf/plugins/pdf/pdfa"
	"github.com/twinleaf-scan/twinleaf/plugins/pdf/textlayer"
	"github.com/twinleaf-scan/twinleaf/plugins/pdf/write"
	"github.com/twinleaf-scan/twinleaf/sdk/ocr"
)

// parts is a document of one page that a case may spoil.
type parts struct {
	meta                                  pdfa.Meta
	catalog, page, image, intent, xmpDict types.Dict
	info                                  types.Dict
	profile, xmp, content                 []byte
	font                                  textlayer.FontObjects
	pages                                 types.Dict
	after                                 func([]byte) []byte
}

// build writes the document.
func build(t *testing.T, level pdfa.Level, spoil func(*parts)) []byte {
	t.Helper()
	var out bytes.Buffer
	ps := &parts{}
	d := write.New(&out, level.Flavour())
	var refs [16]types.IndirectRef
	for i := range refs {
		refs[i] = d.Alloc()
	}
	root, tree, page, contents, image, meta, profile, font := refs[0], refs[1], refs[2], refs[3], refs[4], refs[5], refs[6], refs[7]
	at := textlayer.FontRefs{Font: font, Descendant: refs[8], Descriptor: refs[9], File: refs[10], CIDToGID: refs[11], ToUnicode: refs[12]}

	var enc textlayer.Encoder
	box := ocr.Box{X0: 10, Y0: 10, X1: 90, Y1: 30}
	text := ocr.Page{Width: 100, Height: 100, Blocks: []ocr.Block{{Paragraphs: []ocr.Paragraph{{Lines: []ocr.Line{{Box: box, Words: []ocr.Word{{Text: "wörd", Box: box}}}}}}}}}
	ps.meta = pdfa.Meta{Title: "t", Time: time.Unix(1e9, 0), Level: level}
	ps.content = append([]byte("q 100 0 0 100 0 0 cm /I Do Q\n"), textlayer.Operators(text, textlayer.Fill(100, 100, 100, 100), "T", &enc)...)
	ps.font = enc.Font(at)
	ps.info, ps.xmp, ps.xmpDict = ps.meta.Info(), ps.meta.XMP(), pdfa.MetadataDict()
	ps.profile, ps.intent = pdfa.SRGB(), pdfa.OutputIntent(profile)
	ps.catalog = types.Dict{"Type": types.Name("Catalog"), "Pages": tree, "Metadata": meta}
	ps.pages = types.Dict{"Type": types.Name("Pages"), "Kids": types.Array{page}, "Count": types.Integer(1)}
	ps.page = types.Dict{"Type": types.Name("Page"), "Parent": tree, "Contents": contents,
		"MediaBox":  types.Array{types.Integer(0), types.Integer(0), types.Integer(100), types.Integer(100)},
		"Resources": types.Dict{"XObject": types.Dict{"I": image}, "Font": types.Dict{"T": font}}}
	ps.image = types.Dict{"Type": types.Name("XObject"), "Subtype": types.Name("Image"), "Width": types.Integer(1), "Height": types.Integer(1),
		"BitsPerComponent": types.Integer(8), "ColorSpace": types.Name("DeviceGray")}
	if spoil != nil {
		spoil(ps)
	}
	if ps.intent != nil {
		ps.catalog["OutputIntents"] = types.Array{ps.intent}
	}
	err := errors.Join(
		d.Put(root, ps.catalog), d.Put(tree, ps.pages), d.Put(page, ps.page), d.Deflated(contents, types.Dict{}, ps.content),
		d.Deflated(image, ps.image, []byte{7}), d.Stream(meta, ps.xmpDict, int64(len(ps.xmp)), bytes.NewReader(ps.xmp)),
		d.Deflated(profile, types.Dict{"N": types.Integer(3)}, ps.profile),
		d.Put(font, ps.font.Font), d.Put(at.Descendant, ps.font.Descendant), d.Put(at.Descriptor, ps.font.Descriptor),
		d.Deflated(at.File, ps.font.FileDict, ps.font.File), d.Deflated(at.CIDToGID, types.Dict{}, ps.font.CIDToGID),
		d.Deflated(at.ToUnicode, types.Dict{}, ps.font.ToUnicode), d.Put(refs[13], ps.info),
		d.Put(refs[14], types.Integer(1)), d.Put(refs[15], types.Integer(1)),
		d.Finish(root, refs[13], [16]byte{1}))
	if err != nil {
		t.Fatal(err)
	}
	if ps.after != nil {
		return ps.after(out.Bytes())
	}
	return out.Bytes()
}

func TestSoundDocumentsPass(t *testing.T) {
	for _, level := range []pdfa.Level{pdfa.A1b, pdfa.A2b, pdfa.A2u} {
		found, err := Check(bytes.NewReader(build(t, level, nil)))
		if err != nil || len(found) > 0 {
			t.Errorf("%s: %v, %v", level, found, err)
		}
	}
}

func replace(old, new string) func([]byte) []byte {
	return func(b []byte) []byte { return bytes.Replace(b, []byte(old), []byte(new), 1) }
}

func TestEachFaultIsNamed(t *testing.T) {
	integer := func(n int) types.Object { return types.Integer(n) }
	tests := []struct {
		name, want string // want is part of the violation
		level      pdfa.Level
		spoil      func(*parts)
	}{
		{"header", "header", pdfa.A2u, func(p *parts) { p.after = replace("%PDF-1.7\n%\xE2", "%PDF-1.7\n%a") }},
		{"version", "header", pdfa.A1b, func(p *parts) { p.after = replace("%PDF-1.4", "%PDF-1.6") }},
		{"bytes at the end", "end: ", pdfa.A2u, func(p *parts) { p.after = func(b []byte) []byte { return append(b, "more"...) } }},
		{"no metadata", "metadata: ", pdfa.A2u, func(p *parts) { delete(p.catalog, "Metadata") }},
		{"broken metadata", "metadata: ", pdfa.A2u, func(p *parts) { p.xmp = p.xmp[:len(p.xmp)/2] }},
		{"foreign schema", "schema", pdfa.A2u, func(p *parts) { p.xmp = replace("http://ns.adobe.com/pdf/1.3/", "http://example.org/")(p.xmp) }},
		{"packet names its encoding", "packet", pdfa.A2u, func(p *parts) { p.xmp = replace(" id=", " encoding='UTF-8' id=")(p.xmp) }},
		{"level 3u", "level: ", pdfa.A2u, func(p *parts) { p.xmp = replace("<pdfaid:part>2", "<pdfaid:part>3")(p.xmp) }},
		{"1b with object streams", "cross-reference", pdfa.A2u, func(p *parts) {
			p.xmp = replace("<pdfaid:conformance>U", "<pdfaid:conformance>B")(replace("<pdfaid:part>2", "<pdfaid:part>1")(p.xmp))
		}},
		{"other title in 1b", "information", pdfa.A1b, func(p *parts) { p.info["Title"] = types.StringLiteral("other") }},
		{"no output intent", "output intent", pdfa.A2u, func(p *parts) { p.intent = nil }},
		{"intent of another kind", "output intent", pdfa.A2u, func(p *parts) { p.intent["S"] = types.Name("GTS_PDFX") }},
		{"profile is cut", "colour profile", pdfa.A2u, func(p *parts) { p.profile = p.profile[:200] }},
		{"profile of version 4 in 1b", "colour profile", pdfa.A1b, func(p *parts) { p.profile[8] = 4 }},
		{"profile is CMYK", "colour profile", pdfa.A2u, func(p *parts) { p.profile = pdfa.CMYK() }},
		{"script", "OpenAction", pdfa.A2u, func(p *parts) { p.catalog["OpenAction"] = types.Dict{} }},
		{"attachment", "EmbeddedFiles", pdfa.A2u, func(p *parts) { p.catalog["Names"] = types.Dict{"EmbeddedFiles": types.Dict{}} }},
		{"inherited resources", "inherited", pdfa.A2u, func(p *parts) { p.pages["Resources"] = types.Dict{} }},
		{"no resources", "no resources", pdfa.A2u, func(p *parts) { delete(p.page, "Resources") }},
		{"wrong page count", "page tree", pdfa.A2u, func(p *parts) { p.pages["Count"] = integer(2) }},
		{"huge page", "a side of", pdfa.A2u, func(p *parts) { p.page["MediaBox"].(types.Array)[2] = integer(14401) }},
		{"flat page", "a side of", pdfa.A2u, func(p *parts) { p.page["MediaBox"].(types.Array)[3] = integer(2) }},
		{"unit in 1b", "UserUnit", pdfa.A1b, func(p *parts) { p.page["UserUnit"] = integer(2) }},
		{"interpolated image", "Interpolate", pdfa.A2u, func(p *parts) { p.image["Interpolate"] = types.Boolean(true) }},
		{"device CMYK", "colour space", pdfa.A2u, func(p *parts) { p.image["ColorSpace"] = types.Name("DeviceCMYK") }},
		{"16 bit in 1b", "bits a component", pdfa.A1b, func(p *parts) { p.image["BitsPerComponent"] = integer(16) }},
		{"soft mask in 1b", "transparent", pdfa.A1b, func(p *parts) { p.image["SMask"] = types.Dict{} }},
		{"external file", "F", pdfa.A2u, func(p *parts) { p.image["F"] = types.StringLiteral("x") }},
		{"long string", "limit", pdfa.A2u, func(p *parts) { p.info["Title"] = types.StringLiteral(strings.Repeat("x", 40000)) }},
		{"long name", "limit", pdfa.A2u, func(p *parts) { p.catalog["X"] = types.Name(strings.Repeat("x", 128)) }},
		{"missing object", "is not there", pdfa.A2u, func(p *parts) { p.catalog["X"] = *types.NewIndirectRef(99, 0) }},
		{"wrong length of a stream", "bytes comes", pdfa.A1b, func(p *parts) { p.after = replace("\nendstream", "endstream\n") }},
		{"unknown operator", "operator", pdfa.A2u, func(p *parts) { p.content = append(p.content, "1 g\n"...) }},
		{"q without Q", "open", pdfa.A2u, func(p *parts) { p.content = append(p.content, "q\n"...) }},
		{"missing resource", "not among", pdfa.A2u, func(p *parts) { p.content = append(p.content, "/Z Do\n"...) }},
		{"code without glyph", "no glyph", pdfa.A2u, func(p *parts) { clear(p.font.CIDToGID) }},
		{"code without Unicode", "no Unicode", pdfa.A2u, func(p *parts) { p.font.ToUnicode = replace("<0060><00F6>", "<0061><00F6>")(p.font.ToUnicode) }},
		{"code means nothing", "means", pdfa.A2u, func(p *parts) { p.font.ToUnicode = replace("<0060><00F6>", "<0060><FEFF>")(p.font.ToUnicode) }},
		{"other width", "wide", pdfa.A2u, func(p *parts) { p.font.Descendant["DW"] = integer(600) }},
		{"no ToUnicode", "ToUnicode", pdfa.A2u, func(p *parts) { delete(p.font.Font, "ToUnicode") }},
		{"font not embedded", "font file", pdfa.A2u, func(p *parts) { delete(p.font.Descriptor, "FontFile2") }},
		{"CIDSet", "CIDSet", pdfa.A2u, func(p *parts) { p.font.Descriptor["CIDSet"] = integer(1) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			found, err := Check(bytes.NewReader(build(t, tt.level, tt.spoil)))
			if err != nil {
				t.Fatal(err)
			}
			var all []string
			for _, v := range found {
				all = append(all, v.String())
			}
			if !strings.Contains(strings.Join(all, "\n"), tt.want) {
				t.Errorf("found %q, want %q in it", all, tt.want)
			}
		})
	}
}

func TestGarbageIsAnError(t *testing.T) {
	for _, s := range []string{"", "%PDF-1.7\n", "garbage", "%PDF-1.4\ntrailer<</Root 1 0 R>>\n%%EOF"} {
		if found, err := Check(strings.NewReader(s)); err == nil {
			t.Errorf("%q gives %v and no error", s, found)
		}
	}
}
