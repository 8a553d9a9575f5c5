package graft

import (
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"

	"github.com/twinleaf-scan/twinleaf/plugins/pdf/content"
	"github.com/twinleaf-scan/twinleaf/plugins/pdf/source"
)

const modeRedo = "redo"

// contents gives the content streams of a page: the file's own or, where old
// invisible text goes, one new stream, so that pages that share a stream keep theirs.
func (i *increment) contents(l *leaf) (old types.Array, stripped bool, err error) {
	old = i.originals(l.Page)
	if i.g.o.Mode != modeRedo || l.marks.Hidden == 0 {
		return old, false, nil
	}
	body, err := i.g.file.Content(l.Page)
	if err != nil {
		return old, false, nil // what cannot be read is left alone
	}
	body, n := content.StripHidden(body, i.onlyHidden(l.Page))
	if n == 0 {
		return old, false, nil
	}
	i.g.result.Stripped += n
	return types.Array{i.stream(body, nil)}, true, nil
}

// originals is the page's list of streams.
func (i *increment) originals(p source.Page) types.Array {
	c, ok := p.Dict["Contents"]
	if !ok || c == nil {
		return nil
	}
	if a := i.g.file.Array(c); a != nil {
		return a.Clone().(types.Array)
	}
	if _, ok := c.(types.IndirectRef); !ok {
		return nil
	}
	return types.Array{c}
}

// onlyHidden finds the forms that hold invisible text and nothing else, as some
// programs add it.
func (i *increment) onlyHidden(p source.Page) func(string) bool {
	forms := i.g.file.Dict(p.Resources["XObject"])
	known := map[string]bool{}
	return func(name string) bool {
		if _, ok := known[name]; !ok {
			known[name] = i.g.file.OnlyHiddenText(forms[name], p)
		}
		return known[name]
	}
}
