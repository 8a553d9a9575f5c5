// Package assemble makes the outputs of a document from its pages: the searchable
// PDF, plain text, hOCR and ALTO. The plug-in serves it; it is called once a job and
// may be called again, when it gives the same bytes.
//
// A document of images is written anew, front to back, with memory that does not
// grow with its pages. A PDF that would lose something by that keeps all its bytes
// and gets the text as an update behind them.
package assemble

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/twinleaf-scan/twinleaf/sdk"
	"github.com/twinleaf-scan/twinleaf/sdk/ocr"
)

// Modes of P4.
const (
	modeRedo  = "redo"
	modeForce = "force"
)

// Settings are the assembler's settings. The zero value is ready to use.
type Settings struct{}

// Assembler makes outputs. Make it with New.
type Assembler struct {
	out  func(ctx context.Context, name string) string
	temp func(ctx context.Context) string
}

// New makes an assembler that writes where the sdk says.
func New() *Assembler { return &Assembler{out: sdk.Out, temp: sdk.TempDir} }

// Component is the assembler as the plug-in serves it.
func (a *Assembler) Component() sdk.Component { return sdk.Assembler(a.Assemble) }

// Assemble makes the outputs that doc names. What becomes of the input of a signed
// PDF is the server's business, which has it.
func (a *Assembler) Assemble(ctx context.Context, doc sdk.Document, _ Settings) (sdk.Assembled, error) {
	if len(doc.Pages) == 0 {
		return sdk.Assembled{}, errors.New("assemble: the document has no page")
	}
	j := job{Assembler: a, doc: doc}
	answer, err := j.run(ctx)
	if err != nil {
		return sdk.Assembled{}, fmt.Errorf("assemble %q: %w", doc.Name, err)
	}
	return answer, nil
}

// job is one call.
type job struct {
	*Assembler
	doc sdk.Document
}

// maker makes the PDF from the pages in order.
type maker interface {
	add(p sdk.DocPage, text *ocr.Page) error
	// finish completes the file and says what it claims to be, as of sdk.Output.
	finish(ctx context.Context) (pdfa, why string, err error)
	// abandon lets go of the file after an error.
	abandon()
}

func (j *job) run(ctx context.Context) (sdk.Assembled, error) {
	head, err := headOf(j.doc)
	if err != nil {
		return sdk.Assembled{}, err
	}
	texts := newFan(ctx)
	answer, pdf, err := j.open(ctx, head, texts)
	if err == nil {
		err = j.pages(ctx, pdf, texts)
	}
	if err := texts.close(err); err != nil {
		if pdf != nil {
			pdf.abandon()
		}
		return sdk.Assembled{}, err
	}
	if pdf == nil {
		return answer, nil
	}
	return j.finish(ctx, answer, pdf)
}

// open begins the outputs.
func (j *job) open(ctx context.Context, head ocr.Head, texts *fan) (answer sdk.Assembled, pdf maker, err error) {
	for i, kind := range j.doc.Outputs {
		if slices.Contains(j.doc.Outputs[:i], kind) {
			continue
		}
		out := sdk.Output{Kind: kind}
		if o, ok := textOutput(kind); ok {
			out.File = j.file(ctx, o.name, o.media)
			texts.add(out.File.Path, head, o)
		} else if kind == kindPDF {
			out.File = j.file(ctx, "document.pdf", "application/pdf")
			if pdf, err = j.maker(ctx, out.File.Path); err != nil {
				return answer, nil, err
			}
		} else {
			return answer, pdf, fmt.Errorf("%q is not an output of this assembler", kind)
		}
		answer.Outputs = append(answer.Outputs, out)
	}
	return answer, pdf, nil
}

func (j *job) maker(ctx context.Context, path string) (maker, error) {
	if j.keeps() {
		return newKeeper(j.doc, path, j.temp(ctx)), nil
	}
	return newDocument(path, j.doc)
}

// keeps tells whether the pages of an input stay as they are.
func (j *job) keeps() bool {
	return j.doc.Mode != modeForce && slices.ContainsFunc(j.doc.Inspections, func(i sdk.Inspection) bool {
		return i.PDF != nil && !i.PDF.Rebuild
	})
}

func (j *job) file(ctx context.Context, name, media string) sdk.File {
	return sdk.File{Path: j.out(ctx, name), Name: name, Media: media}
}

// pages goes through the pages once, for the PDF, if there is one, and for the texts.
func (j *job) pages(ctx context.Context, pdf maker, texts *fan) error {
	for i, p := range j.doc.Pages {
		if err := ctx.Err(); err != nil {
			return err
		}
		text, err := readText(p)
		if err != nil {
			return err
		}
		if pdf != nil {
			if err := pdf.add(p, text); err != nil {
				return err
			}
		}
		if text == nil {
			text = noText(p)
		}
		if err := texts.send(*text); err != nil {
			return err
		}
		sdk.Progress(ctx, float64(i+1)/float64(len(j.doc.Pages)))
	}
	return nil
}

// finish completes the PDF.
func (j *job) finish(ctx context.Context, answer sdk.Assembled, pdf maker) (sdk.Assembled, error) {
	claim, why, err := pdf.finish(ctx)
	if err != nil {
		return sdk.Assembled{}, err
	}
	for i := range answer.Outputs {
		if answer.Outputs[i].Kind == kindPDF {
			answer.Outputs[i].PDFA, answer.Outputs[i].Why = claim, why
		}
	}
	return answer, nil
}
