// Package pdfa holds what makes a PDF a PDF/A: metadata, colour profiles and the
// output intent. The assembler calls it once a document. Profiles are computed, so
// nothing foreign is shipped. Its sub-package check says in which points a document
// that we wrote falls short.
package pdfa

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"

	"github.com/twinleaf-scan/twinleaf/plugins/pdf/write"
)

// Level is a conformance level.
type Level string

// The levels that we write.
const (
	None Level = "none"
	A1b  Level = "1b"
	A2b  Level = "2b"
	A2u  Level = "2u"
)

// ParseLevel reads a level; "" is 2u.
func ParseLevel(s string) (Level, error) {
	switch l := Level(s); l {
	case "":
		return A2u, nil
	case None, A1b, A2b, A2u:
		return l, nil
	}
	return "", fmt.Errorf("PDF/A level %q is not 2u, 2b, 1b or none", s)
}

// Flavour is the form of file that a level asks for.
func (l Level) Flavour() write.Flavour {
	if l == A1b {
		return write.Classic
	}
	return write.Modern
}

// part and conformance as the metadata name them.
func (l Level) part() (part, conformance string) {
	return string(l[:1]), strings.ToUpper(string(l[1:]))
}

// Producer is the program named in documents.
const Producer = "Twinleaf"

// The longest title and keywords, in characters.
const (
	maxTitle    = 1000
	maxKeywords = 4000
)

// Meta is what a document says of itself.
type Meta struct {
	Title    string
	Keywords string    // what was found out about it, as name=value; …
	Time     time.Time // of submission; the only time in a document
	Level    Level
}

// Info is the document information dictionary; it says the same as XMP.
func (m Meta) Info() types.Dict {
	date := types.StringLiteral(m.Time.UTC().Format("D:20060102150405+00'00'"))
	d := types.Dict{
		"Producer": write.Text(Producer), "Creator": write.Text(Producer),
		"CreationDate": date, "ModDate": date,
	}
	if t := m.title(); t != "" {
		d["Title"] = write.Text(t)
	}
	if k := oneLine(m.Keywords, maxKeywords); k != "" {
		d["Keywords"] = write.Text(k)
	}
	return d
}

// XMP is the metadata packet.
func (m Meta) XMP() []byte {
	var b strings.Builder
	b.WriteString("<?xpacket begin=\"\uFEFF\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?>\n" +
		`<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">` + "\n")
	describe := func(ns, uri, body string) {
		fmt.Fprintf(&b, "<rdf:Description rdf:about=\"\" xmlns:%s=\"%s\">%s</rdf:Description>\n", ns, uri, body)
	}
	if m.Level != None {
		part, conformance := m.Level.part()
		describe("pdfaid", nsPDFAID, element("pdfaid:part", part)+element("pdfaid:conformance", conformance))
	}
	if t := m.title(); t != "" {
		describe("dc", nsDC, `<dc:title><rdf:Alt><rdf:li xml:lang="x-default">`+escape(t)+`</rdf:li></rdf:Alt></dc:title>`)
	}
	date := m.Time.UTC().Format("2006-01-02T15:04:05+00:00")
	describe("xmp", nsXMP, element("xmp:CreatorTool", Producer)+element("xmp:CreateDate", date)+element("xmp:ModifyDate", date))
	about := element("pdf:Producer", Producer)
	if k := oneLine(m.Keywords, maxKeywords); k != "" {
		about = element("pdf:Keywords", k) + about
	}
	describe("pdf", nsPDF, about)
	b.WriteString("</rdf:RDF></x:xmpmeta>\n<?xpacket end=\"w\"?>")
	return []byte(b.String())
}

// The schemas that may stand in the metadata.
const (
	nsPDFAID = "http://www.aiim.org/pdfa/ns/id/"
	nsDC     = "http://purl.org/dc/elements/1.1/"
	nsXMP    = "http://ns.adobe.com/xap/1.0/"
	nsPDF    = "http://ns.adobe.com/pdf/1.3/"
	nsRDF    = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
	nsMeta   = "adobe:ns:meta/"
)

// MetadataDict is the dictionary of the stream that holds XMP; the stream must not
// be compressed.
func MetadataDict() types.Dict {
	return types.Dict{"Type": types.Name("Metadata"), "Subtype": types.Name("XML")}
}

// OutputIntent names the stream with [SRGB] as what device colours mean.
func OutputIntent(profile types.IndirectRef) types.Dict {
	return types.Dict{
		"Type": types.Name("OutputIntent"), "S": types.Name("GTS_PDFA1"),
		"OutputConditionIdentifier": types.StringLiteral("sRGB"),
		"Info":                      types.StringLiteral("sRGB IEC61966-2.1"),
		"DestOutputProfile":         profile,
	}
}

func (m Meta) title() string { return oneLine(m.Title, maxTitle) }

// oneLine is text as valid XML characters of one line, at most so many.
func oneLine(text string, most int) string {
	s := strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r), r == utf8.RuneError, r&0xFFFE == 0xFFFE, r == 0xFEFF:
			return -1
		}
		return r
	}, text)
	if r := []rune(s); len(r) > most {
		s = string(r[:most])
	}
	return strings.TrimSpace(s)
}

func element(name, text string) string { return "<" + name + ">" + escape(text) + "</" + name + ">" }

func escape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
}
