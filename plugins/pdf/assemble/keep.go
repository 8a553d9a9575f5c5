package assemble

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/twinleaf-scan/twinleaf/plugins/pdf/graft"
	"github.com/twinleaf-scan/twinleaf/sdk"
	"github.com/twinleaf-scan/twinleaf/sdk/ocr"
)

// keeper puts text onto pages that stay as they are. One PDF is updated in place;
// with several inputs, images become pages first and everything is joined.
type keeper struct {
	doc     sdk.Document
	path    string
	scratch string
	texts   map[int]graft.PageText
	parts   []part
	images  *document // open part of image pages; nil: none
}

// part is a run of pages for the joined document.
type part struct {
	path     string
	pages    []int // 1-based; nil: all
	password string
}

func newKeeper(doc sdk.Document, path, scratch string) *keeper {
	return &keeper{doc: doc, path: path, scratch: scratch, texts: map[int]graft.PageText{}}
}

// loadText reads the text of a page that has one.
func loadText(p sdk.DocPage) (ocr.Page, error) {
	text, err := readText(p)
	if err != nil {
		return ocr.Page{}, err
	}
	return *text, nil
}

// joins tells whether pages are taken out of their inputs and joined: those of several
// inputs, or some of one, which is a part of a job that was split.
func (k *keeper) joins() bool { return len(k.doc.Inputs) > 1 || k.some() }

func (k *keeper) some() bool {
	return len(k.doc.Inspections) == 1 && len(k.doc.Pages) < len(k.doc.Inspections[0].Pages)
}

func (k *keeper) add(p sdk.DocPage, text *ocr.Page) error {
	pdf := k.fromPDF(p)
	if text != nil && !(pdf && k.leftAlone(p)) {
		t := graft.PageText{Load: func() (ocr.Page, error) { return loadText(p) }}
		if pdf {
			t.Turn, t.Image = turn(p), p.Info.Image
		}
		k.texts[p.Number] = t
	}
	if !k.joins() {
		return nil
	}
	if pdf {
		return k.addKept(p)
	}
	return k.addImage(p)
}

// fromPDF tells whether the page is one of a PDF.
func (k *keeper) fromPDF(p sdk.DocPage) bool {
	return p.Input < len(k.doc.Inspections) && k.doc.Inspections[p.Input].PDF != nil
}

// leftAlone tells whether a page of a PDF keeps the text that it has.
func (k *keeper) leftAlone(p sdk.DocPage) bool {
	return p.Kept || k.doc.Mode != modeRedo && p.Info.Text
}

func (k *keeper) addKept(p sdk.DocPage) error {
	if err := k.closeImages(); err != nil {
		return err
	}
	path := k.doc.Inputs[p.Input].Path
	if n := len(k.parts); n == 0 || k.parts[n-1].path != path {
		k.parts = append(k.parts, part{path: path, password: k.doc.Password})
	}
	last := &k.parts[len(k.parts)-1]
	last.pages = append(last.pages, p.InputPage)
	return nil
}

// addImage makes a page of an image; its text comes with the others.
func (k *keeper) addImage(p sdk.DocPage) error {
	if k.images == nil {
		path := filepath.Join(k.scratch, fmt.Sprintf("images-%d.pdf", len(k.parts)))
		doc := k.doc
		doc.PDFA = "none"
		images, err := newDocument(path, doc)
		if err != nil {
			return err
		}
		k.images = images
		k.parts = append(k.parts, part{path: path})
	}
	return k.images.add(asScanned(p), nil)
}

func (k *keeper) closeImages() error {
	if k.images == nil {
		return nil
	}
	_, _, err := k.images.finish(context.Background())
	k.images = nil
	return err
}

func (k *keeper) abandon() {
	if k.images != nil {
		k.images.abandon()
	}
}

func (k *keeper) finish(ctx context.Context) (claim, why string, err error) {
	if err := k.closeImages(); err != nil {
		return "", "", err
	}
	o := graft.Options{Input: k.doc.Inputs[0].Path, Output: k.path, Scratch: k.scratch, Password: k.doc.Password,
		Pages: k.texts, MaxPages: k.doc.Limits.Pages, MaxBytes: k.doc.Limits.Bytes}
	if k.joins() {
		o.Input, o.Password = filepath.Join(k.scratch, "joined.pdf"), ""
		if err := join(ctx, k.parts, o.Input); err != nil {
			return "", "", err
		}
		defer func() { err = errors.Join(err, os.Remove(o.Input)) }()
	}
	result, err := graft.Graft(ctx, o)
	if err != nil {
		return "", "", err
	}
	switch {
	case len(k.doc.Inputs) > 1:
		return "none", "pages of several documents were joined", nil
	case k.some():
		return "none", "some pages of a document were taken out, without what belongs to it as a whole", nil
	}
	return result.PDFA, result.Why, nil
}
