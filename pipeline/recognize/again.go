package recognize

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/pipeline/internal/take"
	"github.com/twinleaf-scan/twinleaf/pipeline/reuse"
	"github.com/twinleaf-scan/twinleaf/sdk/ocr"
)

// question is all that a recognizer is told of a page.
type question struct {
	Image     core.Ref
	DPI       float64
	Languages []string
	Pages     int
	Pixels    int64
	Bytes     int64
}

// Question is the question that the stage asks a memory about an image of a resolution.
// Of the options only languages and limits count.
func Question(ctx context.Context, m *reuse.Memory, s core.Step, image core.Ref, dpi float64, o core.Options) *reuse.Question {
	o = o.WithDefaults()
	return m.Ask(ctx, core.StepRecognizer, []core.Step{s}, question{image, dpi, o.Languages, o.Limits.Pages, o.Limits.Pixels, o.Limits.Bytes})
}

// keep keeps what a recognizer answered.
func keep(ctx context.Context, q *reuse.Question, image core.Ref, answer core.PageText, work *take.Work) {
	if !q.Wanted() {
		return
	}
	path, err := work.Path(&answer.Text)
	if err != nil {
		return
	}
	data, err := os.ReadFile(path)
	if err != nil || len(data) > ocr.MaxJSON {
		return
	}
	found, err := json.Marshal(answer)
	if err != nil {
		return
	}
	kept := reuse.Answer{Found: found, Files: map[string][]byte{answer.Text.Name: data}}
	if answer.Basis != "" {
		q.KeepOf(answer.Basis, kept)
		return
	}
	q.Keep(ctx, image, kept)
}

// again takes an answer that was kept as if it had just been given.
func (s *Stage) again(ctx context.Context, t core.Task, kept reuse.Answer) (core.Result, error) {
	work, err := take.Begin(s.store)
	if err != nil {
		return nil, err
	}
	defer work.End()
	var text core.PageText
	if err := json.Unmarshal(kept.Found, &text); err != nil {
		return nil, fmt.Errorf("kept text: %w", err)
	}
	if _, err := work.Path(&text.Text); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(work.Dir, text.Text.Name), kept.Files[text.Text.Name], 0o600); err != nil {
		return nil, err
	}
	text.Cached = true
	return finish(ctx, text, t, work, func() {})
}
