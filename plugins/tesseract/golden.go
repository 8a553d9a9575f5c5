package main

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"strings"

	"github.com/otiai10/gosseract/v2"

	"github.com/twinleaf-scan/twinleaf/sdk/ocr"
)

// golden is a page of three lines, 1000 x 200 pixels at 200 dpi, with characters that
// engines like to confuse. What an engine reads on it tells it from another that calls
// itself the same. It was drawn once with ImageMagick and DejaVu Serif and never changes:
// a fingerprint of another page is another fingerprint.
//
//go:embed golden.png
var golden []byte

const goldenDPI = 200

// readGolden gives the SHA-256 of the text that the engine reads on the golden page, in
// lower-case hexadecimal digits.
func (e *engine) readGolden(p pack) (string, error) {
	var hocr string
	err := e.use(p, func(c *gosseract.Client) error {
		takeMessages()
		err := errors.Join(c.SetImageFromBytes(golden), setVariables(c, settings{}.segmentation(), goldenDPI))
		if err == nil {
			hocr, err = c.HOCRText()
		}
		if err == nil && hocr == "" {
			err = errors.New("the engine gave no answer" + because(takeMessages()))
		}
		return err
	})
	if err != nil {
		return "", err
	}
	page, err := ocr.ParseHOCR(strings.NewReader(hocr))
	if err != nil {
		return "", err
	}
	return digest([]byte(page.Text())), nil
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
