package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"strings"

	"github.com/twinleaf-scan/twinleaf/sdk"
	"github.com/twinleaf-scan/twinleaf/sdk/ocr"
)

// maxSide is the longest side of an image that the engine takes, in pixels: it
// counts in 16 bits.
const maxSide = 32767

// recognize reads one page. Errors of the image are final; errors of the engine
// are temporary, for a fresh process may do better.
func recognize(ctx context.Context, e *engine, r sdk.RecognizeRequest, s settings) (sdk.Text, error) {
	dir, err := tessdata(s)
	if err != nil {
		return sdk.Text{}, sdk.Refuse(codeNoLanguage, "apt install tesseract-ocr-eng", "%v", err)
	}
	if err := checkLanguages(dir, r.Languages); err != nil {
		return sdk.Text{}, err
	}
	if err := checkImage(e, r); err != nil {
		return sdk.Text{}, err
	}
	if err := ctx.Err(); err != nil {
		return sdk.Text{}, err
	}
	p := packOf(dir, r.Languages)
	a, err := e.read(p, page{r.Image.Path, r.DPI, s.segmentation()})
	if bad, ok := errors.AsType[*unreadable](err); ok {
		return sdk.Text{}, damaged(r, bad)
	}
	if err != nil {
		return sdk.Text{}, sdk.Temporary(fmt.Errorf("recognise %s: %w", r.Image.Name, err))
	}
	text, err := parse(a.hocr, r, p, e.version())
	if err != nil {
		return sdk.Text{}, sdk.Temporary(fmt.Errorf("recognise %s: %w", r.Image.Name, err))
	}
	sdk.Log(ctx).Debug("page recognised", "words", text.CountWords(), "confidence", text.Confidence(), "engineCPU", a.cpu)
	out, err := write(ctx, text)
	out.EngineSeconds = a.cpu.Seconds()
	return out, err
}

// checkImage refuses what the engine cannot take, before anything is decoded.
func checkImage(e *engine, r sdk.RecognizeRequest) error {
	width, height, err := e.size(r.Image.Path)
	if err != nil {
		return damaged(r, err)
	}
	if r.Limits.Pixels > 0 && int64(width)*int64(height) > r.Limits.Pixels {
		return sdk.Refuse("over-limit", "scan at a lower resolution or raise the limit of pixels",
			"%s has %d x %d pixels, more than the limit of %d", r.Image.Name, width, height, r.Limits.Pixels)
	}
	if max(width, height) > maxSide {
		return sdk.Refuse("over-limit", "scan at a lower resolution",
			"%s has %d x %d pixels, and the engine takes at most %d a side", r.Image.Name, width, height, maxSide)
	}
	return nil
}

func damaged(r sdk.RecognizeRequest, err error) error {
	return sdk.Refuse("damaged", "scan the page again", "recognise %s: %v", r.Image.Name, err)
}

// parse turns the engine's answer into a page.
func parse(hocr string, r sdk.RecognizeRequest, p pack, version string) (ocr.Page, error) {
	text, err := ocr.ParseHOCR(strings.NewReader(hocr))
	if err != nil {
		return ocr.Page{}, fmt.Errorf("understand the engine's answer: %w", err)
	}
	text.Engine = version
	if text.Lang == "" {
		text.Lang, _, _ = strings.Cut(p.languages, "+")
	}
	if r.DPI > 0 && !math.IsInf(r.DPI, 0) {
		text.DPI = r.DPI
	}
	return text, text.Validate()
}

func write(ctx context.Context, text ocr.Page) (sdk.Text, error) {
	const name = "text.json"
	path := sdk.Out(ctx, name)
	f, err := os.Create(path)
	if err != nil {
		return sdk.Text{}, fmt.Errorf("write the text: %w", err)
	}
	if err := errors.Join(text.Encode(f), f.Close()); err != nil {
		return sdk.Text{}, err
	}
	return sdk.Text{
		Text:       sdk.File{Path: path, Name: name, Media: "application/json"},
		Confidence: text.Confidence(),
		Words:      text.CountWords(),
	}, nil
}
