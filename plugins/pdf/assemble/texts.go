package assemble

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/twinleaf-scan/twinleaf/sdk"
	"github.com/twinleaf-scan/twinleaf/sdk/ocr"
)

// Kinds of outputs.
const (
	kindPDF  = "pdf"
	kindText = "text"
	kindHOCR = "hocr"
	kindALTO = "alto"
)

// textForm is a form of text beside the PDF.
type textForm struct {
	name, media string
	write       func(w io.Writer, head ocr.Head, pages iter.Seq2[ocr.Page, error]) error
}

func textOutput(kind string) (textForm, bool) {
	switch kind {
	case kindText:
		return textForm{"document.txt", "text/plain", writePlain}, true
	case kindHOCR:
		return textForm{"document.hocr", "text/vnd.hocr+html", ocr.WriteHOCRDocument}, true
	case kindALTO:
		return textForm{"document.xml", "application/alto+xml", ocr.WriteALTO}, true
	}
	return textForm{}, false
}

// writePlain writes plain text with a form feed between pages.
func writePlain(w io.Writer, _ ocr.Head, pages iter.Seq2[ocr.Page, error]) error {
	first := true
	for page, err := range pages {
		if err != nil {
			return err
		}
		sep := "\f"
		if first {
			sep, first = "", false
		}
		if _, err := io.WriteString(w, sep+page.Text()); err != nil {
			return err
		}
	}
	return nil
}

// readText gives the text of a page, nil if it has none.
func readText(p sdk.DocPage) (*ocr.Page, error) {
	if p.Text == nil {
		return nil, nil
	}
	f, err := os.Open(p.Text.Path)
	if err != nil {
		return nil, fmt.Errorf("text of page %d: %w", p.Number, err)
	}
	defer f.Close()
	page, err := ocr.Decode(bufio.NewReader(f), ocr.MaxJSON)
	if err != nil {
		return nil, fmt.Errorf("text of page %d: %w", p.Number, err)
	}
	return &page, nil
}

// noText is what the text outputs say of a page without text.
func noText(p sdk.DocPage) *ocr.Page {
	page := &ocr.Page{Width: p.Info.Width, Height: p.Info.Height, DPI: p.Info.XDPI}
	if p.Image != nil {
		page = &ocr.Page{Width: p.Image.Width, Height: p.Image.Height, DPI: p.Image.XDPI}
		if turn(p)%180 != 0 {
			page.Width, page.Height = page.Height, page.Width
		}
	}
	return page
}

// fan hands every page to several writers at once, so that each is read only once.
// A writer that ends early ends all.
type fan struct {
	group *errgroup.Group
	ctx   context.Context
	outs  []chan ocr.Page
}

func newFan(ctx context.Context) *fan {
	group, ctx := errgroup.WithContext(ctx)
	return &fan{group: group, ctx: ctx}
}

// add starts a writer to the file at path.
func (f *fan) add(path string, head ocr.Head, o textForm) {
	pages := make(chan ocr.Page)
	f.outs = append(f.outs, pages)
	f.group.Go(func() error {
		out, err := os.Create(path)
		if err != nil {
			return err
		}
		buf := bufio.NewWriterSize(out, 64<<10)
		err = o.write(buf, head, f.all(pages))
		return errors.Join(err, buf.Flush(), out.Close())
	})
}

func (f *fan) all(pages <-chan ocr.Page) iter.Seq2[ocr.Page, error] {
	return func(yield func(ocr.Page, error) bool) {
		for {
			select {
			case p, ok := <-pages:
				if !ok || !yield(p, nil) {
					return
				}
			case <-f.ctx.Done():
				yield(ocr.Page{}, f.ctx.Err())
				return
			}
		}
	}
}

// send hands a page to all writers.
func (f *fan) send(p ocr.Page) error {
	for _, out := range f.outs {
		select {
		case out <- p:
		case <-f.ctx.Done():
			return context.Cause(f.ctx)
		}
	}
	return nil
}

// close waits for the writers. failed is what stopped the pages, if anything did.
func (f *fan) close(failed error) error {
	if failed != nil {
		f.group.Go(func() error { return failed })
	} else {
		for _, out := range f.outs {
			close(out)
		}
	}
	return f.group.Wait()
}

// headOf is what the text outputs say of the document; the engine is that of the
// first page with text.
func headOf(doc sdk.Document) (ocr.Head, error) {
	head := ocr.Head{Title: doc.Name, Lang: strings.Join(doc.Languages, "+")}
	for _, p := range doc.Pages {
		if p.Text == nil || p.Kept {
			continue
		}
		text, err := readText(p)
		if err != nil {
			return head, err
		}
		head.Engine = text.Engine
		break
	}
	return head, nil
}
