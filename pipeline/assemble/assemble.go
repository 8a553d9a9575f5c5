// Package assemble is the fifth stage: when every page of a job has ended it asks
// an assembler for the documents, checks them, and adds the manifest, which says
// what was made of what.
package assemble

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/pipeline/internal/take"
)

// Assembler makes the outputs of a document and says who made them.
type Assembler interface {
	Assemble(context.Context, core.AssembleCall) (outputs []core.Output, by string, err error)
}

// Stage is the assemble stage.
type Stage struct {
	store     take.Store
	assembler Assembler
}

// New makes the stage.
func New(store take.Store, assembler Assembler) *Stage { return &Stage{store, assembler} }

// Run gives a core.DocumentAssembled. Its outputs are those that the options ask
// for, in their order, then the manifest, then the original of a signed PDF.
func (s *Stage) Run(ctx context.Context, t core.Task) (core.Result, error) {
	work, err := take.Begin(s.store)
	if err != nil {
		return nil, err
	}
	defer work.End()
	call, err := s.call(t, work)
	if err != nil {
		return nil, err
	}
	made, by, err := s.assembler.Assemble(ctx, call)
	if err != nil {
		return nil, err
	}
	outputs, err := inOrder(made, call.Options.Outputs)
	if err != nil {
		return nil, err
	}
	for i := range outputs {
		if err := s.keep(ctx, work, &outputs[i], t.Name); err != nil {
			return nil, err
		}
	}
	if outputs, err = s.addManifest(ctx, work, t, outputs, by); err != nil {
		return nil, err
	}
	return core.DocumentAssembled{Outputs: addOriginal(outputs, t)}, nil
}

// call collects the files of a document.
func (s *Stage) call(t core.Task, work *take.Work) (core.AssembleCall, error) {
	d := t.Document
	if len(d.Inputs) != len(d.Inspections) {
		return core.AssembleCall{}, core.Refuse(core.CodeInternal, "submit the document again",
			"%d inputs but %d inspections", len(d.Inputs), len(d.Inspections))
	}
	call := core.AssembleCall{
		Job: t.Job, Name: t.Name, Submitted: d.Submitted.UTC().Format(time.RFC3339),
		Options: t.Options.WithDefaults(), Inspections: d.Inspections, Dir: work.Dir,
	}
	for _, f := range d.Inputs {
		source, err := work.Source(f)
		if err != nil {
			return call, err
		}
		call.Inputs = append(call.Inputs, source)
	}
	for _, p := range d.Pages {
		parts, err := s.parts(p, d.Graft())
		if err != nil {
			return call, fmt.Errorf("page %d: %w", p.Number, err)
		}
		call.Pages = append(call.Pages, parts)
	}
	return call, nil
}

// parts finds the files of a page. The pages of a grafted document are kept, so
// their images are not needed.
func (s *Stage) parts(p core.Page, graft bool) (core.PageParts, error) {
	parts := core.PageParts{Page: p}
	var err error
	if p.Image != nil && !graft {
		if parts.Image, err = s.source(p.Image.Image); err != nil {
			return parts, err
		}
		if p.Image.Shown != nil {
			if parts.Shown, err = s.source(*p.Image.Shown); err != nil {
				return parts, err
			}
		}
	}
	if p.Text != nil && p.Failure == nil && !p.Blank() {
		parts.Text, err = s.source(p.Text.Text)
	}
	return parts, err
}

func (s *Stage) source(f core.File) (*core.Source, error) {
	source, err := take.Source(s.store, f)
	return &source, err
}

// inOrder makes sure that there is exactly one output of each kind asked for.
func inOrder(made []core.Output, kinds []string) ([]core.Output, error) {
	var ordered []core.Output
	for _, kind := range kinds {
		of := func(o core.Output) bool { return o.Kind == kind }
		at := slices.IndexFunc(made, of)
		if at < 0 || slices.ContainsFunc(made[at+1:], of) {
			return nil, take.Bad("none or several outputs of kind %q", kind)
		}
		ordered = append(ordered, made[at])
	}
	if len(made) != len(ordered) {
		return nil, take.Bad("%d outputs where %q were asked for", len(made), kinds)
	}
	return ordered, nil
}

// forms say how outputs are called and what they are.
var forms = map[string]struct{ ext, media string }{
	core.OutputPDF:      {".pdf", "application/pdf"},
	core.OutputText:     {".txt", "text/plain; charset=utf-8"},
	core.OutputHOCR:     {".hocr", "text/html; charset=utf-8"},
	core.OutputALTO:     {".xml", "application/xml"},
	core.OutputManifest: {".json", "application/json"},
}

// maxOutput bounds one output in bytes.
const maxOutput = 16 << 30

func (s *Stage) keep(ctx context.Context, work *take.Work, o *core.Output, name string) error {
	if o.Kind == core.OutputText {
		if done, err := s.keepEmpty(ctx, work, o); done || err != nil {
			rename(o, name)
			return err
		}
	}
	err := work.File(ctx, &o.File, maxOutput)
	rename(o, name)
	return err
}

// keepEmpty keeps the text of a document without text, which may be empty.
func (s *Stage) keepEmpty(ctx context.Context, work *take.Work, o *core.Output) (bool, error) {
	path, err := work.Path(&o.File)
	if err != nil {
		return false, err
	}
	info, err := os.Lstat(path)
	if err != nil || !info.Mode().IsRegular() || info.Size() > 0 {
		return false, nil // for the ordinary checks
	}
	o.File.Ref, o.File.Size, err = s.store.Adopt(ctx, path)
	return true, err
}

func rename(o *core.Output, name string) {
	form := forms[o.Kind]
	o.File.Name, o.File.Media = name+form.ext, form.media
}

// addManifest writes the manifest. It is the last thing made, for it names the others.
func (s *Stage) addManifest(ctx context.Context, work *take.Work, t core.Task, outputs []core.Output, by string) ([]core.Output, error) {
	data, err := manifestOf(t, outputs, by).encode()
	if err != nil {
		return nil, err
	}
	path := filepath.Join(work.Dir, "twinleaf-manifest.json")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		return nil, core.DataDown("write the manifest", err)
	}
	m := core.Output{Kind: core.OutputManifest, File: core.File{Name: filepath.Base(path)}}
	if err := work.File(ctx, &m.File, maxOutput); err != nil {
		return nil, err
	}
	rename(&m, t.Name)
	return append(outputs, m), nil
}

// addOriginal puts a signed PDF beside its searchable copy, which breaks the signature (P4).
func addOriginal(outputs []core.Output, t core.Task) []core.Output {
	d := t.Document
	for i, in := range d.Inspections {
		if in.PDF != nil && in.PDF.Signed && i < len(d.Inputs) {
			f := d.Inputs[i]
			f.Name, f.Media = t.Name+"-signed.pdf", in.Media
			if len(d.Inputs) > 1 {
				f.Name = fmt.Sprintf("%s-signed-%d.pdf", t.Name, i+1)
			}
			outputs = append(outputs, core.Output{Kind: core.OutputOriginal, File: f, Why: "signed: this is the input, untouched"})
		}
	}
	return outputs
}
