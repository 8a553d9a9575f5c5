package ocr

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"iter"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// sheets are pages in order; err comes after them.
func sheets(err error, pages ...Page) iter.Seq2[Page, error] {
	return func(yield func(Page, error) bool) {
		for _, p := range pages {
			if !yield(p, nil) {
				return
			}
		}
		if err != nil {
			yield(Page{}, err)
		}
	}
}

func head() Head {
	return Head{Title: `Minutes & "more" <1>`, Lang: "eng+deu", Engine: "tesseract 5.3.0"}
}

func blank() Page { return Page{Width: 10, Height: 20} }

// hostile has text that would break markup if it were written as it is.
func hostile() Page {
	p := letterPage()
	w := &p.Blocks[0].Paragraphs[0].Lines[0].Words[0]
	w.Text, w.Lang = "]]>\"'<&>\x00\xff\uFFFE\uFFFD", "\"><script>"
	p.Blocks[0].Paragraphs[0].Lang = "chi_sim_vert_and_more"
	return p
}

func TestHOCRDocumentIsWellFormed(t *testing.T) {
	var b bytes.Buffer
	if err := WriteHOCRDocument(&b, head(), sheets(nil, letterPage(), blank(), hostile())); err != nil {
		t.Fatal(err)
	}
	checkXML(t, b.Bytes())
	got := b.String()
	for _, want := range []string{`lang="eng"`, "<title>Minutes &amp; &quot;more&quot; &lt;1&gt;</title>", `id="page_3"`,
		`content="tesseract 5.3.0"`, `title="bbox 0 0 10 20; ppageno 1"`, `dir="rtl"`, "textangle 90", "baseline 0.01 -5", "\uFFFD"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in\n%s", want, got)
		}
	}
}

func TestALTOHasTheStructureOfItsSchema(t *testing.T) {
	var b bytes.Buffer
	if err := WriteALTO(&b, head(), sheets(nil, letterPage(), blank(), hostile())); err != nil {
		t.Fatal(err)
	}
	checkXML(t, b.Bytes())
	checkALTO(t, b.Bytes())
	got := b.String()
	for _, want := range []string{`BASELINE="50 120 300 123"`, `BASEDIRECTION="rtl"`, `ROTATION="90"`, `WC="0.96"`,
		`CONTENT="R&#39;öll" WC="0.8" LANG="deu"`, `<Page ID="page_2" PHYSICAL_IMG_NR="2" WIDTH="10" HEIGHT="20">`} {
		if !strings.Contains(got, want) {
			t.Errorf("no %s in\n%s", want, got)
		}
	}
}

func TestADocumentStopsAtTheFirstError(t *testing.T) {
	lost := errors.New("page lost")
	for name, write := range map[string]func(io.Writer, Head, iter.Seq2[Page, error]) error{"hOCR": WriteHOCRDocument, "ALTO": WriteALTO} {
		if err := write(io.Discard, head(), sheets(lost, blank())); !errors.Is(err, lost) || !strings.Contains(err.Error(), "page 2") {
			t.Errorf("%s: got %v, want the error with its page", name, err)
		}
		if err := write(full{}, head(), sheets(nil, letterPage())); !errors.Is(err, io.ErrShortWrite) {
			t.Errorf("%s to a full disk: got %v, want the writer's error", name, err)
		}
	}
	if err := WriteALTO(io.Discard, head(), sheets(nil)); err == nil {
		t.Error("ALTO without a page was written, which its schema forbids")
	}
}

// full is a writer that takes nothing.
type full struct{}

func (full) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

// checkXML reads the document strictly and, where it is installed, with xmllint.
func checkXML(t *testing.T, doc []byte) {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(doc))
	for {
		if _, err := d.Token(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatalf("not well formed: %v\n%s", err, doc)
		}
	}
	lint, err := exec.LookPath("xmllint")
	if err != nil {
		return
	}
	cmd := exec.Command(lint, "--noout", "--nonet", "-")
	cmd.Stdin = bytes.NewReader(doc)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("xmllint: %v\n%s", err, out)
	}
}

// altoRule is what the schema says of one element, as far as we write it.
type altoRule struct {
	children string // allowed, in the order of the schema
	required string // attributes
}

func altoRules() map[string]altoRule {
	position := " HPOS VPOS WIDTH HEIGHT"
	return map[string]altoRule{
		"alto":                   {"Description Layout", "xmlns SCHEMAVERSION"},
		"Description":            {"MeasurementUnit sourceImageInformation Processing", ""},
		"MeasurementUnit":        {},
		"sourceImageInformation": {"fileName", ""},
		"fileName":               {},
		"Processing":             {"processingCategory processingSoftware", "ID"},
		"processingCategory":     {},
		"processingSoftware":     {"softwareName", ""},
		"softwareName":           {},
		"Layout":                 {"Page", ""},
		"Page":                   {"PrintSpace", "ID PHYSICAL_IMG_NR WIDTH HEIGHT"},
		"PrintSpace":             {"ComposedBlock", position},
		"ComposedBlock":          {"TextBlock", "ID" + position},
		"TextBlock":              {"TextLine", "ID" + position},
		"TextLine":               {"String SP", "ID" + position},
		"String":                 {"", "ID CONTENT WC" + position},
		"SP":                     {},
	}
}

func checkALTO(t *testing.T, doc []byte) {
	t.Helper()
	rules, ids := altoRules(), map[string]bool{}
	var open []string
	d := xml.NewDecoder(bytes.NewReader(doc))
	for {
		token, err := d.Token()
		if err != nil {
			break
		}
		switch e := token.(type) {
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.StartElement:
			if len(open) > 0 && !slices.Contains(strings.Fields(rules[open[len(open)-1]].children), e.Name.Local) {
				t.Errorf("<%s> stands in <%s>", e.Name.Local, open[len(open)-1])
			}
			if err := checkElement(rules, ids, e); err != nil {
				t.Error(err)
			}
			open = append(open, e.Name.Local)
		}
	}
}

func checkElement(rules map[string]altoRule, ids map[string]bool, e xml.StartElement) error {
	rule, known := rules[e.Name.Local]
	if !known {
		return fmt.Errorf("<%s> is not in the schema", e.Name.Local)
	}
	has := map[string]string{}
	for _, a := range e.Attr {
		has[a.Name.Local] = a.Value
	}
	for _, name := range strings.Fields(rule.required) {
		if has[name] == "" {
			return fmt.Errorf("<%s> has no %s: %v", e.Name.Local, name, e.Attr)
		}
	}
	if id := has["ID"]; id != "" && ids[id] {
		return fmt.Errorf("ID %s comes twice", id)
	}
	ids[has["ID"]] = true
	return nil
}

func BenchmarkWrite(b *testing.B) {
	p, err := ParseHOCR(strings.NewReader(densePage()))
	if err != nil {
		b.Fatal(err)
	}
	b.Run("hocr", func(b *testing.B) {
		for b.Loop() {
			WriteHOCRDocument(io.Discard, Head{}, sheets(nil, p))
		}
	})
	b.Run("alto", func(b *testing.B) {
		for b.Loop() {
			WriteALTO(io.Discard, Head{}, sheets(nil, p))
		}
	})
	b.Run("json", func(b *testing.B) {
		for b.Loop() {
			p.Encode(io.Discard)
		}
	})
}
