package ocr

import (
	"encoding/json"
	"fmt"
	"io"
)

// MaxJSON is a limit for [Decode] that no page within the bounds of [Page.Validate]
// with words of ordinary length reaches.
const MaxJSON = 64 << 20

// Encode writes the page as JSON, the form in which pages cross the border
// between a plug-in and the server.
func (p Page) Encode(w io.Writer) error {
	data, ok := appendPage(make([]byte, 0, 64<<10), p)
	if !ok {
		if err := json.NewEncoder(w).Encode(p); err != nil {
			return fmt.Errorf("write page text: %w", err)
		}
		return nil
	}
	if _, err := w.Write(append(data, '\n')); err != nil {
		return fmt.Errorf("write page text: %w", err)
	}
	return nil
}

// Decode reads a page that Encode wrote and validates it. It reads at most limit
// bytes; a longer page is an error. Unknown fields are ignored, so that an older
// server reads the pages of a newer plug-in.
func Decode(r io.Reader, limit int64) (Page, error) {
	data, err := readBounded(r, limit)
	if err != nil {
		return Page{}, fmt.Errorf("read page text: %w", err)
	}
	var p Page
	if err := unmarshal(data, &p); err != nil {
		return Page{}, fmt.Errorf("read page text: %w", err)
	}
	if err := p.Validate(); err != nil {
		return Page{}, fmt.Errorf("page text: %w", err)
	}
	return p, nil
}

func readBounded(r io.Reader, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("it is longer than %d bytes", limit)
	}
	return data, nil
}
