// Command old is a plug-in as authors built it for generation 1 of the contract.
// The tests run it beside plug-ins of generation 2. What it is, is said when it is
// built: -ldflags "-X main.kind=filter", recognizer or deliverer.
package main

import (
	"context"
	"errors"
	"fmt"
	"image"
	_ "image/jpeg"
	_ "image/png"
	"io"
	"log"
	"os"
	"path/filepath"
	"strings"
	"time"

	_ "golang.org/x/image/tiff"

	"github.com/twinleaf-scan/twinleaf/sdk/ocr"
	sdkv1 "github.com/twinleaf-scan/twinleaf/sdk/v1"
)

var kind = "filter"

// settings are what all kinds take.
type settings struct {
	Dir   string `json:"dir"`   // deliverer: where to
	Word  string `json:"word"`  // recognizer: the one word that it finds
	Token string `json:"token"` // a secret; deliverer: written beside each document
	Blank bool   `json:"blank"` // filter: what it says of every page
	Do    string `json:"do"`    // hang, panic, fail, retry, tell (the token): instead of working
}

// schema is written by hand, as generation 1 wants it.
const schema = `{
  "type": "object",
  "properties": {
    "dir": {"type": "string", "x-grant": "write"},
    "word": {"type": "string"},
    "token": {"type": "string", "writeOnly": true},
    "blank": {"type": "boolean"},
    "do": {"type": "string"}
  }
}`

// Check refuses settings before any work is done.
func (s *settings) Check() error {
	if strings.ContainsAny(s.Word, " \n") {
		return errors.New("word is one word")
	}
	return nil
}

func main() {
	info := sdkv1.Info{Name: "old-" + kind, Version: "1.5.0", Summary: "built against generation 1", Schema: schema}
	switch kind {
	case "filter":
		sdkv1.Serve(info, sdkv1.Filter(filter))
	case "recognizer":
		sdkv1.Serve(info, sdkv1.Recognizer(recognize))
	case "deliverer":
		sdkv1.Serve(info, sdkv1.Deliverer(deliver))
	}
	fmt.Fprintf(os.Stderr, "built for the unknown kind %q\n", kind)
	os.Exit(2)
}

// misbehave does what the settings say instead of the work.
func misbehave(s settings) error {
	switch s.Do {
	case "hang":
		<-time.After(time.Hour)
	case "panic":
		panic("generation 1 ends here")
	case "fail":
		return errors.New("it cannot be done")
	case "tell":
		return fmt.Errorf("the token %s is not taken", s.Token)
	case "retry":
		return sdkv1.Retry(errors.New("not now"))
	}
	return nil
}

// filter gives the page back as a file of its own.
func filter(ctx context.Context, r sdkv1.FilterRequest, s settings) (sdkv1.Filtered, error) {
	if err := misbehave(s); err != nil {
		return sdkv1.Filtered{}, err
	}
	out := sdkv1.Out(ctx, "filtered"+filepath.Ext(r.Image))
	return sdkv1.Filtered{Image: out, Width: r.Width, Height: r.Height, Blank: s.Blank}, copyFile(r.Image, out)
}

// recognize finds one word, in the middle of the page.
func recognize(ctx context.Context, r sdkv1.RecognizeRequest, s settings) (sdkv1.Text, error) {
	if err := misbehave(s); err != nil {
		return sdkv1.Text{}, err
	}
	f, err := os.Open(r.Image)
	if err != nil {
		return sdkv1.Text{}, err
	}
	defer f.Close()
	size, _, err := image.DecodeConfig(f)
	if err != nil {
		return sdkv1.Text{}, err
	}
	out, err := os.Create(sdkv1.Out(ctx, "text.json"))
	if err != nil {
		return sdkv1.Text{}, err
	}
	err = page(size.Width, size.Height, r.DPI, s.Word).Encode(out)
	return sdkv1.Text{Page: out.Name(), Confidence: 90, Words: 1}, errors.Join(err, out.Close())
}

func page(w, h int, dpi float64, word string) ocr.Page {
	box := ocr.Box{X0: w / 4, Y0: h / 2, X1: w / 2, Y1: h/2 + max(h/50, 1)}
	line := ocr.Line{Box: box, Words: []ocr.Word{{Text: word, Box: box, Confidence: 90}}}
	return ocr.Page{Width: w, Height: h, DPI: dpi, Engine: "old 1.5.0", Blocks: []ocr.Block{{
		Box: box, Paragraphs: []ocr.Paragraph{{Box: box, Lines: []ocr.Line{line}}},
	}}}
}

// deliver copies the files into a folder.
func deliver(_ context.Context, r sdkv1.DeliverRequest, s settings) (sdkv1.Receipt, error) {
	if err := misbehave(s); err != nil {
		return sdkv1.Receipt{}, err
	}
	for _, f := range r.Files {
		if err := copyFile(f.Path, filepath.Join(s.Dir, f.Name)); err != nil {
			return sdkv1.Receipt{}, sdkv1.Retry(err)
		}
	}
	if s.Token != "" {
		// A real deliverer would sign in with it; the tests want to see that it came in clear,
		// and that a careless log does not tell it.
		log.Println("signing in with", s.Token)
		if err := os.WriteFile(filepath.Join(s.Dir, r.Name+".token"), []byte(s.Token+"\n"), 0o600); err != nil {
			return sdkv1.Receipt{}, err
		}
	}
	return sdkv1.Receipt{Location: filepath.Join(s.Dir, r.Name)}, nil
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}
