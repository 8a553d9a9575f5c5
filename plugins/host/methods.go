package host

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/sdk"
)

// Inspect asks the reader of the input's media type what the input is.
func (h *Host) Inspect(ctx context.Context, c core.InspectCall) (core.Inspection, error) {
	t, err := h.reader(c.Input.Media, sdk.OpInspect, c.Options.Readers)
	if err != nil {
		return core.Inspection{}, err
	}
	r := h.request(t, sdk.OpInspect, c.Input, "")
	r.args = func(in *inputs) (any, error) {
		f, err := in.add(c.Input)
		return sdk.InspectRequest{
			Input: f, Mode: string(c.Options.WithDefaults().Mode), Languages: c.Options.Languages,
			Password: c.Options.Password, Limits: limitsOut(c.Options.Limits),
		}, err
	}
	return call(ctx, h, r, func(_ *outputs, i sdk.Inspection) (core.Inspection, error) {
		if most := c.Options.Limits.WithDefaults().Pages; len(i.Pages) > most {
			return core.Inspection{}, fmt.Errorf("%d pages, more than the %d that were allowed", len(i.Pages), most)
		}
		return inspectionIn(i, t.plugin.by()), nil
	})
}

// Page asks the reader of the input's media type for one page as an image.
func (h *Host) Page(ctx context.Context, c core.PageCall) (core.PageImage, error) {
	t, err := h.reader(c.Input.Media, sdk.OpPage, c.Options.Readers)
	if err != nil {
		return core.PageImage{}, err
	}
	r := h.request(t, sdk.OpPage, c.Input, c.Dir)
	r.args = func(in *inputs) (any, error) {
		f, err := in.add(c.Input)
		return sdk.PageRequest{
			Input: f, Page: c.Page, Info: infoOut(c.Info), Graft: c.Graft, Mode: string(c.Options.WithDefaults().Mode),
			Password: c.Options.Password, Limits: limitsOut(c.Options.Limits),
		}, err
	}
	return call(ctx, h, r, func(out *outputs, p sdk.PageImage) (core.PageImage, error) {
		return out.pageImage(p, t.plugin.by())
	})
}

// Text asks the reader of the input's media type for the text that a page carries.
func (h *Host) Text(ctx context.Context, c core.TextCall) (core.PageText, error) {
	t, err := h.reader(c.Input.Media, sdk.OpText, c.Options.Readers)
	if err != nil {
		return core.PageText{}, err
	}
	r := h.request(t, sdk.OpText, c.Input, c.Dir)
	r.args = func(in *inputs) (any, error) {
		f, err := in.add(c.Input)
		return sdk.TextRequest{Input: f, Page: c.Page, Password: c.Options.Password, Limits: limitsOut(c.Options.Limits)}, err
	}
	return call(ctx, h, r, func(out *outputs, text sdk.Text) (core.PageText, error) {
		return out.pageText(text, t.plugin.by())
	})
}

// Clean asks the filter to look at a page image.
func (h *Host) Clean(ctx context.Context, c core.CleanCall) (core.PageClean, error) {
	t, err := h.step(c.Step, sdk.KindFilter, sdk.OpClean)
	if err != nil {
		return core.PageClean{}, err
	}
	r := h.request(t, sdk.OpClean, c.Image, c.Dir)
	r.about = cmp.Or(string(c.Job), r.about)
	r.settings = c.Step.Settings
	r.args = func(in *inputs) (any, error) {
		f, err := in.add(c.Image)
		return sdk.FilterRequest{
			Image: f, Width: c.Page.Width, Height: c.Page.Height, XDPI: c.Page.XDPI, YDPI: c.Page.YDPI,
			Limits: limitsOut(c.Options.Limits),
		}, err
	}
	return call(ctx, h, r, func(out *outputs, f sdk.Filtered) (core.PageClean, error) {
		return out.pageClean(f, t.plugin.by())
	})
}

// Recognize asks the recognizer for the text of a page image.
func (h *Host) Recognize(ctx context.Context, c core.RecognizeCall) (core.PageText, error) {
	t, err := h.step(c.Step, sdk.KindRecognizer, sdk.OpRecognize)
	if err != nil {
		return core.PageText{}, err
	}
	r := h.request(t, sdk.OpRecognize, c.Image, c.Dir)
	r.about = cmp.Or(string(c.Job), r.about)
	r.settings = c.Step.Settings
	r.args = func(in *inputs) (any, error) {
		f, err := in.add(c.Image)
		o := c.Options.WithDefaults()
		return sdk.RecognizeRequest{Image: f, DPI: c.DPI, Languages: o.Languages, Limits: limitsOut(o.Limits)}, err
	}
	return call(ctx, h, r, func(out *outputs, text sdk.Text) (core.PageText, error) {
		if pool, _ := t.plugin.ready(); pool != nil {
			pool.engineTime(text.EngineSeconds)
		}
		return out.pageText(text, t.plugin.by())
	})
}

// Assemble asks the assembler for documents, and says who made them.
func (h *Host) Assemble(ctx context.Context, c core.AssembleCall) ([]core.Output, string, error) {
	t, err := h.step(c.Step, sdk.KindAssembler, sdk.OpAssemble)
	if err != nil {
		return nil, "", err
	}
	r := request{target: t, op: sdk.OpAssemble, settings: c.Step.Settings, about: string(c.Job), dir: c.Dir}
	r.args = func(in *inputs) (any, error) {
		doc, err := in.document(c)
		if err != nil {
			return nil, err
		}
		raw, err := json.Marshal(doc)
		if err != nil {
			return nil, fmt.Errorf("document to assemble: %w", err)
		}
		path, err := in.slot.write(raw, "document.json")
		return sdk.AssembleRequest{Document: sdk.File{Path: path, Name: "document.json", Media: "application/json"}}, err
	}
	outputs, err := call(ctx, h, r, func(out *outputs, a sdk.Assembled) ([]core.Output, error) { return out.assembled(a) })
	return outputs, t.plugin.by(), err
}

// Deliver asks the named deliverer to hand over files.
func (h *Host) Deliver(ctx context.Context, c core.DeliverCall) (core.Receipt, error) {
	t, err := h.step(core.Step{Plugin: c.Plugin}, sdk.KindDeliverer, sdk.OpDeliver)
	if err != nil {
		return core.Receipt{}, err
	}
	if len(c.Files) != len(c.Kinds) {
		return core.Receipt{}, fmt.Errorf("deliver %s: %d files but %d kinds", c.Key, len(c.Files), len(c.Kinds))
	}
	r := request{target: t, op: sdk.OpDeliver, settings: c.Settings, key: c.Key, about: c.Key}
	r.args = func(in *inputs) (any, error) {
		req := sdk.DeliverRequest{Key: c.Key, Job: string(c.Job), Name: c.Name, Kinds: c.Kinds}
		for _, source := range c.Files {
			f, err := in.add(source)
			if err != nil {
				return nil, err
			}
			req.Files = append(req.Files, f)
		}
		return req, nil
	}
	return call(ctx, h, r, func(_ *outputs, receipt sdk.Receipt) (core.Receipt, error) {
		return core.Receipt{Location: brief(receipt.Location), Detail: brief(receipt.Detail)}, nil
	})
}

// Index asks an indexer for metadata.
func (h *Host) Index(ctx context.Context, c core.IndexCall) (map[string]string, error) {
	t, err := h.step(c.Step, sdk.KindIndexer, sdk.OpIndex)
	if err != nil {
		return nil, err
	}
	r := request{target: t, op: sdk.OpIndex, settings: c.Step.Settings, about: cmp.Or(string(c.Job), c.Name)}
	r.args = func(in *inputs) (any, error) {
		req := sdk.IndexRequest{Name: c.Name}
		for _, source := range c.Texts {
			f, err := in.add(source)
			if err != nil {
				return nil, err
			}
			req.Texts = append(req.Texts, f)
		}
		return req, nil
	}
	return call(ctx, h, r, func(_ *outputs, m sdk.Metadata) (map[string]string, error) { return fieldsIn(m) })
}

// Validate asks a plug-in whether the settings of a step are good for its component of
// a kind. What is wrong comes back as a Failure with code settings that names the place,
// a plug-in that is not there as one with code bad-request.
func (h *Host) Validate(ctx context.Context, s core.Step, kind sdk.Kind) error {
	t, err := h.step(s, kind, "")
	if err != nil {
		f := core.AsFailure(err)
		f.Code, f.Permanent = core.CodeBadRequest, true // the name is the caller's own
		return &f
	}
	found, err := h.validate(ctx, t, s.Settings)
	if err != nil {
		return &core.Failure{Code: core.CodePlugin, Detail: fmt.Sprintf("settings of plug-in %s: %v", t.plugin.name(), err)}
	}
	for _, d := range found.GetDiagnostics() {
		return &core.Failure{
			Code: "settings", Detail: brief(fmt.Sprintf("settings of plug-in %s: %s", t.plugin.name(), strings.TrimPrefix(d.Path+": "+d.Detail, ": "))),
			Remedy: `"twinleaf plugin describe" shows the settings that it knows`, Permanent: true,
		}
	}
	return h.checkGrants(request{target: t, settings: s.Settings})
}

// request is a call about one input.
func (h *Host) request(t target, op string, input core.Source, dir string) request {
	about := cmp.Or(string(input.Ref), input.Path)
	return request{target: t, op: op, affinity: about, about: about, dir: dir}
}

// call makes a call whose answer is an Out, and lets take turn that into the
// server's words.
func call[Out, Result any](ctx context.Context, h *Host, r request, take func(*outputs, Out) (Result, error)) (Result, error) {
	var result Result
	err := h.do(ctx, r, func(out *outputs, raw []byte) error {
		var answer Out
		if err := json.Unmarshal(raw, &answer); err != nil {
			return fmt.Errorf("answer of %s: %w", r.op, err)
		}
		var err error
		result, err = take(out, answer)
		return err
	})
	if err != nil {
		var none Result
		return none, err
	}
	return result, nil
}
