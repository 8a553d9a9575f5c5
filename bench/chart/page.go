package chart

import (
	"fmt"
	"html/template"
	"io"
)

// Page is one HTML page: words, then tables, then charts.
type Page struct {
	Title  string
	Words  []string // a paragraph each
	Tables []Table
	Charts []template.HTML // of [Bars], [Columns] and [Lines]
}

// Table is rows of cells below a head, which may be empty.
type Table struct {
	Head []string
	Rows [][]string
}

// Write writes the page.
func (p Page) Write(w io.Writer) error {
	if err := pageForm.Execute(w, p); err != nil {
		return fmt.Errorf("write the page %q: %w", p.Title, err)
	}
	return nil
}
