// Package assemble is the fifth stage: when every page of a job has ended it divides
// them into the documents that the profile asks for, asks indexers for their fields
// and an assembler for their outputs, checks them, and adds the manifests, which say
// what was made of what.
package assemble

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/pipeline/internal/take"
)

// Assembler makes the outputs of a document and says who made them.
type Assembler interface {
	Assemble(context.Context, core.AssembleCall) (outputs []core.Output, by string, err error)
}

// Indexer finds out what a document is about.
type Indexer interface {
	Index(context.Context, core.IndexCall) (fields map[string]string, err error)
}

// Stage is the assemble stage.
type Stage struct {
	store     take.Store
	assembler Assembler
	indexer   Indexer
}

// New makes the stage.
func New(store take.Store, assembler Assembler, indexer Indexer) *Stage {
	return &Stage{store, assembler, indexer}
}

// Run gives a core.DocumentAssembled. Its outputs are, document by document, those
// that the options ask for, in their order, then the manifest; the original of a signed
// PDF comes with the first.
func (s *Stage) Run(ctx context.Context, t core.Task) (core.Result, error) {
	parts, err := divide(t)
	if err != nil {
		return nil, err
	}
	var all core.DocumentAssembled
	for _, p := range parts {
		if err := s.part(ctx, p, &all); err != nil {
			return nil, err
		}
	}
	return all.Bounded(), nil
}

// part makes one document and adds it to all.
func (s *Stage) part(ctx context.Context, p part, all *core.DocumentAssembled) error {
	work, err := take.Begin(s.store)
	if err != nil {
		return err
	}
	defer work.End()
	call, err := s.call(p.Task, work)
	if err != nil {
		return err
	}
	if err := s.index(ctx, &p, call.Pages); err != nil {
		return err
	}
	call.Fields = p.fields
	made, by, err := s.assembler.Assemble(ctx, call)
	if err != nil {
		return err
	}
	outputs, err := inOrder(made, call.Options.Outputs)
	if err != nil {
		return err
	}
	if err := s.keepAll(ctx, work, outputs, p.Name); err != nil {
		return err
	}
	if outputs, err = s.addManifest(ctx, work, p, outputs, by); err != nil {
		return err
	}
	p.addTo(all, outputs)
	return nil
}

// call collects the files of a document.
func (s *Stage) call(t core.Task, work *take.Work) (core.AssembleCall, error) {
	d := t.Document
	call := core.AssembleCall{
		Step: t.Options.Of(core.StepAssembler), Job: t.Job, Name: t.Name, Submitted: d.Submitted.UTC().Format(time.RFC3339),
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
		if p.Clean != nil && p.Clean.Shown != nil {
			if parts.Clean, err = s.source(*p.Clean.Shown); err != nil {
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

// keepAll keeps the outputs at the same time: the disk takes several as fast as one.
func (s *Stage) keepAll(ctx context.Context, work *take.Work, outputs []core.Output, name string) error {
	errs := make([]error, len(outputs))
	var all sync.WaitGroup
	for i := range outputs {
		all.Go(func() { errs[i] = s.keep(ctx, work, &outputs[i], name) })
	}
	all.Wait()
	return errors.Join(errs...)
}

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
func (s *Stage) addManifest(ctx context.Context, work *take.Work, p part, outputs []core.Output, by string) ([]core.Output, error) {
	data, err := manifestOf(p, outputs, by).encode()
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
	rename(&m, p.Name)
	return append(outputs, m), nil
}
