// Package ingest is the first stage: it finds out what the inputs of a job are, by
// their content and never by their name, and asks a reader which pages they have.
// What is no scan, or is over a limit, is refused here, before anything is decoded.
package ingest

import (
	"context"
	"errors"
	"fmt"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/pipeline/internal/take"
)

// Reader looks at a document without drawing it.
type Reader interface {
	Inspect(context.Context, core.InspectCall) (core.Inspection, error)
}

// Stage is the ingest stage.
type Stage struct {
	store  take.Store
	reader Reader
}

// New makes the stage.
func New(store take.Store, reader Reader) *Stage { return &Stage{store, reader} }

// Run inspects every input of the job. The result is a core.DocumentIngested.
func (s *Stage) Run(ctx context.Context, t core.Task) (core.Result, error) {
	var result core.DocumentIngested
	pages := 0
	for _, f := range t.Document.Inputs {
		in, err := s.inspect(ctx, f, t.Options)
		if err != nil {
			return nil, about(f, len(t.Document.Inputs), err)
		}
		if pages += len(in.Pages); pages > t.Options.Limits.WithDefaults().Pages {
			return nil, core.Refuse(core.CodeOverLimit, "split the document, or raise limits.pages in the profile",
				"the document has more than %d pages", t.Options.Limits.WithDefaults().Pages)
		}
		result.Inputs = append(result.Inputs, in)
	}
	return result, nil
}

func (s *Stage) inspect(ctx context.Context, f core.File, o core.Options) (core.Inspection, error) {
	source, err := take.Source(s.store, f)
	if err != nil {
		return core.Inspection{}, err
	}
	if source.Media, err = sniffFile(source.Path); err != nil {
		return core.Inspection{}, err
	}
	in, err := s.reader.Inspect(ctx, core.InspectCall{Input: source, Options: o})
	if err != nil {
		return core.Inspection{}, err
	}
	in.Media = source.Media
	return in, check(in, o.Limits)
}

// check refuses an inspection that cannot be true and pages that are too large.
func check(in core.Inspection, l core.Limits) error {
	if len(in.Pages) == 0 {
		return core.Refuse(core.CodeDamaged, "scan it again", "it has no page")
	}
	if (in.PDF != nil) != (in.Media == mediaPDF) {
		return take.Bad("it speaks of a PDF where the file is %s", in.Media)
	}
	for n, p := range in.Pages {
		if err := checkPage(p, l); err != nil {
			f := core.AsFailure(err)
			f.Detail = fmt.Sprintf("page %d: %s", n+1, f.Detail)
			return &f
		}
	}
	return nil
}

// maxPoints is the longest side of a PDF page: 381 km, what PDF itself allows with
// the largest user unit.
const maxPoints = 14_400 * 75_000

func checkPage(p core.PageInfo, l core.Limits) error {
	if p.Width != 0 || p.Height != 0 || p.WidthPt == 0 {
		if err := take.Pixels(p.Width, p.Height, l); err != nil {
			return err
		}
	}
	if !(p.WidthPt >= 0 && p.WidthPt <= maxPoints && p.HeightPt >= 0 && p.HeightPt <= maxPoints) {
		return take.Bad("a page of %v x %v points", p.WidthPt, p.HeightPt)
	}
	if p.XDPI != 0 || p.YDPI != 0 {
		return take.DPI(p.XDPI, p.YDPI)
	}
	return nil
}

// about names the input in the error, where there are several.
func about(f core.File, inputs int, err error) error {
	var failure *core.Failure
	if inputs == 1 || !errors.As(err, &failure) {
		return err
	}
	named := *failure
	named.Detail = fmt.Sprintf("file %q: %s", f.Name, failure.Detail)
	return &named
}
