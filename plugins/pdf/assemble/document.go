package assemble

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"

	"github.com/twinleaf-scan/twinleaf/plugins/pdf/embed"
	"github.com/twinleaf-scan/twinleaf/plugins/pdf/pdfa"
	"github.com/twinleaf-scan/twinleaf/plugins/pdf/textlayer"
	"github.com/twinleaf-scan/twinleaf/plugins/pdf/write"
	"github.com/twinleaf-scan/twinleaf/sdk"
	"github.com/twinleaf-scan/twinleaf/sdk/ocr"
)

// The names of a page's resources. One letter each: they stand in every page.
const (
	imageName = "I"
	fontName  = "T"
)

// document writes a new PDF page by page.
type document struct {
	f     *os.File
	buf   *bufio.Writer
	w     *write.Writer
	tree  *write.Tree
	meta  pdfa.Meta
	id    [16]byte
	embed embed.Options

	text     textlayer.Encoder
	font     *textlayer.FontRefs // nil: no page has text so far
	profiles map[[32]byte]types.IndirectRef
	last     sheet
}

// newDocument begins the PDF of doc at path.
func newDocument(path string, doc sdk.Document) (*document, error) {
	level, err := pdfa.ParseLevel(doc.PDFA)
	if err != nil {
		return nil, err
	}
	at, err := time.Parse(time.RFC3339, doc.Submitted)
	if err != nil {
		return nil, fmt.Errorf("time of submission: %w", err)
	}
	id, err := identify(doc)
	if err != nil {
		return nil, err
	}
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	d := &document{
		f: f, buf: bufio.NewWriterSize(f, 256<<10),
		meta: pdfa.Meta{Title: doc.Name, Keywords: keywords(doc.Fields), Time: at, Level: level}, id: id,
		embed:    embed.Options{Pixels: doc.Limits.Pixels, Lossless: doc.Optimize == "lossless", Level: level},
		profiles: map[[32]byte]types.IndirectRef{}, last: a4(),
	}
	d.w = write.New(d.buf, level.Flavour())
	d.tree = write.NewTree(d.w)
	return d, nil
}

// identify makes the file identifier: the same request gives the same one.
func identify(doc sdk.Document) (id [16]byte, err error) {
	about := []any{doc.Job, doc.Name, doc.Submitted, doc.PDFA, doc.Optimize}
	for _, in := range doc.Inputs {
		about = append(about, in.SHA256)
	}
	what, err := json.Marshal(about)
	sum := sha256.Sum256(what)
	copy(id[:], sum[:])
	return id, err
}

// add writes one page. text is nil for a page without any.
func (d *document) add(p sdk.DocPage, text *ocr.Page) error {
	img, orient, p, err := d.open(p)
	if err != nil {
		return err
	}
	size := sizeOf(p, d.last, d.meta.Level != pdfa.A1b)
	d.last = size
	page := types.Dict{"MediaBox": types.Array{types.Integer(0), types.Integer(0), number(size.width), number(size.height)}}
	if size.unit != 1 {
		page["UserUnit"] = types.Float(size.unit)
	}
	resources := types.Dict{}
	var content []byte
	if img != nil {
		ref, err := d.put(img)
		if err = errors.Join(err, img.Close()); err != nil {
			return fmt.Errorf("page %d: %w", p.Number, err)
		}
		resources["XObject"] = types.Dict{imageName: ref}
		content = draw(imageMatrix(orient, turnShown(p), size.width, size.height))
	}
	if text != nil {
		text = asShown(p, text)
		place := textlayer.Fill(text.Width, text.Height, size.width, size.height)
		if ops := textlayer.Operators(*text, place, fontName, &d.text); ops != nil {
			resources["Font"] = types.Dict{fontName: d.fontRefs().Font}
			content = append(content, ops...)
		}
	}
	page["Resources"] = resources
	if content != nil {
		ref := d.w.Alloc()
		page["Contents"] = ref
		if err := d.w.Deflated(ref, types.Dict{}, content); err != nil {
			return err
		}
	}
	return d.tree.Add(page)
}

func number(v float64) types.Object {
	if v == float64(int(v)) {
		return types.Integer(int(v))
	}
	return types.Float(v)
}

// draw is the content that draws the image.
func draw(m textlayer.Matrix) []byte {
	out := []byte("q ")
	for _, v := range [...]float64{m.A, m.B, m.C, m.D, m.E, m.F} {
		out = append(write.AppendNumber(out, v), ' ')
	}
	return append(out, "cm /"+imageName+" Do Q\n"...)
}

func (d *document) fontRefs() *textlayer.FontRefs {
	if d.font == nil {
		d.font = &textlayer.FontRefs{Font: d.w.Alloc(), Descendant: d.w.Alloc(), Descriptor: d.w.Alloc(),
			File: d.w.Alloc(), CIDToGID: d.w.Alloc(), ToUnicode: d.w.Alloc()}
	}
	return d.font
}

// open opens the page's picture: the one that a filter gave to show, else the bytes to
// show if they fit, else the image that was made for recognition, which is upright
// already. The page comes back without the filter's picture where that is not used.
func (d *document) open(p sdk.DocPage) (img *embed.Image, orient int, used sdk.DocPage, err error) {
	if img := d.cleaned(p); img != nil {
		return img, 1, p, nil
	}
	p = asScanned(p)
	if p.Image == nil {
		return nil, 0, p, nil
	}
	file, orient := p.Image.Image, 1
	if p.Image.Shown != nil {
		file, orient = *p.Image.Shown, p.Image.Orient
	}
	img, err = embed.Open(file.Path, file.Media, d.embed)
	if err != nil && p.Image.Shown != nil {
		var second error
		orient = 1
		if img, second = embed.Open(p.Image.Image.Path, p.Image.Image.Media, d.embed); second != nil {
			err = errors.Join(err, second)
		} else {
			err = nil
		}
	}
	if err != nil {
		return nil, 0, p, fmt.Errorf("page %d: %w", p.Number, err)
	}
	return img, orient, p, nil
}

func (d *document) put(img *embed.Image) (types.IndirectRef, error) {
	var profile *types.IndirectRef
	if img.Profile != nil {
		ref, err := d.profile(img.Profile, img.Components)
		if err != nil {
			return ref, err
		}
		profile = &ref
	}
	img.Dict["ColorSpace"] = img.ColorSpace(profile)
	ref := d.w.Alloc()
	return ref, d.w.Stream(ref, img.Dict, img.Size, img.Body)
}

// profile writes an ICC profile once.
func (d *document) profile(data []byte, components int) (types.IndirectRef, error) {
	key := sha256.Sum256(data)
	if ref, ok := d.profiles[key]; ok {
		return ref, nil
	}
	ref := d.w.Alloc()
	d.profiles[key] = ref
	return ref, d.w.Deflated(ref, types.Dict{"N": types.Integer(components)}, data)
}

// finish writes everything that belongs to the document as a whole.
func (d *document) finish(context.Context) (claim, why string, err error) {
	err = errors.Join(d.writeEnd(), d.buf.Flush(), d.f.Close())
	if d.meta.Level == pdfa.None {
		why = "not asked for"
	}
	return string(d.meta.Level), why, err
}

func (d *document) abandon() { d.f.Close() }

func (d *document) writeEnd() error {
	pages, err := d.tree.Close()
	if err != nil {
		return err
	}
	if err := d.writeFont(); err != nil {
		return err
	}
	catalog := types.Dict{"Type": types.Name("Catalog"), "Pages": pages}
	if d.meta.Level != pdfa.None {
		if err := d.conform(catalog); err != nil {
			return err
		}
	}
	root, info := d.w.Add(catalog), d.w.Add(d.meta.Info())
	return d.w.Finish(root, info, d.id)
}

// conform adds what PDF/A asks of the catalog.
func (d *document) conform(catalog types.Dict) error {
	profile, err := d.profile(pdfa.SRGB(), 3)
	if err != nil {
		return err
	}
	packet, meta := d.meta.XMP(), d.w.Alloc()
	catalog["Metadata"] = meta
	catalog["OutputIntents"] = types.Array{pdfa.OutputIntent(profile)}
	return d.w.Stream(meta, pdfa.MetadataDict(), int64(len(packet)), bytes.NewReader(packet))
}

func (d *document) writeFont() error {
	if d.font == nil {
		return nil
	}
	font := d.text.Font(*d.font)
	return errors.Join(
		d.w.Put(d.font.Font, font.Font),
		d.w.Put(d.font.Descendant, font.Descendant),
		d.w.Put(d.font.Descriptor, font.Descriptor),
		d.w.Deflated(d.font.File, font.FileDict, font.File),
		d.w.Deflated(d.font.CIDToGID, types.Dict{}, font.CIDToGID),
		d.w.Deflated(d.font.ToUnicode, types.Dict{}, font.ToUnicode),
	)
}
