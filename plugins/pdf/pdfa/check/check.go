// Package check says in which points a PDF falls short of the PDF/A level that it
// claims. It knows what documents of our own writer can do wrong, in some thirty
// rules of PDF/A-1b, -2b and -2u; it is no validator for foreign files. Tests call
// it on everything that is written. It reads the file with pdfcpu and with raw eyes,
// never with the code that wrote it.
package check

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/pdfcpu/pdfcpu/pkg/api"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/model"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"
)

// Violation is one rule that is broken.
type Violation struct {
	Rule   string // in a few words
	Object int    // number of the object; 0: the file as a whole
	Detail string
}

func (v Violation) String() string {
	if v.Object == 0 {
		return v.Rule + ": " + v.Detail
	}
	return fmt.Sprintf("%s: object %d: %s", v.Rule, v.Object, v.Detail)
}

// configure keeps pdfcpu from its configuration below the home folder.
var configure = sync.OnceFunc(api.DisableConfigDir)

// checker is one check under way.
type checker struct {
	r     io.ReadSeeker
	ctx   *model.Context
	part1 bool // PDF/A-1
	names bool // level u: every code has a Unicode value
	found []Violation
	fonts map[int]*font
}

// Check reads a document and gives what it breaks; the level is the one that its
// metadata claim, and claiming none is a violation. The error is for files that
// cannot be read at all.
func Check(r io.ReadSeeker) (found []Violation, err error) {
	configure()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("check PDF/A: the parser panics: %v", p)
		}
	}()
	conf := model.NewDefaultConfiguration()
	conf.Offline = true
	ctx, err := api.ReadContext(r, conf)
	if err != nil {
		return nil, fmt.Errorf("check PDF/A: %w", err)
	}
	c := &checker{r: r, ctx: ctx, fonts: map[int]*font{}}
	if c.ctx.RootDict, err = ctx.DereferenceDict(*ctx.Root); err != nil {
		return nil, fmt.Errorf("check PDF/A: catalog: %w", err)
	}
	c.metadata()
	c.file()
	c.catalog()
	c.objects()
	c.pages()
	return c.found, nil
}

func (c *checker) fail(rule string, object int, format string, a ...any) {
	c.found = append(c.found, Violation{rule, object, fmt.Sprintf(format, a...)})
}

// raw reads part of the file.
func (c *checker) raw(at int64, n int) []byte {
	b := make([]byte, n)
	if _, err := c.r.Seek(at, io.SeekStart); err != nil {
		return nil
	}
	n, _ = io.ReadFull(c.r, b) // what there is
	return b[:n]
}

// file checks header, trailer and end.
func (c *checker) file() {
	head := c.raw(0, 64)
	want := "%PDF-1.7\n%"
	if c.part1 {
		want = "%PDF-1.4\n%"
	}
	if !bytes.HasPrefix(head, []byte(want)) {
		c.fail("header", 0, "begins with %q, want %q", head[:min(len(head), 12)], want)
	} else if b := head[len(want):][:4]; slices.Min(b) <= 127 {
		c.fail("header", 0, "four bytes over 127 must follow, not % x", b)
	}
	size, err := c.r.Seek(0, io.SeekEnd)
	if err != nil {
		return
	}
	if tail := c.raw(max(0, size-6), 6); string(tail) != "%%EOF\n" && !bytes.HasSuffix(tail, []byte("%%EOF")) {
		c.fail("end", 0, "ends with %q", tail)
	}
	if len(c.ctx.ID) != 2 {
		c.fail("identifier", 0, "ID has %d parts", len(c.ctx.ID))
	}
	if c.ctx.Encrypt != nil {
		c.fail("encryption", 0, "the file is encrypted")
	}
	if c.part1 && (c.ctx.Read.UsingXRefStreams || c.ctx.Read.UsingObjectStreams) {
		c.fail("cross-reference", 0, "PDF/A-1 knows no cross-reference and object streams")
	}
	if n := *c.ctx.Size; n > 8_388_607 {
		c.fail("number of objects", 0, "%d", n)
	}
}

// catalog checks what the whole document must and must not have.
func (c *checker) catalog() {
	for _, key := range []string{"OpenAction", "AA", "JavaScript", "AcroForm", "Perms", "Requirements"} {
		c.forbid(c.ctx.RootDict, key, int(c.ctx.Root.ObjectNumber))
	}
	if c.part1 {
		c.forbid(c.ctx.RootDict, "OCProperties", int(c.ctx.Root.ObjectNumber))
	}
	names, _ := c.ctx.DereferenceDict(c.ctx.RootDict["Names"])
	for _, key := range []string{"JavaScript", "EmbeddedFiles"} {
		c.forbid(names, key, 0)
	}
	intents, err := c.ctx.DereferenceArray(c.ctx.RootDict["OutputIntents"])
	if err != nil || len(intents) == 0 {
		c.fail("output intent", 0, "there is none, so device colours mean nothing")
	}
	for _, o := range intents {
		c.intent(o)
	}
}

func (c *checker) forbid(d types.Dict, key string, object int) {
	if _, ok := d[key]; ok {
		c.fail("forbidden entry", object, "%s", key)
	}
}

func (c *checker) intent(o types.Object) {
	d, err := c.ctx.DereferenceDict(o)
	if err != nil || d == nil {
		c.fail("output intent", 0, "it is no dictionary")
		return
	}
	if s := name(d["S"]); s != "GTS_PDFA1" {
		c.fail("output intent", 0, "kind %q", s)
	}
	if _, ok := d["OutputConditionIdentifier"]; !ok {
		c.fail("output intent", 0, "it has no identifier")
	}
	c.profile(d["DestOutputProfile"], 3, "RGB ")
}

// profile checks a stream with an ICC profile. space may be "" for any.
func (c *checker) profile(o types.Object, components int, space string) {
	sd, number := c.stream(o)
	if sd == nil {
		c.fail("colour profile", number, "it is no stream")
		return
	}
	data := sd.Content
	n, _ := sd.Dict["N"].(types.Integer)
	if len(data) < 132 || string(data[36:40]) != "acsp" || int(binary.BigEndian.Uint32(data)) != len(data) {
		c.fail("colour profile", number, "%d bytes that are no profile", len(data))
		return
	}
	stored := map[string]int{"GRAY": 1, "RGB ": 3, "CMYK": 4}[string(data[16:20])]
	if int(n) != stored || components != 0 && stored != components || space != "" && string(data[16:20]) != space {
		c.fail("colour profile", number, "N %d, colour space %q", n, data[16:20])
	}
	if v := data[8]; v > 4 || c.part1 && v > 2 {
		c.fail("colour profile", number, "version %d", v)
	}
	if class := string(data[12:16]); !strings.Contains("scnr mntr prtr spac", class) {
		c.fail("colour profile", number, "class %q", class)
	}
}

// stream gives a decoded stream and its number.
func (c *checker) stream(o types.Object) (*types.StreamDict, int) {
	number := 0
	if ref, ok := o.(types.IndirectRef); ok {
		number = int(ref.ObjectNumber)
	}
	sd, _, err := c.ctx.DereferenceStreamDict(o)
	if err != nil || sd == nil {
		return nil, number
	}
	if sd.Content == nil {
		if err := sd.Decode(); err != nil {
			c.fail("stream", number, "it cannot be decoded: %v", err)
			return nil, number
		}
	}
	return sd, number
}

func name(o types.Object) string {
	n, _ := o.(types.Name)
	return string(n)
}
