package main

import (
	"bytes"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/twinleaf-scan/twinleaf/core"
)

// ocrPart is what --json prints of one document of a scan that was split.
type ocrPart struct {
	core.PartInfo
	Outputs map[string]string `json:"outputs"` // path by kind
}

// write copies the outputs out of the store: those of the document, or of every
// document that the scan was split into.
func (r *ocrRun) write(d document, j core.JobView, out *done) error {
	if len(j.Parts) == 0 {
		if err := r.writePart(d, d.out, j, 0, out, out.result.Outputs); err != nil {
			return err
		}
		return r.original(d, j, out)
	}
	for _, p := range j.Parts {
		at, err := r.placesOf(d, p.Part, len(j.Parts))
		if err != nil {
			return err
		}
		part := ocrPart{p, map[string]string{}}
		if err := r.writePart(d, at, j, p.Part, out, part.Outputs); err != nil {
			return err
		}
		out.result.Parts = append(out.result.Parts, part)
	}
	return r.original(d, j, out)
}

// placesOf is where the outputs of a part go: beside where those of the whole would be,
// with a number. Nothing that nobody named is written over, and no input.
func (r *ocrRun) placesOf(d document, part, of int) (outputs, error) {
	at := d.out
	for _, place := range []*string{&at.pdf, &at.text, &at.hocr, &at.alto, &at.manifest} {
		switch {
		case *place == "":
			continue
		case *place == "-":
			return at, severalToOne(of)
		}
		*place = partPath(*place, part)
		if slices.ContainsFunc(d.inputs, func(in string) bool { return sameFile(in, *place) }) {
			return at, usage("choose another name for the output", "%s is an input and would be lost", *place)
		}
	}
	if r.flags.out == "" && at.pdf != "" {
		at.pdf = unclaimed(strings.TrimSuffix(at.pdf, ".pdf"))
	}
	return at, nil
}

// writePart copies the outputs of one part; paths notes where.
func (r *ocrRun) writePart(d document, to outputs, j core.JobView, part int, out *done, paths map[string]string) error {
	for _, e := range to.byKind() {
		o, ok := outputOf(j, e[0], part)
		if !ok {
			return fmt.Errorf("the assembler made no %s", e[0])
		}
		if e[0] == core.OutputPDF {
			out.result.PDFA, out.result.Why = o.PDFA, o.Why
		}
		var kept bytes.Buffer
		stdout := io.Writer(&kept)
		if len(r.docs) == 1 {
			stdout = r.app.std.out // no need to wait for the others
		}
		if err := r.copy(o.File.Ref, e[1], stdout); err != nil {
			return err
		}
		out.stdout = append(out.stdout, kept.Bytes()...)
		paths[e[0]] = e[1]
	}
	return nil
}

func outputOf(j core.JobView, kind string, part int) (core.Output, bool) {
	at := slices.IndexFunc(j.Outputs, func(o core.Output) bool { return o.Kind == kind && o.Part == part })
	if at < 0 {
		return core.Output{}, false
	}
	return j.Outputs[at], true
}

// original lays the untouched input of a signed PDF beside the searchable copy.
func (r *ocrRun) original(d document, j core.JobView, out *done) error {
	at := slices.IndexFunc(j.Outputs, func(o core.Output) bool { return o.Kind == core.OutputOriginal })
	if at < 0 || d.out.pdf == "" || d.out.pdf == "-" {
		return nil
	}
	to := strings.TrimSuffix(d.out.pdf, filepath.Ext(d.out.pdf)) + "-original.pdf"
	out.result.Outputs[core.OutputOriginal] = to
	return r.copy(j.Outputs[at].File.Ref, to, io.Discard)
}

// files lists the paths of outputs that are files.
func (r ocrResult) files() []string {
	list := files(r.Outputs)
	for _, p := range r.Parts {
		list = append(list, files(p.Outputs)...)
	}
	return list
}

func files(byKind map[string]string) []string {
	var list []string
	for _, kind := range []string{core.OutputPDF, core.OutputOriginal, core.OutputText, core.OutputHOCR, core.OutputALTO, core.OutputManifest} {
		if p := byKind[kind]; p != "" && p != "-" {
			list = append(list, p)
		}
	}
	return list
}
