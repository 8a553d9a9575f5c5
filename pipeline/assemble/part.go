package assemble

import (
	"fmt"

	"github.com/twinleaf-scan/twinleaf/core"
)

// part is one document of a job: a task of its own, with its name, and its pages
// numbered from 1.
type part struct {
	core.Task
	job       string // name of the whole
	number    int    // 0: the job is one document
	of        int
	from, to  int // pages of the job
	sheets    []core.Page
	fields    map[string]string
	unindexed []core.IndexFailure
}

// divide gives the documents of a job.
func divide(t core.Task) ([]part, error) {
	d := t.Document
	if len(d.Inputs) != len(d.Inspections) {
		return nil, core.Refuse(core.CodeInternal, "submit the document again",
			"%d inputs but %d inspections", len(d.Inputs), len(d.Inspections))
	}
	parts := t.Options.Parts(d.Pages)
	if len(parts) > core.MaxParts {
		return nil, core.Refuse(core.CodeOverLimit, "submit the batch in smaller pieces",
			"the pages make %d documents, the limit is %d", len(parts), core.MaxParts)
	}
	out := make([]part, len(parts))
	for i, p := range parts {
		out[i] = newPart(t, p, len(parts))
	}
	return out, nil
}

func newPart(t core.Task, p core.Part, of int) part {
	own := part{Task: t, job: t.Name, number: p.Number, of: of, sheets: p.Sheets, fields: map[string]string{}}
	own.Name = core.PartName(t.Name, p.Number)
	doc := *t.Document
	doc.Pages = make([]core.Page, len(p.Pages))
	for i, page := range p.Pages {
		doc.Pages[i] = page
		doc.Pages[i].Number = i + 1
	}
	if n := len(p.Pages); n > 0 {
		own.from, own.to = p.Pages[0].Number, p.Pages[n-1].Number
	}
	own.Document = &doc
	if value := p.Separator(); value != "" {
		own.fields[core.FieldSeparator] = value
	}
	return own
}

// addTo adds the document to the job's result.
func (p part) addTo(all *core.DocumentAssembled, outputs []core.Output) {
	if p.number <= 1 {
		outputs = append(outputs, p.originals()...)
	}
	for i := range outputs {
		outputs[i].Part = p.number
	}
	all.Outputs = append(all.Outputs, outputs...)
	all.Unindexed = append(all.Unindexed, p.unindexed...)
	if p.number == 0 {
		all.Fields = p.fields
		return
	}
	all.Parts = append(all.Parts, core.PartInfo{Part: p.number, Name: p.Name, From: p.from, To: p.to, Fields: p.fields})
}

// originals are the signed PDFs, which lie beside their searchable copies, for
// those break the signature (P4).
func (p part) originals() []core.Output {
	var out []core.Output
	d := p.Document
	for i, in := range d.Inspections {
		if in.PDF == nil || !in.PDF.Signed {
			continue
		}
		f := d.Inputs[i]
		f.Name, f.Media = p.job+"-signed.pdf", in.Media
		if len(d.Inputs) > 1 {
			f.Name = fmt.Sprintf("%s-signed-%d.pdf", p.job, i+1)
		}
		out = append(out, core.Output{Kind: core.OutputOriginal, File: f, Why: "signed: this is the input, untouched"})
	}
	return out
}
