package host

import (
	"fmt"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/sdk"
)

// The conversions between the server's words and the protocol's. They are spelt
// out, so that neither side changes with the other by accident.

func limitsOut(l core.Limits) sdk.Limits {
	l = l.WithDefaults()
	return sdk.Limits{Pages: l.Pages, Pixels: l.Pixels, Bytes: l.Bytes}
}

func infoOut(p core.PageInfo) sdk.PageInfo {
	return sdk.PageInfo{
		Width: p.Width, Height: p.Height, XDPI: p.XDPI, YDPI: p.YDPI, WidthPt: p.WidthPt, HeightPt: p.HeightPt,
		Text: p.Text, Hidden: p.Hidden, Image: p.Image,
	}
}

func infoIn(p sdk.PageInfo) core.PageInfo {
	return core.PageInfo{
		Width: p.Width, Height: p.Height, XDPI: p.XDPI, YDPI: p.YDPI, WidthPt: p.WidthPt, HeightPt: p.HeightPt,
		Text: p.Text, Hidden: p.Hidden, Image: p.Image,
	}
}

func inspectionOut(i core.Inspection) sdk.Inspection {
	out := sdk.Inspection{Media: i.Media}
	for _, p := range i.Pages {
		out.Pages = append(out.Pages, infoOut(p))
	}
	if i.PDF != nil {
		out.PDF = &sdk.PDFInfo{
			Version: i.PDF.Version, Encrypted: i.PDF.Encrypted, Signed: i.PDF.Signed,
			Rebuild: i.PDF.Rebuild, PDFA: i.PDF.PDFA, Repaired: i.PDF.Repaired,
		}
	}
	return out
}

func inspectionIn(i sdk.Inspection, by string) core.Inspection {
	out := core.Inspection{Media: brief(i.Media), By: by}
	for _, p := range i.Pages {
		out.Pages = append(out.Pages, infoIn(p))
	}
	if i.PDF != nil {
		out.PDF = &core.PDFInfo{
			Version: brief(i.PDF.Version), Encrypted: i.PDF.Encrypted, Signed: i.PDF.Signed,
			Rebuild: i.PDF.Rebuild, PDFA: brief(i.PDF.PDFA), Repaired: i.PDF.Repaired,
		}
	}
	return out
}

func (o *outputs) pageImage(p sdk.PageImage, by string) (core.PageImage, error) {
	image, err := o.file(p.Image)
	if err != nil {
		return core.PageImage{}, err
	}
	shown, err := o.fileIf(p.Shown)
	if err != nil {
		return core.PageImage{}, err
	}
	return core.PageImage{
		Image: image, Shown: shown, Orient: p.Orient, Width: p.Width, Height: p.Height,
		XDPI: p.XDPI, YDPI: p.YDPI, Unchanged: p.Unchanged, By: by,
	}, nil
}

func (o *outputs) pageText(t sdk.Text, by string) (core.PageText, error) {
	text, err := o.file(t.Text)
	return core.PageText{Text: text, Confidence: t.Confidence, Words: t.Words, By: by}, err
}

func (o *outputs) pageClean(f sdk.Filtered, by string) (core.PageClean, error) {
	image, err := o.fileIf(f.Image)
	if err != nil {
		return core.PageClean{}, err
	}
	shown, err := o.fileIf(f.Shown)
	if err != nil {
		return core.PageClean{}, err
	}
	if len(f.Codes) > maxCodes {
		return core.PageClean{}, fmt.Errorf("%d codes on a page, more than %d", len(f.Codes), maxCodes)
	}
	out := core.PageClean{
		Image: image, Shown: shown, Blank: f.Blank, Turn: f.Turn, Skew: f.Skew, Deskew: f.Deskew, Scale: f.Scale,
		Width: f.Width, Height: f.Height, Separator: f.Separator, By: by,
	}
	for _, c := range f.Codes {
		out.Codes = append(out.Codes, core.Code{Type: brief(c.Type), Value: brief(c.Value)})
	}
	return out, nil
}

// What a plug-in may find on a page and in a document.
const (
	maxCodes = 100
	maxFound = 1000
)

func fieldsIn(m sdk.Metadata) (map[string]string, error) {
	if len(m.Fields) > maxFound {
		return nil, fmt.Errorf("%d fields, more than %d", len(m.Fields), maxFound)
	}
	out := make(map[string]string, len(m.Fields))
	for name, value := range m.Fields {
		out[brief(name)] = brief(value)
	}
	return out, nil
}

func (o *outputs) assembled(a sdk.Assembled) ([]core.Output, error) {
	var out []core.Output
	for _, made := range a.Outputs {
		file, err := o.file(made.File)
		if err != nil {
			return nil, err
		}
		out = append(out, core.Output{Kind: brief(made.Kind), File: file, PDFA: brief(made.PDFA), Why: brief(made.Why)})
	}
	return out, nil
}

// document is everything that an assembler needs, with its files placed.
func (in *inputs) document(c core.AssembleCall) (sdk.Document, error) {
	o := c.Options.WithDefaults()
	doc := sdk.Document{
		Job: string(c.Job), Name: c.Name, Submitted: c.Submitted, Mode: string(o.Mode), PDFA: o.PDFA,
		Optimize: o.Optimize, Outputs: o.Outputs, Languages: o.Languages, Password: o.Password, Limits: limitsOut(o.Limits),
		Fields: c.Fields,
	}
	for _, source := range c.Inputs {
		f, err := in.add(source)
		if err != nil {
			return doc, err
		}
		doc.Inputs = append(doc.Inputs, f)
	}
	for _, i := range c.Inspections {
		doc.Inspections = append(doc.Inspections, inspectionOut(i))
	}
	for _, parts := range c.Pages {
		p, err := in.page(parts, o.Mode)
		if err != nil {
			return doc, err
		}
		doc.Pages = append(doc.Pages, p)
	}
	return doc, nil
}

func (in *inputs) page(parts core.PageParts, mode core.Mode) (sdk.DocPage, error) {
	p := parts.Page
	out := sdk.DocPage{
		Number: p.Number, Input: p.Input, InputPage: p.InputPage, Info: infoOut(p.Info),
		Kept: p.Info.Text && mode != core.ModeForce,
	}
	var err error
	if p.Image != nil && parts.Image != nil {
		if out.Image, err = in.pageImage(*p.Image, parts); err != nil {
			return out, err
		}
	}
	if p.Clean != nil {
		out.Blank = p.Clean.Blank
		if out.Filtered, err = in.filtered(*p.Clean, parts); err != nil {
			return out, err
		}
	}
	out.Text, err = in.addIf(parts.Text)
	return out, err
}

// filtered is what filters found, with the image to show, if they gave one; that for
// recognition has served.
func (in *inputs) filtered(c core.PageClean, parts core.PageParts) (*sdk.Filtered, error) {
	shown, err := in.addIf(parts.Clean)
	f := &sdk.Filtered{
		Blank: c.Blank, Turn: c.Turn, Skew: c.Skew, Deskew: c.Deskew, Scale: c.Scale,
		Width: c.Width, Height: c.Height, Shown: shown, Separator: c.Separator,
	}
	for _, code := range c.Codes {
		f.Codes = append(f.Codes, sdk.Code{Type: code.Type, Value: code.Value})
	}
	return f, err
}

func (in *inputs) pageImage(p core.PageImage, parts core.PageParts) (*sdk.PageImage, error) {
	image, err := in.add(*parts.Image)
	if err != nil {
		return nil, err
	}
	shown, err := in.addIf(parts.Shown)
	return &sdk.PageImage{
		Image: image, Shown: shown, Orient: p.Orient, Width: p.Width, Height: p.Height,
		XDPI: p.XDPI, YDPI: p.YDPI, Unchanged: p.Unchanged,
	}, err
}
