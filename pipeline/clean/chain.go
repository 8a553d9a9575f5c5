package clean

import (
	"cmp"
	"context"
	"os"
	"strings"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/pipeline/internal/take"
)

// chain is what the filters have found so far, as one finding about the scan.
type chain struct {
	task  core.Task
	works []*take.Work
	page  core.PageImage // the image as it is now, for the next filter
	got   core.PageClean // about the scan
	by    []string

	image, shown    *made  // nil: the rasterized image serves
	leveller, shows string // the filters that levelled the page and that gave the image to show
}

// made is a file of one filter's answer, which becomes a blob at the end, if it is still
// wanted then.
type made struct {
	work *take.Work
	file core.File
	kept bool // file has its Ref
}

// maxCodes and maxBy bound what is kept of one page.
const (
	maxCodes = 100
	maxBy    = 300 // bytes
)

// source is the image for the next filter.
func (c *chain) source(work *take.Work) (core.Source, error) {
	if c.image == nil {
		return work.Source(c.task.Image.Image)
	}
	return c.image.work.Between(c.image.file, take.ImageBytes(c.task.Options.Limits))
}

// add takes in what a filter found in the image in. Turns, levelling and scales of
// several filters are one, for turns about the centre may change places; but two
// frames of levelled pages cannot be told as one.
func (c *chain) add(f core.PageClean, work *take.Work, in core.Source, step core.Step) error {
	who := cmp.Or(f.By, step.String())
	if err := c.possible(f, who); err != nil {
		return err
	}
	if f.Skew != 0 {
		c.got.Skew = f.Skew + c.got.Deskew
	}
	c.got.Blank = c.got.Blank || f.Blank
	c.got.Separator = c.got.Separator || f.Separator
	c.got.Codes = append(c.got.Codes, f.Codes[:min(len(f.Codes), maxCodes-len(c.got.Codes))]...)
	if f.By != "" {
		c.by = append(c.by, f.By)
	}
	if f.Image != nil {
		c.got.Turn = (c.got.Turn + f.Turn) % 360
		c.got.Scale = cmp.Or(c.got.Scale, 1) * cmp.Or(f.Scale, 1)
		if f.Deskew != 0 {
			c.got.Deskew, c.leveller = f.Deskew, who
		}
		c.image = c.same(&made{work: work, file: *f.Image}, in)
		c.page = seen(c.page, f)
	}
	if f.Shown != nil && !c.task.Graft {
		c.shown, c.shows = c.same(&made{work: work, file: *f.Shown}, in), who
	}
	return nil
}

// possible refuses a finding that cannot be told together with those before.
func (c *chain) possible(f core.PageClean, who string) error {
	switch {
	case f.Deskew != 0 && c.got.Deskew != 0:
		return core.Refuse(core.CodeBadRequest, "switch levelling off in the settings of one of them, in the filters of the profile",
			"the filters %s and %s both level the page", c.leveller, who)
	case c.shown != nil && f.Shown == nil && (f.Turn != 0 || f.Deskew != 0):
		return core.Refuse(core.CodeBadRequest, "let the filter whose image is shown come last in the profile",
			"the filter %s turns a page of which %s gave the image to show", who, c.shows)
	case scale(c.got)*scale(f) < minScale, scale(c.got)*scale(f) > maxScale:
		return take.Bad("a scale of %v, after one of %v", f.Scale, c.got.Scale)
	}
	return nil
}

func scale(c core.PageClean) float64 { return cmp.Or(c.Scale, 1) }

// seen is the image that a filter made of page.
func seen(page core.PageImage, f core.PageClean) core.PageImage {
	page.Width, page.Height = f.Width, f.Height
	if f.Turn%180 != 0 {
		page.XDPI, page.YDPI = page.YDPI, page.XDPI
	}
	page.XDPI, page.YDPI = page.XDPI*scale(f), page.YDPI*scale(f)
	page.Shown, page.Orient, page.Unchanged = nil, 0, false
	return page
}

// same is m, or the image that the filter was given where its answer is that image again.
func (c *chain) same(m *made, in core.Source) *made {
	if c.image == nil {
		return m // the store sees that a file is a blob already
	}
	path, err := m.work.Path(&m.file)
	if err != nil {
		return m // refused when it is taken
	}
	own, err1 := os.Lstat(path)
	old, err2 := os.Lstat(in.Path)
	if err1 == nil && err2 == nil && os.SameFile(own, old) && os.Remove(path) == nil {
		return c.image
	}
	return m
}

// result is the finding about the scan, with its files as blobs.
func (c *chain) result(ctx context.Context) (core.PageClean, error) {
	out := c.got
	out.Width, out.Height = c.page.Width, c.page.Height
	if out.Scale == 1 {
		out.Scale = 0
	}
	out.By = names(c.by)
	var err error
	if out.Image, err = c.keep(ctx, c.image); err != nil {
		return out, err
	}
	out.Shown, err = c.keep(ctx, c.shown)
	return out, err
}

func (c *chain) keep(ctx context.Context, m *made) (*core.File, error) {
	if m == nil {
		return nil, nil
	}
	if !m.kept {
		if err := m.work.File(ctx, &m.file, take.ImageBytes(c.task.Options.Limits)); err != nil {
			return nil, err
		}
		m.kept = true
	}
	f := m.file
	return &f, nil
}

// names joins who worked on the page, without the last ones where that is too long.
func names(by []string) string {
	text := strings.Join(by, core.ByComma)
	for len(text) > maxBy && len(by) > 1 {
		by = by[:len(by)-1]
		text = strings.Join(by, core.ByComma)
	}
	return text
}
