package core

import (
	"regexp"
	"slices"
	"strings"
)

var languageName = regexp.MustCompile(`^[a-zA-Z_]+(/[a-zA-Z_]+)?$`)

// Check says what is wrong with options. Zero fields are right.
func (o Options) Check() error {
	for _, l := range o.Languages {
		if len(l) > 64 || !languageName.MatchString(l) {
			return Refuse(CodeBadRequest, "join languages by +, e.g. eng+deu or script/Latin", "%q is no name of a language", l)
		}
	}
	if len(o.Languages) > 16 {
		return Refuse(CodeBadRequest, "name at most 16", "%d languages are too many", len(o.Languages))
	}
	for _, c := range []struct {
		what  string
		got   []string
		known []string
	}{
		{"mode", []string{string(o.Mode)}, []string{"", string(ModeSkip), string(ModeRedo), string(ModeForce)}},
		{"pdfa", []string{o.PDFA}, []string{"", "2u", "2b", "1b", "none"}},
		{"optimize", []string{o.Optimize}, []string{"", "none", "lossless"}},
		{"output", o.Outputs, []string{OutputPDF, OutputText, OutputHOCR, OutputALTO}},
		{"kind to deliver", o.Deliver, []string{OutputPDF, OutputText, OutputHOCR, OutputALTO, OutputManifest}},
	} {
		for _, v := range c.got {
			if !slices.Contains(c.known, v) {
				known := strings.Join(slices.DeleteFunc(c.known, func(s string) bool { return s == "" }), ", ")
				return Refuse(CodeBadRequest, "known are: "+known, "%q is no %s", v, c.what)
			}
		}
	}
	if err := o.checkSteps(); err != nil {
		return err
	}
	return o.checkDeliver()
}

// checkDeliver refuses to deliver what is not made.
func (o Options) checkDeliver() error {
	full := o.WithDefaults()
	for _, kind := range full.Deliver {
		if kind != OutputManifest && !slices.Contains(full.Outputs, kind) {
			return Refuse(CodeBadRequest, "add it to outputs or leave it out of deliver", "%q is to be delivered but is not among the outputs", kind)
		}
	}
	l := o.Limits
	if l.Bytes < 0 || l.Pages < 0 || l.Pixels < 0 || l.PageTimeout < 0 || l.JobTimeout < 0 {
		return Refuse(CodeBadRequest, "leave a limit out for its default", "a limit is negative")
	}
	return nil
}
