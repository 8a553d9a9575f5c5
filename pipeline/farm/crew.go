package farm

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/pipeline/recognize"
	"github.com/twinleaf-scan/twinleaf/pipeline/reuse"
	"github.com/twinleaf-scan/twinleaf/sdk/ocr"
)

// Crew reads pages for another server, with this one's engine and what this one keeps of
// its answers. Its methods may be called from any goroutine; how many pages it has at once
// is for its caller to bound.
type Crew struct {
	local  recognize.Recognizer
	bases  *bases
	memory *reuse.Memory
	temp   func() (dir string, remove func(), err error)
}

// Answering makes a crew. What memory has is not read again, and what is read is kept for
// the question that this server's own stage would ask; nil: nothing is. temp makes a folder
// that plug-ins may write into, as blob.Store does.
func Answering(local recognize.Recognizer, basis Basis, memory *reuse.Memory, temp func() (string, func(), error)) *Crew {
	return &Crew{local: local, bases: newBases(basis), memory: memory, temp: temp}
}

// Answer reads the page of a task, whose image lies at path with the content that
// Task.Image.Ref says: that is for the caller to make sure. The error is ErrBasis when this
// server's engine is another one than the asker's.
func (c *Crew) Answer(ctx context.Context, t Task, path string) (Answer, error) {
	if err := c.Check(ctx, t); err != nil {
		return Answer{}, err
	}
	q := recognize.Question(ctx, c.memory, t.Step, t.Image.Ref, t.DPI, t.Options)
	if kept, ok := q.Recall(ctx); ok {
		if a, err := remembered(kept); err == nil {
			return a, nil
		}
		q.Useless()
	}
	defer q.End()
	dir, remove, err := c.temp()
	if err != nil {
		return Answer{}, err
	}
	defer remove()
	text, err := c.local.Recognize(ctx, core.RecognizeCall{
		Job: t.Job, Step: t.Step, Image: core.Source{File: t.Image, Path: path}, DPI: t.DPI, Options: t.Options, Dir: dir,
	})
	if err != nil {
		return Answer{}, err
	}
	a, err := read(text, dir)
	if err != nil {
		return Answer{}, err
	}
	on, err := c.bases.now(ctx, t.Step, string(t.Image.Ref)) // the engine may be another one by now
	if err = agree(t, on, err); err != nil {
		return Answer{}, err
	}
	if q.Wanted() {
		if found, err := json.Marshal(a.Text); err == nil {
			q.KeepOf(on, reuse.Answer{Found: found, Files: map[string][]byte{a.Text.Text.Name: a.Page}})
		}
	}
	return a, nil
}

// Check says whether Answer would read a page at all, so that no image is fetched in vain:
// ErrBasis when the engine is another one, or why it is not known what this one's is.
func (c *Crew) Check(ctx context.Context, t Task) error {
	if err := t.check(); err != nil {
		return err
	}
	on, err := c.bases.on(ctx, t.Step, string(t.Image.Ref))
	return agree(t, on, err)
}

// agree says whether a basis, or why there is none, does for a task.
func agree(t Task, on string, err error) error {
	if err != nil {
		return fmt.Errorf("find out what the engine is: %w", err)
	}
	if shared(on) != t.Basis {
		return ErrBasis
	}
	return nil
}

// remembered is an answer that was kept.
func remembered(kept reuse.Answer) (Answer, error) {
	var a Answer
	if err := json.Unmarshal(kept.Found, &a.Text); err != nil {
		return Answer{}, err
	}
	a.Text.Text.Ref, a.Text.Text.Size, a.Text.Cached = "", 0, true
	a.Page = kept.Files[a.Text.Text.Name]
	return a, a.check(core.RecognizeCall{})
}

// read takes the file of an answer that a plug-in just gave.
func read(text core.PageText, dir string) (Answer, error) {
	a := Answer{Text: text}
	name := text.Text.Name
	if !plain(name) {
		return Answer{}, fmt.Errorf("the plug-in's file %.80q is no plain name", name)
	}
	path := filepath.Join(dir, name)
	if info, err := os.Lstat(path); err != nil || !info.Mode().IsRegular() {
		return Answer{}, fmt.Errorf("the plug-in's file %q is not there or no regular file", name)
	}
	f, err := os.Open(path)
	if err != nil {
		return Answer{}, err
	}
	defer f.Close()
	if a.Page, err = io.ReadAll(io.LimitReader(f, ocr.MaxJSON+1)); err != nil {
		return Answer{}, err
	}
	return a, a.check(core.RecognizeCall{})
}
