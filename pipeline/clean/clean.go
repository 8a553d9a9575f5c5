// Package clean is the third stage: it asks the filters of the profile, one after the
// other, whether a page is blank or a separator sheet, which way up it is and how
// skewed, and takes the image that they prepared for recognition. What is shown stays
// the scan, unless a filter was told to give another.
package clean

import (
	"context"
	"math"
	"slices"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/pipeline/internal/take"
	"github.com/twinleaf-scan/twinleaf/pipeline/reuse"
)

// Filter looks at a page image.
type Filter interface {
	Clean(context.Context, core.CleanCall) (core.PageClean, error)
}

// Stage is the clean stage.
type Stage struct {
	store  take.Store
	filter Filter
	memory *reuse.Memory // nil: nothing is kept
}

// New makes the stage.
func New(store take.Store, filter Filter) *Stage { return &Stage{store: store, filter: filter} }

// Reusing gives again what the filters found before in the same image. It is said before
// the first Run.
func (s *Stage) Reusing(m *reuse.Memory) *Stage {
	s.memory = m
	return s
}

// Run gives a core.PageCleaned with the size of the image to recognise filled in. Each
// filter gets the image of the one before. After a blank page the filters behind are
// asked only where one of them may find a separator sheet, which can be nearly empty.
func (s *Stage) Run(ctx context.Context, t core.Task) (core.Result, error) {
	q := s.memory.Ask(ctx, core.StepFilter, t.Options.FilterSteps(), questionOf(t))
	defer q.End()
	if kept, ok := q.Recall(ctx); ok {
		found, err := s.again(ctx, t, kept)
		if err == nil {
			return core.PageCleaned{Page: t.Page, Clean: found}, nil
		}
		if ctx.Err() != nil {
			return nil, err
		}
		q.Useless()
	}
	found, err := s.found(ctx, t)
	if err != nil {
		return nil, err
	}
	s.keep(ctx, q, t, found)
	return core.PageCleaned{Page: t.Page, Clean: found}, nil
}

// found asks the filters.
func (s *Stage) found(ctx context.Context, t core.Task) (core.PageClean, error) {
	c := chain{task: t, page: t.Image}
	defer func() {
		for _, w := range c.works {
			w.End()
		}
	}()
	for _, step := range t.Options.FilterSteps() {
		if err := s.ask(ctx, step, &c); err != nil {
			return core.PageClean{}, err
		}
		if c.got.Blank && !separates(t.Options) {
			break
		}
	}
	return c.result(ctx)
}

func separates(o core.Options) bool {
	return o.Split != nil && slices.Contains(o.Split.At, core.SplitSeparator)
}

// ask lets one filter look at the image as it is after those before.
func (s *Stage) ask(ctx context.Context, step core.Step, c *chain) error {
	work, err := take.Begin(s.store)
	if err != nil {
		return err
	}
	c.works = append(c.works, work)
	image, err := c.source(work)
	if err != nil {
		return err
	}
	found, err := s.filter.Clean(ctx, core.CleanCall{Job: c.task.Job, Step: step, Image: image, Page: c.page, Options: c.task.Options, Dir: work.Dir})
	if err != nil {
		return err
	}
	if found.Image == nil {
		found.Width, found.Height = c.page.Width, c.page.Height
	}
	if err := check(found, c.page, c.task.Options.Limits); err != nil {
		return err
	}
	return c.add(found, work, image, step)
}

// check holds what one filter found against the image i that it was given.
func check(c core.PageClean, i core.PageImage, l core.Limits) error {
	switch {
	case c.Turn != 0 && c.Turn != 90 && c.Turn != 180 && c.Turn != 270:
		return take.Bad("a turn by %d degrees", c.Turn)
	case !(math.Abs(c.Skew) <= 45):
		return take.Bad("a skew of %v degrees", c.Skew)
	case !(math.Abs(c.Deskew) <= 45):
		return take.Bad("a deskew by %v degrees", c.Deskew)
	case c.Scale != 0 && !(c.Scale >= minScale && c.Scale <= maxScale):
		return take.Bad("a scale of %v", c.Scale)
	case c.Image == nil && !c.Blank && (c.Turn != 0 || c.Deskew != 0 || c.Scale != 0 && c.Scale != 1):
		return take.Bad("a turned or scaled page without its image")
	}
	if err := take.Pixels(c.Width, c.Height, l); err != nil {
		return err
	}
	if c.Image == nil {
		return nil
	}
	return checkSize(c, i)
}

// Scales of one filter and of all together.
const minScale, maxScale = 0.01, 8

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
