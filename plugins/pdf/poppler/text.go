package poppler

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
)

// Rect is a rectangle on the page as it is displayed, in points; y grows downwards.
type Rect struct{ X0, Y0, X1, Y1 float64 }

// The text of a page as pdftotext lays it out.
type (
	// PageText is one page. The size that pdftotext writes is left out: it does not
	// follow /Rotate, as the boxes do.
	PageText struct{ Blocks []Block }
	// Block is lines that belong together.
	Block struct {
		Rect
		Lines []Line
	}
	// Line is words in reading order.
	Line struct {
		Rect
		Words []Word
	}
	// Word is one word, without control characters.
	Word struct {
		Rect
		Text string
	}
)

// Limits of what is read of pdftotext's answer.
const (
	maxTextBytes = 256 << 20
	maxWords     = 2_000_000
)

// Text gives the text of the pages first to last with its boxes. dir is for a
// temporary file.
func (t Tools) Text(ctx context.Context, path string, first, last int, dir string) ([]PageText, error) {
	raw, err := t.XHTML(ctx, path, first, last, dir)
	return ParseText(raw), err
}

// XHTML is what pdftotext -bbox-layout writes of the pages first to last, at most 256 MiB
// of it. dir is for a temporary file.
func (t Tools) XHTML(ctx context.Context, path string, first, last int, dir string) ([]byte, error) {
	out := filepath.Join(dir, fmt.Sprintf("text-%d.html", first))
	defer os.Remove(out)
	_, err := t.run(ctx, "", 0, "pdftotext", "-q", "-bbox-layout", "-cropbox",
		"-f", strconv.Itoa(first), "-l", strconv.Itoa(last), path, out)
	if err != nil {
		return nil, fmt.Errorf("read the text of page %d: %w", first, err)
	}
	f, err := os.Open(out)
	if err != nil {
		return nil, fmt.Errorf("read the text of page %d: %w", first, err)
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxTextBytes))
	if err != nil {
		return nil, fmt.Errorf("read the text of page %d: %w", first, err)
	}
	return raw, nil
}

// SplitText parts what XHTML gave into its pages, each of which ParseText takes.
func SplitText(raw []byte) [][]byte {
	var pages [][]byte
	for {
		i := bytes.Index(raw, pageTag)
		if i < 0 {
			return pages
		}
		raw = raw[i:]
		end := len(raw)
		if next := bytes.Index(raw[len(pageTag):], pageTag); next >= 0 {
			end = next + len(pageTag)
		}
		pages, raw = append(pages, raw[:end:end]), raw[end:]
	}
}

var pageTag = []byte("<page ")
