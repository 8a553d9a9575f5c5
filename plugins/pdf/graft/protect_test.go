package graft

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twinleaf-scan/twinleaf/plugins/pdf/source/sourcetest"
	"github.com/twinleaf-scan/twinleaf/sdk"
)

func TestUserPasswordIsKept(t *testing.T) {
	in := sourcetest.QPDF(t, sourcetest.File(t, "/ID[<01><02>]", sourcetest.One(letter, "")...), "--encrypt", "user", "owner", "256", "--")
	for _, password := range []string{"user", "owner"} {
		out, _ := graft(t, Options{Input: in, Password: password, Pages: map[int]PageText{1: {Page: words(1224, 1584)}}})
		if got := sourcetest.Run(t, "pdftotext", out, "-"); !strings.Contains(got, "Incorrect password") {
			t.Errorf("the result opens without a password: %q", got)
		}
		if got := sourcetest.Run(t, "pdftotext", "-upw", "user", out, "-"); !strings.Contains(got, "zwq00x") {
			t.Errorf("the words are not found with the password: %q", got)
		}
	}
}

func TestProtectedFileIsRefused(t *testing.T) {
	in := sourcetest.QPDF(t, sourcetest.File(t, "/ID[<01><02>]", sourcetest.One(letter, "")...), "--encrypt", "", "owner", "256", "--modify=none", "--")
	o := Options{Input: in, Output: filepath.Join(t.TempDir(), "out.pdf"), Scratch: t.TempDir(), Pages: map[int]PageText{1: {Page: words(1224, 1584)}}}
	var refused *sdk.Error
	if _, err := Graft(context.Background(), o); !errors.As(err, &refused) || refused.Code != "encrypted" {
		t.Errorf("got %v, want a refusal with the code encrypted", err)
	}
	out, _ := graft(t, Options{Input: in})
	if read(t, out) != read(t, in) {
		t.Error("without text the result is not the input itself")
	}
	o.Password, o.Scratch = "owner", t.TempDir()
	if _, err := Graft(context.Background(), o); err != nil {
		t.Errorf("with the owner's password: %v", err)
	}
}

func TestOwnTextIsReplacedByNewText(t *testing.T) {
	in := sourcetest.File(t, "", sourcetest.One(letter, "")...)
	pages := map[int]PageText{1: {Page: words(1224, 1584)}}
	once, _ := graft(t, Options{Input: in, Pages: pages})
	again, result := graft(t, Options{Input: once, Pages: pages})
	if result.Dropped != 0 || result.Stripped == 0 {
		t.Errorf("%d words were dropped and %d operators taken off, want 0 and some", result.Dropped, result.Stripped)
	}
	if got, want := text(t, again), text(t, once); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	below := words(1224, 1584)
	for i := range below.Blocks[0].Paragraphs[0].Lines {
		l := &below.Blocks[0].Paragraphs[0].Lines[i]
		l.Box.Y0, l.Box.Y1 = l.Box.Y0+70, l.Box.Y1+70
		for w := range l.Words {
			l.Words[w].Text = strings.Replace(l.Words[w].Text, "zwq", "Ωmega", 1)
			l.Words[w].Box.Y0, l.Words[w].Box.Y1 = l.Words[w].Box.Y0+70, l.Words[w].Box.Y1+70
		}
	}
	moved, _ := graft(t, Options{Input: once, Pages: map[int]PageText{1: {Page: below}}})
	if got := text(t, moved); strings.Contains(got, "zwq") || !strings.Contains(got, "Ωmega00x") || !strings.Contains(got, "Ωmega42x") {
		t.Errorf("got %q, want the new words and none of the old ones", got)
	}
	sameLook(t, in, moved)
}

func TestSameInputGivesTheSameBytes(t *testing.T) {
	in := sourcetest.File(t, "", sourcetest.One(letter, "")...)
	pages := everyPage(t, in)
	a, _ := graft(t, Options{Input: in, Pages: pages})
	b, _ := graft(t, Options{Input: in, Pages: pages})
	if read(t, a) != read(t, b) {
		t.Error("two grafts of the same input differ")
	}
}

func TestDamagedFileIsMendedFirst(t *testing.T) {
	plain := sourcetest.Bytes("", sourcetest.One(letter, "0 0 100 100 re f")...)
	for name, b := range map[string][]byte{
		"junk before the header": append([]byte("junk from a mail gateway\r\n"), plain...),
		"references astray":      bytes.ReplaceAll(plain, []byte("\n%\xE2"), []byte("\n%longer now\xE2")),
	} {
		t.Run(name, func(t *testing.T) {
			in := sourcetest.Write(t, b)
			pages := map[int]PageText{1: {Page: words(1224, 1584)}}
			out, _ := graft(t, Options{Input: in, Pages: pages})
			if said := sourcetest.Run(t, "qpdf", "--check", out); strings.Contains(said, "WARNING") {
				t.Errorf("qpdf: %s", said)
			}
			wordsLie(t, out, pages, 0)
		})
	}
}

func TestConformanceIsKeptOrTheReasonSaid(t *testing.T) {
	xmp := func(part, level string) string {
		return sourcetest.Stream("/Type/Metadata/Subtype/XML", `<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">`+
			`<rdf:Description rdf:about="" xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/" pdfaid:part="`+part+`" pdfaid:conformance="`+level+`"/></rdf:RDF></x:xmpmeta><?xpacket end="w"?>`)
	}
	for _, c := range []struct{ part, level, pdfa, which, why string }{
		{"2", "U", "kept", "2u", ""},
		{"1", "B", "kept", "1b", ""},
		{"1", "A", "none", "", "tags"},
	} {
		o := sourcetest.One(letter, "", xmp(c.part, c.level))
		o[0] = "<</Type/Catalog/Pages 2 0 R/Metadata 5 0 R>>"
		_, got := graft(t, Options{Input: sourcetest.File(t, "", o...), Pages: map[int]PageText{1: {Page: words(1224, 1584)}}})
		if got.PDFA != c.pdfa || got.Conformance != c.which || !strings.Contains(got.Why, c.why) {
			t.Errorf("PDF/A-%s%s: got %+v, want %s %s %s", c.part, c.level, got, c.pdfa, c.which, c.why)
		}
	}
}
