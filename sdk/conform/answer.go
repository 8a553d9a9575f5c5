package conform

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"

	"github.com/twinleaf-scan/twinleaf/sdk"
	"github.com/twinleaf-scan/twinleaf/sdk/ocr"
)

// Bounds of an answer; a server has the same.
const (
	maxOutput = 8 << 30
	maxFields = 1000
	maxCodes  = 100
)

// taken are the files of an answer, checked.
type taken struct {
	place  Place
	inputs []string // paths that may be answered with, unchanged
	files  map[string]string
}

// right checks an answer as the server does, and what its author would want to know.
func (p Place) right(op string, args, raw []byte) (*taken, error) {
	t := &taken{place: p, inputs: inputsOf(args), files: map[string]string{}}
	var err error
	switch op {
	case sdk.OpInspect:
		err = decoded(raw, t.inspection)
	case sdk.OpPage:
		err = decoded(raw, t.pageImage)
	case sdk.OpText, sdk.OpRecognize:
		err = decoded(raw, t.text)
	case sdk.OpClean:
		err = decoded(raw, t.filtered)
	case sdk.OpIndex:
		err = decoded(raw, t.metadata)
	case sdk.OpAssemble:
		err = decoded(raw, t.assembled)
	case sdk.OpDeliver:
		err = decoded(raw, func(sdk.Receipt) error { return nil })
	default:
		err = fail("", "there is no operation %q", op)
	}
	if err != nil {
		return nil, err
	}
	return t, p.outside()
}

// decoded reads an answer strictly: a misspelt field would be lost without a word.
func decoded[Answer any](raw []byte, check func(Answer) error) error {
	var a Answer
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&a); err != nil {
		return fail("see the table of operations in PLUGINS.md", "the answer is not of the right form: %v", err)
	}
	return check(a)
}

// inputsOf are the paths that a request names.
func inputsOf(args []byte) []string {
	var tree any
	_ = json.Unmarshal(args, &tree) // it was made here
	var all []string
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			if path, ok := v["path"].(string); ok {
				all = append(all, path)
			}
			for _, value := range v {
				walk(value)
			}
		case []any:
			for _, value := range v {
				walk(value)
			}
		}
	}
	walk(tree)
	return all
}

func (t *taken) file(what string, f sdk.File) error {
	const hint = "answer with files made at sdk.Out(ctx, name), or with an input unchanged"
	if slices.Contains(t.inputs, f.Path) {
		return nil
	}
	if f.Path == "" || filepath.Dir(f.Path) != t.place.Out {
		return fail(hint, "%s: %q is outside the output folder", what, f.Path)
	}
	info, err := os.Lstat(f.Path)
	switch {
	case err != nil:
		return fail(hint, "%s: the file that the answer names is not there: %v", what, err)
	case !info.Mode().IsRegular():
		return fail("a server takes no links, pipes or folders", "%s: %s is not a plain file", what, filepath.Base(f.Path))
	case names(info) != 1:
		return fail("copy the file instead of linking it", "%s: %s has %d names, not one", what, filepath.Base(f.Path), names(info))
	case info.Size() > maxOutput:
		return fail("", "%s: %s has %d bytes", what, filepath.Base(f.Path), info.Size())
	}
	name := f.Name
	if name == "" || name != filepath.Base(name) {
		name = filepath.Base(f.Path)
	}
	t.files[name] = f.Path
	return nil
}

func (t *taken) inspection(i sdk.Inspection) error {
	for n, p := range i.Pages {
		if p.Width < 0 || p.Height < 0 || bad(p.XDPI, p.YDPI, p.WidthPt, p.HeightPt) {
			return fail("", "page %d: sizes and resolutions are 0 (unknown) or more, got %+v", n+1, p)
		}
	}
	if len(i.Pages) == 0 {
		return fail("refuse a document without pages: sdk.Refuse(\"damaged\", …)", "the inspection finds no pages")
	}
	return nil
}

func (t *taken) pageImage(p sdk.PageImage) error {
	if p.Width < 1 || p.Height < 1 || !(p.XDPI > 0) || !(p.YDPI > 0) || bad(p.XDPI, p.YDPI) {
		return fail("say 300 dpi where nothing is known", "a page image has a size and a resolution, got %d x %d at %v x %v dpi", p.Width, p.Height, p.XDPI, p.YDPI)
	}
	if p.Orient < 0 || p.Orient > 8 {
		return fail("", "orient is an EXIF orientation, 1 to 8, got %d", p.Orient)
	}
	if err := t.file("image", p.Image); err != nil || p.Shown == nil {
		return err
	}
	return t.file("shown", *p.Shown)
}

func (t *taken) text(x sdk.Text) error {
	if bad(x.Confidence) || x.Confidence > 100 || x.Words < 0 {
		return fail("", "confidence is 0 to 100, got %v, and words are counted, got %d", x.Confidence, x.Words)
	}
	if bad(x.EngineSeconds) {
		return fail("leave it out where it is not known", "engineSeconds is processor time, 0 or more, got %v", x.EngineSeconds)
	}
	if err := t.file("text", x.Text); err != nil {
		return err
	}
	f, err := os.Open(x.Text.Path)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := ocr.Decode(f, ocr.MaxJSON); err != nil {
		return fail("the text is the JSON of a page of package ocr", "text: %v", err)
	}
	return nil
}

func (t *taken) filtered(f sdk.Filtered) error {
	if !slices.Contains([]int{0, 90, 180, 270}, f.Turn) || bad(f.Scale) || math.IsNaN(f.Skew+f.Deskew) {
		return fail("turn is 0, 90, 180 or 270", "turn %d, scale %v, skew %v, deskew %v", f.Turn, f.Scale, f.Skew, f.Deskew)
	}
	if len(f.Codes) > maxCodes {
		return fail("", "%d codes on a page, more than %d", len(f.Codes), maxCodes)
	}
	if f.Shown != nil {
		if err := t.file("shown", *f.Shown); err != nil {
			return err
		}
	}
	if f.Image == nil {
		return nil
	}
	if f.Width < 1 || f.Height < 1 {
		return fail("say how large the new image is", "an image of %d x %d pixels", f.Width, f.Height)
	}
	return t.file("image", *f.Image)
}

func (t *taken) metadata(m sdk.Metadata) error {
	if len(m.Fields) > maxFields {
		return fail("", "%d fields, more than %d", len(m.Fields), maxFields)
	}
	return nil
}

func (t *taken) assembled(a sdk.Assembled) error {
	for i, made := range a.Outputs {
		if made.Kind == "" {
			return fail("kind is pdf, text, hocr, alto or a word of your own", "output %d has no kind", i+1)
		}
		if err := t.file("output "+made.Kind, made.File); err != nil {
			return err
		}
	}
	return nil
}

func bad(all ...float64) bool {
	return slices.ContainsFunc(all, func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) || v < 0 })
}

// outside checks that nothing was made beside the folders of the process.
func (p Place) outside() error {
	entries, err := os.ReadDir(p.Dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !slices.Contains([]string{"in", "out", "tmp", "s"}, e.Name()) {
			return fail("write to sdk.Out and sdk.TempDir only", "it made %s, outside its folders", e.Name())
		}
	}
	return nil
}

// unchanged checks that the inputs are as they were.
func (p Place) unchanged(k Case) error {
	entries, err := os.ReadDir(p.In)
	if err != nil {
		return err
	}
	for _, e := range entries {
		want, ours := k.Files[e.Name()]
		if e.Name() == "document.json" {
			continue
		}
		got, err := os.ReadFile(filepath.Join(p.In, e.Name()))
		if !ours || err != nil || !bytes.Equal(got, want) {
			return fail("inputs are read only; copy one to change it", "the input %s was made or changed by the call", e.Name())
		}
	}
	return nil
}

// alike says where an answer differs from what is wanted; empty: nowhere.
func alike(want, got any, at string) string {
	w, ok := want.(map[string]any)
	if !ok {
		return differs(want, got, at)
	}
	g, ok := got.(map[string]any)
	if !ok {
		return fmt.Sprintf("%s: got %s, want an object", place(at), short(got))
	}
	for name := range w {
		if d := alike(w[name], g[name], at+"/"+name); d != "" {
			return d
		}
	}
	return ""
}

func differs(want, got any, at string) string {
	if w, ok := want.([]any); ok {
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			return fmt.Sprintf("%s: got %s, want %s", place(at), short(got), short(want))
		}
		for i := range w {
			if d := alike(w[i], g[i], fmt.Sprintf("%s/%d", at, i)); d != "" {
				return d
			}
		}
		return ""
	}
	if want != got {
		return fmt.Sprintf("%s: got %s, want %s", place(at), short(got), short(want))
	}
	return ""
}

func place(at string) string {
	if at == "" {
		return "the answer"
	}
	return at
}

func short(v any) string {
	raw, _ := json.Marshal(v)
	if len(raw) > 200 {
		return string(raw[:200]) + "…"
	}
	return string(raw)
}
