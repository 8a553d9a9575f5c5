// Command engine is the OCR engine of the fault run: a plug-in that looks at pages
// and reads nothing of them but the number that package scan drew there. It tells the
// server's log when it begins and when it has done a page, which is the record that
// the run is judged by, and takes as long as it was built to take.
package main

import (
	"context"
	"errors"
	"image"
	_ "image/jpeg" // whatever the server makes of a page
	_ "image/png"
	"os"
	"time"

	_ "golang.org/x/image/tiff"

	"github.com/twinleaf-scan/twinleaf/bench/robust/scan"
	"github.com/twinleaf-scan/twinleaf/sdk"
	"github.com/twinleaf-scan/twinleaf/sdk/ocr"
)

// pageTime is how long a page takes. The fault run sets it when it builds the plug-in.
var pageTime = "40ms"

type settings struct{}

func main() {
	sdk.Serve(sdk.Info{
		Name: "engine", Version: "1.0.0", Summary: "reads the numbers of the fault run's pages", License: "Apache-2.0", Engine: "numbers 1",
	}, sdk.Filter(clean), sdk.Recognizer(recognize).Fingerprinted(fingerprint))
}

func clean(_ context.Context, r sdk.FilterRequest, _ settings) (sdk.Filtered, error) {
	return sdk.Filtered{Width: r.Width, Height: r.Height}, nil
}

func fingerprint(context.Context, sdk.FingerprintRequest) (sdk.Fingerprint, error) {
	return sdk.Fingerprint{Engine: "numbers", Version: "1", Data: map[string]string{"eng": "1", "osd": "1"}, Golden: "1"}, nil
}

func recognize(ctx context.Context, r sdk.RecognizeRequest, _ settings) (sdk.Text, error) {
	m, err := picture(r.Image.Path)
	if err != nil {
		return sdk.Text{}, err
	}
	name := "none"
	if p, err := scan.Read(m); err == nil {
		name = p.String()
	}
	sdk.Log(ctx).Info("page begun", "number", name)
	if err := work(ctx); err != nil {
		return sdk.Text{}, err
	}
	out := sdk.File{Path: sdk.Out(ctx, "text.json"), Name: "text.json", Media: "application/json"}
	f, err := os.Create(out.Path)
	if err != nil {
		return sdk.Text{}, err
	}
	page := text(name, m.Bounds())
	if err := errors.Join(page.Encode(f), f.Close()); err != nil {
		return sdk.Text{}, err
	}
	sdk.Log(ctx).Info("page done", "number", name)
	return sdk.Text{Text: out, Confidence: page.Confidence(), Words: page.CountWords()}, nil
}

func picture(path string) (image.Image, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	m, _, err := image.Decode(f)
	return m, err
}

func work(ctx context.Context) error {
	d, err := time.ParseDuration(pageTime)
	if err != nil {
		return err
	}
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// text is a page with one word: its number.
func text(name string, size image.Rectangle) ocr.Page {
	box := ocr.Box{X0: 8, Y0: 8, X1: size.Dx() - 8, Y1: 30}
	line := ocr.Line{Box: box, Size: 20, Descent: 4, Ascent: 4, Words: []ocr.Word{{Text: name, Box: box, Confidence: 90}}}
	para := ocr.Paragraph{Box: box, Lines: []ocr.Line{line}}
	return ocr.Page{
		Width: size.Dx(), Height: size.Dy(), DPI: 300, Lang: "eng", Engine: "numbers 1",
		Blocks: []ocr.Block{{Box: box, Paragraphs: []ocr.Paragraph{para}}},
	}
}
