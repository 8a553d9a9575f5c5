package read

import (
	"context"
	"time"

	"github.com/twinleaf-scan/twinleaf/plugins/pdf/poppler"
)

// Limits of reading ahead.
const (
	mostAhead  = 32              // pages in one run
	nearAhead  = 8               // pages that may lie between two requests: other processes ask for those
	bytesAhead = 32 << 20        // of one run
	timeAhead  = 5 * time.Second // of one run
)

// ahead reads the texts of pages with those that follow, because a run of pdftotext costs
// more than a page: whoever asks for one page after the other is answered from memory.
// The zero value has read nothing.
type ahead struct {
	pages map[int][]byte // XHTML of the pages that were read and not asked for
	last  int            // last page that was read
	size  int            // pages of the last run
	held  int            // bytes of it
	never bool           // its pages are heavy, or pdftotext does not get through them
}

// reads gives the XHTML of the pages first to last.
type reads func(ctx context.Context, first, last int) ([]byte, error)

// text gives the text of page n of a document with so many pages.
func (a *ahead) text(ctx context.Context, n, total int, read reads) (poppler.PageText, error) {
	raw, kept := a.pages[n]
	if !kept {
		var err error
		if raw, err = a.read(ctx, n, total, read); err != nil {
			return poppler.PageText{}, err
		}
	}
	delete(a.pages, n)
	if pages := poppler.ParseText(raw); len(pages) > 0 {
		return pages[0], nil
	}
	return poppler.PageText{}, nil
}

func (a *ahead) read(ctx context.Context, n, total int, read reads) ([]byte, error) {
	if size := min(a.next(n), total-n+1); size > 1 {
		if raw, ok := a.run(ctx, n, size, read); ok {
			return raw, nil
		}
		a.never, a.pages, a.held = true, nil, 0
	}
	a.last, a.size = n, 1
	return read(ctx, n, n)
}

// next is how many pages to read from page n on: more and more as long as one page is
// asked for after the other.
func (a *ahead) next(n int) int {
	if a.never || a.size == 0 || n <= a.last || n > a.last+nearAhead {
		return 1
	}
	return min(mostAhead, 4*a.size)
}

// run reads several pages. What is not whole, or too much to be kept, is none.
func (a *ahead) run(ctx context.Context, n, size int, read reads) ([]byte, bool) {
	ctx, cancel := context.WithTimeout(ctx, timeAhead)
	defer cancel()
	raw, err := read(ctx, n, n+size-1)
	if err != nil || len(raw) > bytesAhead {
		return nil, false
	}
	pages := poppler.SplitText(raw)
	if len(pages) != size {
		return nil, false
	}
	a.pages, a.last, a.size, a.held = map[int][]byte{}, n+size-1, size, len(raw)
	for i, p := range pages {
		a.pages[n+i] = p
	}
	return pages[0], true
}
