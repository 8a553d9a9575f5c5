package check

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"regexp"
	"strings"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"
)

// xmp is what a metadata packet says: values by namespace and name.
type xmp map[string]string

const (
	nsID  = "http://www.aiim.org/pdfa/ns/id/ "
	nsDC  = "http://purl.org/dc/elements/1.1/ "
	nsXMP = "http://ns.adobe.com/xap/1.0/ "
	nsPDF = "http://ns.adobe.com/pdf/1.3/ "
)

// predefined are the schemas that need no description of their own.
func predefined(space string) bool {
	switch space + " " {
	case nsID, nsDC, nsXMP, nsPDF, "http://www.w3.org/1999/02/22-rdf-syntax-ns# ", "adobe:ns:meta/ ", " ", "xmlns ", "http://www.w3.org/XML/1998/namespace ":
		return true
	}
	return false
}

// metadata reads the packet; it decides which level the rest is held against.
func (c *checker) metadata() {
	sd, number := c.stream(c.ctx.RootDict["Metadata"])
	if sd == nil {
		c.fail("metadata", number, "there are none")
		return
	}
	if name(sd.Dict["Type"]) != "Metadata" || name(sd.Dict["Subtype"]) != "XML" {
		c.fail("metadata", number, "type %s, subtype %s", sd.Dict["Type"], sd.Dict["Subtype"])
	}
	if _, ok := sd.Dict["Filter"]; ok {
		c.fail("metadata", number, "they are compressed")
	}
	packet := sd.Content
	if len(packet) == 0 {
		packet = sd.Raw
	}
	head, _, _ := bytes.Cut(packet, []byte("?>"))
	if !bytes.HasPrefix(head, []byte("<?xpacket begin=")) || bytes.Contains(head, []byte("bytes=")) || bytes.Contains(head, []byte("encoding=")) {
		c.fail("metadata", number, "the packet begins with %.80q", head)
	}
	values, err := c.parse(packet, number)
	if err != nil {
		c.fail("metadata", number, "%v", err)
		return
	}
	level := values[nsID+"part"] + values[nsID+"conformance"]
	switch level {
	case "1B", "2B", "2U":
	default:
		c.fail("level", number, "the metadata claim %q", level)
	}
	c.part1, c.names = level == "1B", level == "2U"
	if c.part1 {
		c.sameInfo(values)
	}
}

// parse reads the packet, whose elements must be of predefined schemas.
func (c *checker) parse(packet []byte, number int) (xmp, error) {
	values := xmp{}
	d := xml.NewDecoder(bytes.NewReader(packet))
	var path []xml.Name
	for {
		t, err := d.Token()
		if errors.Is(err, io.EOF) {
			return values, nil
		}
		if err != nil {
			return nil, err
		}
		switch t := t.(type) {
		case xml.StartElement:
			path = append(path, t.Name)
			c.schemas(t, number)
		case xml.EndElement:
			path = path[:len(path)-1]
		case xml.CharData:
			if key := property(path); key != "" {
				values[key] += string(t)
			}
		}
	}
}

func (c *checker) schemas(t xml.StartElement, number int) {
	if !predefined(t.Name.Space) {
		c.fail("metadata", number, "schema %s", t.Name.Space)
	}
	for _, a := range t.Attr {
		if !predefined(a.Name.Space) {
			c.fail("metadata", number, "schema %s", a.Name.Space)
		}
	}
}

// property is the innermost element that is not of RDF.
func property(path []xml.Name) string {
	for i := len(path) - 1; i >= 0; i-- {
		if space := path[i].Space; !strings.Contains(space, "rdf-syntax") && space != "adobe:ns:meta/" {
			return space + " " + path[i].Local
		}
	}
	return ""
}

// sameInfo holds the information dictionary against the metadata, as PDF/A-1 asks.
func (c *checker) sameInfo(values xmp) {
	info, err := c.ctx.DereferenceDict(*c.ctx.Info)
	if err != nil {
		c.fail("information", 0, "%v", err)
		return
	}
	for key, where := range map[string]string{"Title": nsDC + "title", "Creator": nsXMP + "CreatorTool", "Producer": nsPDF + "Producer", "Keywords": nsPDF + "Keywords",
		"CreationDate": nsXMP + "CreateDate", "ModDate": nsXMP + "ModifyDate"} {
		text := ""
		if o, ok := info[key]; ok {
			s, err := types.StringOrHexLiteral(o)
			if err != nil || s == nil {
				c.fail("information", 0, "%s is no text", key)
				continue
			}
			text = *s
		}
		if strings.HasSuffix(key, "Date") {
			text = pdfDate(text)
		}
		if text != values[where] {
			c.fail("information", 0, "%s is %q, the metadata say %q", key, text, values[where])
		}
	}
}

// pdfDate writes D:20060102150405+00'00' as the metadata do.
func pdfDate(s string) string {
	return regexp.MustCompile(`^D:(....)(..)(..)(..)(..)(..)(...)'(..)'$`).ReplaceAllString(s, "$1-$2-${3}T$4:$5:$6$7:$8")
}
