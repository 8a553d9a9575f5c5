package clean

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/pipeline/internal/take"
	"github.com/twinleaf-scan/twinleaf/pipeline/reuse"
)

// question is all that the filters are told of a page, and what is done with their answers.
type question struct {
	Image         core.Ref
	Width, Height int
	XDPI, YDPI    float64
	Graft         bool
	Separates     bool
	Pages         int
	Pixels        int64
	Bytes         int64
}

func questionOf(t core.Task) question {
	i, l := t.Image, t.Options.Limits.WithDefaults()
	return question{i.Image.Ref, i.Width, i.Height, i.XDPI, i.YDPI, t.Graft, separates(t.Options), l.Pages, l.Pixels, l.Bytes}
}

// maxKept bounds the images of one finding that is kept, in bytes: an upright page of one
// bit a pixel has a hundredth of it.
const maxKept = 8 << 20

// keep keeps what the filters found, with the images that they made, by their refs.
func (s *Stage) keep(ctx context.Context, q *reuse.Question, t core.Task, found core.PageClean) {
	if !q.Wanted() {
		return
	}
	a := reuse.Answer{Files: map[string][]byte{}}
	room := int64(maxKept)
	for _, f := range []*core.File{found.Image, found.Shown} {
		if f == nil || f.Ref == t.Image.Image.Ref || a.Files[string(f.Ref)] != nil {
			continue
		}
		if room -= f.Size; room < 0 {
			return
		}
		path, err := s.store.Path(f.Ref)
		if err != nil {
			return
		}
		if a.Files[string(f.Ref)], err = os.ReadFile(path); err != nil {
			return
		}
	}
	var err error
	if a.Found, err = json.Marshal(found); err == nil {
		q.Keep(ctx, t.Image.Image.Ref, a)
	}
}

// again takes a finding that was kept as if it had just been made.
func (s *Stage) again(ctx context.Context, t core.Task, kept reuse.Answer) (core.PageClean, error) {
	var found core.PageClean
	if err := json.Unmarshal(kept.Found, &found); err != nil {
		return found, fmt.Errorf("kept finding: %w", err)
	}
	if err := check(found, t.Image, t.Options.Limits); err != nil {
		return found, err
	}
	work, err := take.Begin(s.store)
	if err != nil {
		return found, err
	}
	defer work.End()
	if _, err := work.Source(t.Image.Image); err != nil {
		return found, err
	}
	for _, f := range []*core.File{found.Image, found.Shown} {
		if f == nil || f.Ref == t.Image.Image.Ref {
			continue
		}
		made := core.File{Name: string(f.Ref)}
		if err := os.WriteFile(filepath.Join(work.Dir, filepath.Base(made.Name)), kept.Files[made.Name], 0o600); err != nil {
			return found, err
		}
		if err := work.File(ctx, &made, take.ImageBytes(t.Options.Limits)); err != nil {
			return found, err
		}
		if made.Ref != f.Ref || made.Size != f.Size {
			return found, fmt.Errorf("kept finding: an image %s is %s", f.Ref, made.Ref)
		}
	}
	found.Cached = true
	return found, nil
}
