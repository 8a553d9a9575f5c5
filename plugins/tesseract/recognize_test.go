package main

import (
	"os"
	"testing"

	"github.com/twinleaf-scan/twinleaf/ocr"
	"github.com/twinleaf-scan/twinleaf/sdk"
	"github.com/twinleaf-scan/twinleaf/sdk/plugintest"
)

// recognised asks the component for the text of a page.
func recognised(t *testing.T, c sdk.Component, r sdk.RecognizeRequest) ocr.Page {
	t.Helper()
	text, err := plugintest.Call[sdk.RecognizeRequest, sdk.Text](t, c, sdk.OpRecognize, r, settings{})
	if err != nil {
		t.Fatalf("recognise %s: %v", r.Image.Name, err)
	}
	f, err := os.Open(text.Text.Path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	p, err := ocr.Decode(f, ocr.MaxJSON)
	if err != nil {
		t.Fatal(err)
	}
	if got := p.CountWords(); got != text.Words || p.Confidence() != text.Confidence {
		t.Errorf("the answer says %d words at %v, its file has %d at %v", text.Words, text.Confidence, got, p.Confidence())
	}
	return p
}
