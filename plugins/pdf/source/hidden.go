package source

import (
	"context"
	"strings"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"

	"github.com/twinleaf-scan/twinleaf/plugins/pdf/content"
	"github.com/twinleaf-scan/twinleaf/plugins/pdf/textlayer"
)

// WithoutHidden gives the content of a page less its invisible text, and how many
// operators were taken out. It takes out show operators and whole forms; a form
// that also shows something stays, and so does text that a picture covers.
func (f *File) WithoutHidden(ctx context.Context, p Page, b *Budget) ([]byte, int, error) {
	body, err := f.Content(p)
	if err != nil {
		return nil, 0, err
	}
	forms := f.Dict(p.Resources["XObject"])
	known := map[string]bool{}
	body, n := content.StripHidden(body, func(name string) bool {
		if _, ok := known[name]; !ok {
			known[name] = f.onlyHidden(ctx, forms[name], p, b)
		}
		return known[name]
	})
	return body, n, nil
}

// MarksLeft is what the page paints when WithoutHidden has done what it can; m is
// what it paints now. Content that cannot be read is left as it is.
func (f *File) MarksLeft(ctx context.Context, p Page, m Marks, b *Budget) (Marks, error) {
	if m.Hidden == 0 || b.Bytes <= 0 || b.Ops <= 0 {
		return m, ctx.Err()
	}
	body, n, err := f.WithoutHidden(ctx, p, b)
	if err != nil || n == 0 {
		return m, ctx.Err()
	}
	return f.follow(ctx, p, body, b)
}

// onlyHidden reports whether o is a form that paints nothing but invisible text.
func (f *File) onlyHidden(ctx context.Context, o types.Object, p Page, b *Budget) bool {
	s, ok := f.Stream(o)
	if !ok || f.Name(s.Dict["Subtype"]) != "Form" || b.Bytes <= 0 || b.Ops <= 0 {
		return false
	}
	w := newMarker(ctx, f, p, b)
	defer w.spend(b)()
	r := runner{marker: w, resources: p.Resources, state: state{matrix: identity, clip: p.Box}}
	r.form(o, s)
	m := w.marks
	return !m.Partial && m.Hidden > 0 && m.Visible == 0 && m.Other == 0 && len(m.Images) == 0
}

// ownFont reports whether a font is that of our text layer. Programs that work on
// a PDF keep its name, perhaps behind the tag of a subset, e.g. ABCDEF+.
func (f *File) ownFont(font types.Dict) bool {
	name := f.Name(font["BaseFont"])
	if tag, rest, ok := strings.Cut(name, "+"); ok && len(tag) == 6 {
		name = rest
	}
	return name == textlayer.FontName
}
