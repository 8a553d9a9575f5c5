// Package clean is the third stage: it asks a filter whether a page is blank, which
// way up it is and how skewed, and takes the image that the filter prepared for
// recognition. What is shown stays the scan.
package clean

import (
	"context"
	"math"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/pipeline/internal/take"
)

// Filter looks at a page image.
type Filter interface {
	Clean(context.Context, core.CleanCall) (core.PageClean, error)
}

// Stage is the clean stage.
type Stage struct {
	store  take.Store
	filter Filter
}

// New makes the stage.
func New(store take.Store, filter Filter) *Stage { return &Stage{store, filter} }

// Run gives a core.PageCleaned with the size of the image to recognise filled in.
func (s *Stage) Run(ctx context.Context, t core.Task) (core.Result, error) {
	work, err := take.Begin(s.store)
	if err != nil {
		return nil, err
	}
	defer work.End()
	image, err := work.Source(t.Image.Image)
	if err != nil {
		return nil, err
	}
	c, err := s.filter.Clean(ctx, core.CleanCall{Image: image, Page: t.Image, Options: t.Options, Dir: work.Dir})
	if err != nil {
		return nil, err
	}
	if c.Image == nil && c.Width == 0 && c.Height == 0 {
		c.Width, c.Height = t.Image.Width, t.Image.Height
	}
	if err := check(c, t); err != nil {
		return nil, err
	}
	if c.Image != nil {
		f := *c.Image
		if err := work.File(ctx, &f, take.ImageBytes(t.Options.Limits)); err != nil {
			return nil, err
		}
		c.Image = &f
	}
	return core.PageCleaned{Page: t.Page, Clean: c}, nil
}

func check(c core.PageClean, t core.Task) error {
	switch {
	case c.Turn != 0 && c.Turn != 90 && c.Turn != 180 && c.Turn != 270:
		return take.Bad("a turn by %d degrees", c.Turn)
	case !(math.Abs(c.Skew) <= 45):
		return take.Bad("a skew of %v degrees", c.Skew)
	case !(math.Abs(c.Deskew) <= 45):
		return take.Bad("a deskew by %v degrees", c.Deskew)
	case c.Scale != 0 && !(c.Scale >= 0.01 && c.Scale <= 8):
		return take.Bad("a scale of %v", c.Scale)
	case c.Image == nil && !c.Blank && (c.Turn != 0 || c.Deskew != 0 || c.Scale != 0 && c.Scale != 1):
		return take.Bad("a turned or scaled page without its image")
	}
	if err := take.Pixels(c.Width, c.Height, t.Options.Limits); err != nil {
		return err
	}
	if c.Image == nil {
		return nil
	}
	return checkSize(c, t.Image)
}

// checkSize makes sure that boxes in the new image can be carried back to the old one.
func checkSize(c core.PageClean, i core.PageImage) error {
	w, h := c.Upright(i)
	sin, cos := math.Sincos(math.Abs(c.Deskew) * math.Pi / 180)
	w, h = w*cos+h*sin, h*cos+w*sin
	if math.Abs(w-float64(c.Width)) > 4 || math.Abs(h-float64(c.Height)) > 4 {
		return take.Bad("an image of %d x %d pixels made of one of %d x %d by a turn of %d, a deskew of %v and a scale of %v",
			c.Width, c.Height, i.Width, i.Height, c.Turn, c.Deskew, c.Scale)
	}
	return nil
}
