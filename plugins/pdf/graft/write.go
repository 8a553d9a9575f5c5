package graft

import (
	"bytes"
	"cmp"
	"compress/zlib"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"

	"github.com/pdfcpu/pdfcpu/pkg/api"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/model"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"

	"github.com/twinleaf-scan/twinleaf/plugins/pdf/source"
	"github.com/twinleaf-scan/twinleaf/plugins/pdf/textlayer"
)

// write makes the result: the original bytes and one increment. Without text only
// old invisible text is taken off.
func (g *grafter) write(ctx context.Context, path string, withText bool) error {
	in, err := os.Open(g.file.Path)
	if err != nil {
		return fmt.Errorf("graft: %w", err)
	}
	defer in.Close()
	tail, err := readTail(in, g.file.Size)
	if err != nil {
		return err
	}
	i := &increment{g: g, pdf: g.file.PDF, budget: source.NewBudget(), changed: map[int]bool{}}
	if err := i.build(ctx, withText); err != nil {
		return err
	}
	out, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("graft: %w", err)
	}
	defer out.Close()
	size, err := copyOriginal(out, in, tail)
	if err != nil {
		return fmt.Errorf("graft: copy the original: %w", err)
	}
	if len(i.changed) > 0 {
		if err := i.write(out, size, tail); err != nil {
			return err
		}
	}
	if err := out.Close(); err != nil {
		return fmt.Errorf("graft: %w", err)
	}
	return nil
}

func copyOriginal(out io.Writer, in io.ReadSeeker, t tail) (int64, error) {
	if _, err := in.Seek(0, io.SeekStart); err != nil {
		return 0, err
	}
	n, err := io.Copy(out, in)
	if err == nil && !t.newline {
		_, err = io.WriteString(out, "\n")
		n++
	}
	return n, err
}

// increment is the objects that are new or changed.
type increment struct {
	g       *grafter
	pdf     *model.Context
	budget  *source.Budget
	changed map[int]bool
	packer  *zlib.Writer // into packed; a new one would take a megabyte for each page
	packed  bytes.Buffer
}

func (i *increment) build(ctx context.Context, withText bool) error {
	var enc textlayer.Encoder
	font := i.reserve()
	for _, l := range i.g.pages {
		if err := ctx.Err(); err != nil {
			return err
		}
		name := freeName(i.g.file, l.Page)
		var ops []byte
		if withText {
			text, err := i.g.unshown(ctx, l)
			if err != nil {
				return err
			}
			ops = textlayer.Operators(text, l.place, name, &enc)
		}
		old, stripped := i.contents(ctx, l)
		if ops == nil && !stripped && l.text.Turn == 0 {
			continue
		}
		page := l.Dict.Clone().(types.Dict)
		page["Contents"] = old
		if ops != nil {
			page["Contents"] = append(types.Array{i.stream(ops, nil)}, old...)
			page["Resources"] = i.resources(l.Page, name, font)
			i.g.result.Pages++
		}
		if turn := (l.Rotate + l.text.Turn) % 360; withText && turn != l.Rotate {
			page["Rotate"] = types.Integer(turn)
		}
		i.set(int(l.Ref.ObjectNumber), page)
	}
	if i.g.result.Pages > 0 {
		i.font(font, &enc)
	}
	return nil
}

// resources is the page's own copy of its resources with the font in it.
func (i *increment) resources(p source.Page, name string, font types.IndirectRef) types.Dict {
	d := types.Dict{}
	if p.Resources != nil {
		d = p.Resources.Clone().(types.Dict)
	}
	fonts := types.Dict{}
	if old := i.g.file.Dict(d["Font"]); old != nil {
		fonts = old.Clone().(types.Dict)
	}
	fonts[name] = font
	d["Font"] = fonts
	return d
}

// freeName is a resource name that no font of the page has.
func freeName(f *source.File, p source.Page) string {
	fonts := f.Dict(p.Resources["Font"])
	for n := 0; ; n++ {
		name := "OcrF"
		if n > 0 {
			name += strconv.Itoa(n)
		}
		if _, taken := fonts[name]; !taken {
			return name
		}
	}
}

// font writes the font of the text layer.
func (i *increment) font(at types.IndirectRef, enc *textlayer.Encoder) {
	refs := textlayer.FontRefs{Font: at, Descendant: i.reserve(), Descriptor: i.reserve(), File: i.reserve(), CIDToGID: i.reserve(), ToUnicode: i.reserve()}
	o := enc.Font(refs)
	number := func(r types.IndirectRef) int { return int(r.ObjectNumber) }
	i.set(number(refs.Font), o.Font)
	i.set(number(refs.Descendant), o.Descendant)
	i.set(number(refs.Descriptor), o.Descriptor)
	i.set(number(refs.File), i.deflated(o.File, o.FileDict))
	i.set(number(refs.CIDToGID), i.deflated(o.CIDToGID, nil))
	i.set(number(refs.ToUnicode), i.deflated(o.ToUnicode, nil))
}

// reserve takes an object number that the file has never used.
func (i *increment) reserve() types.IndirectRef {
	n := i.pdf.InsertNew(*model.NewXRefTableEntryGen0(types.Dict{}))
	return *types.NewIndirectRef(n, 0)
}

func (i *increment) set(object int, o types.Object) {
	entry := i.pdf.Table[object]
	entry.Object, entry.Compressed = o, false
	if entry.Generation == nil {
		entry.Generation = new(int)
	}
	i.changed[object] = true
}

// stream makes a new stream object.
func (i *increment) stream(body []byte, d types.Dict) types.IndirectRef {
	ref := i.reserve()
	i.set(int(ref.ObjectNumber), i.deflated(body, d))
	return ref
}

// deflated is a compressed stream with the entries of d.
func (i *increment) deflated(body []byte, d types.Dict) types.StreamDict {
	i.packed.Reset()
	if i.packer == nil {
		i.packer, _ = zlib.NewWriterLevel(&i.packed, zlib.BestCompression) // the level is valid
	}
	i.packer.Reset(&i.packed)
	i.packer.Write(body) // into memory: cannot fail
	i.packer.Close()
	raw := bytes.Clone(i.packed.Bytes()) // without the room to grow
	n := int64(len(raw))
	dict := types.Dict{"Filter": types.Name("FlateDecode"), "Length": types.Integer(n)}
	for k, v := range d {
		dict[k] = v
	}
	return types.StreamDict{Dict: dict, Raw: raw, StreamLength: &n, FilterPipeline: []types.PDFFilter{{Name: "FlateDecode"}}}
}

// write appends the increment.
func (i *increment) write(out io.Writer, size int64, t tail) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("graft: the PDF library failed: %v", r)
		}
	}()
	w := i.pdf.Write
	w.Increment, w.Offset, w.OffsetPrevXRef = true, size, &t.xref
	for n := range i.changed {
		w.ObjNrs = append(w.ObjNrs, n)
	}
	slices.SortFunc(w.ObjNrs, cmp.Compare)
	i.pdf.WriteXRefStream, i.pdf.WriteObjectStream = t.stream, false
	// The library must take fresh numbers, and none from the file's list of free ones.
	var zero int64
	last := 65535
	i.pdf.Table[0] = &model.XRefTableEntry{Free: true, Offset: &zero, Generation: &last}
	if err := api.WriteIncrement(i.pdf, out); err != nil {
		return fmt.Errorf("graft: write the increment: %w", err)
	}
	return nil
}
