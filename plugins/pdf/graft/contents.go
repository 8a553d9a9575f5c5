package graft

import (
	"context"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"

	"github.com/twinleaf-scan/twinleaf/plugins/pdf/source"
)

// contents gives the content streams of a page: the file's own or, where old
// invisible text goes, one new stream, so that pages that share a stream keep theirs.
func (i *increment) contents(ctx context.Context, l *leaf) (old types.Array, stripped bool) {
	old = i.originals(l.Page)
	if l.marks.Hidden == l.left.Hidden {
		return old, false
	}
	body, n, err := i.g.file.WithoutHidden(ctx, l.Page, i.budget)
	if err != nil || n == 0 {
		return old, false // what cannot be read is left alone
	}
	i.g.result.Stripped += n
	return types.Array{i.stream(body, nil)}, true
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
