// Command standin is a plug-in that looks at pages and reads them without any
// work: every page is upright and has the same five hundred words. With it in the
// place of the engine the cost of everything else can be seen (bench/scale).
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/twinleaf-scan/twinleaf/sdk"
	"github.com/twinleaf-scan/twinleaf/sdk/ocr"
)

// The text of every page.
const lines, wordsALine = 50, 10

// pageTime names the variable that says how long a page takes, e.g. 200ms.
const pageTime = "STANDIN_PAGE_TIME"

// builtTime is how long a page takes where the variable does not say it; bench/farm sets
// it when it builds the program.
var builtTime string

// settings: there are none.
type settings struct{}

func main() {
	sdk.Serve(sdk.Info{
		Name: "standin", Version: "1.0.0", Summary: "reads every page alike, for measurements", License: "Apache-2.0", Engine: "none 0",
	}, sdk.Filter(clean), sdk.Recognizer(recognize).Fingerprinted(fingerprint))
}

// fingerprint is the same everywhere: workers on other machines may read its pages.
func fingerprint(context.Context, sdk.FingerprintRequest) (sdk.Fingerprint, error) {
	return sdk.Fingerprint{Engine: "none", Version: "0"}, nil
}

func clean(_ context.Context, r sdk.FilterRequest, _ settings) (sdk.Filtered, error) {
	return sdk.Filtered{Width: r.Width, Height: r.Height}, nil
}

func recognize(ctx context.Context, r sdk.RecognizeRequest, _ settings) (sdk.Text, error) {
	if err := work(ctx, r.Image.Path); err != nil {
		return sdk.Text{}, err
	}
	out := sdk.File{Path: sdk.Out(ctx, "text.json"), Name: "text.json", Media: "application/json"}
	f, err := os.Create(out.Path)
	if err != nil {
		return sdk.Text{}, err
	}
	page := text()
	return sdk.Text{Text: out, Confidence: page.Confidence(), Words: page.CountWords()}, errors.Join(page.Encode(f), f.Close())
}

// work takes as long as the environment says. Plug-ins get no environment from the
// server; a wrapper that sets it and runs the program will do.
func work(ctx context.Context, image string) error {
	if _, err := os.Stat(image); err != nil {
		return err
	}
	d, err := time.ParseDuration(cmp.Or(os.Getenv(pageTime), builtTime))
	if err != nil {
		return nil // none is set
	}
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// text is a page of fifty lines with ten words each.
func text() ocr.Page {
	p := ocr.Page{Width: 2480, Height: 3508, DPI: 300, Lang: "eng", Engine: "none 0"}
	var para ocr.Paragraph
	for y := range lines {
		top := 100 + y*65
		line := ocr.Line{Box: ocr.Box{X0: 100, Y0: top, X1: 2380, Y1: top + 50}, Size: 50, Descent: 10, Ascent: 12}
		for x := range wordsALine {
			left := 100 + x*228
			line.Words = append(line.Words, ocr.Word{
				Text: fmt.Sprintf("word%d%c", x*y, 'a'+y%26), Box: ocr.Box{X0: left, Y0: top, X1: left + 210, Y1: top + 50}, Confidence: 90,
			})
		}
		para.Lines = append(para.Lines, line)
	}
	para.Box = ocr.Box{X0: 100, Y0: 100, X1: 2380, Y1: 100 + lines*65}
	p.Blocks = []ocr.Block{{Box: para.Box, Paragraphs: []ocr.Paragraph{para}}}
	return p
}
