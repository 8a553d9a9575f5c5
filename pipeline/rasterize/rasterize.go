// Package rasterize is the second stage: it asks a reader for one page of a
// document as an image, and checks what comes back. Where the page is one image the
// reader takes that out of the document unchanged.
package rasterize

import (
	"context"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/pipeline/internal/take"
)

// Reader gives one page as an image.
type Reader interface {
	Page(context.Context, core.PageCall) (core.PageImage, error)
}

// Stage is the rasterize stage.
type Stage struct {
	store  take.Store
	reader Reader
}

// New makes the stage.
func New(store take.Store, reader Reader) *Stage { return &Stage{store, reader} }

// Run gives a core.PageRasterized whose files are blobs.
func (s *Stage) Run(ctx context.Context, t core.Task) (core.Result, error) {
	work, err := take.Begin(s.store)
	if err != nil {
		return nil, err
	}
	defer work.End()
	input, err := work.Source(t.Input)
	if err != nil {
		return nil, err
	}
	image, err := s.reader.Page(ctx, core.PageCall{
		Input: input, Page: t.InputPage, Info: t.Info, Graft: t.Graft, Options: t.Options, Dir: work.Dir,
	})
	if err != nil {
		return nil, err
	}
	if err := check(image, t.Options.Limits); err != nil {
		return nil, err
	}
	limit := take.ImageBytes(t.Options.Limits)
	if image.Shown != nil {
		shown := *image.Shown
		if err := work.File(ctx, &shown, limit+input.Size); err != nil {
			return nil, err
		}
		image.Shown = &shown
	}
	if err := work.File(ctx, &image.Image, limit+input.Size); err != nil {
		return nil, err
	}
	return core.PageRasterized{Page: t.Page, Image: image}, nil
}

func check(i core.PageImage, l core.Limits) error {
	if err := take.Pixels(i.Width, i.Height, l); err != nil {
		return err
	}
	if i.Orient < 0 || i.Orient > 8 {
		return take.Bad("an orientation of %d, which is not 0 to 8", i.Orient)
	}
	if i.Orient > 1 && i.Shown == nil {
		return take.Bad("an orientation of %d for an image that is not there", i.Orient)
	}
	return take.DPI(i.XDPI, i.YDPI)
}
