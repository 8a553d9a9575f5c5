package main

import (
	"fmt"
	"os"
	"strings"
)

// The lines of a Markdown file between which table and chart stand.
const (
	beginMark = "<!-- make bench writes from here -->"
	endMark   = "<!-- to here -->"
)

// markdown is what a README says of the results.
func (r *report) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "![Pages a minute, Twinleaf beside OCRmyPDF and one tesseract process a page](docs/bench/%s)\n\n", chartFile)
	fmt.Fprintf(&b, "| %s |\n|%s\n", strings.Join(tableHead, " | "), strings.Repeat("---|", len(tableHead)))
	for _, w := range r.Table {
		fmt.Fprintf(&b, "| %s |\n", strings.Join(w.cells(), " | "))
	}
	fmt.Fprintf(&b, "\nTaken %s by `make bench` on %s: %s. A figure is the median over the rounds, the least and the greatest in brackets.\n",
		r.Taken.Format("2 January 2006"), r.Machine, r.programs())
	return b.String()
}

// readme puts the results into a Markdown file that has the marks.
func (r *report) readme(path string) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	text, err := between(string(raw), r.markdown())
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return os.WriteFile(path, []byte(text), 0o644)
}

// between puts what into a text, between the marks and instead of what stands there.
func between(text, what string) (string, error) {
	head, rest, ok1 := strings.Cut(text, beginMark+"\n")
	_, tail, ok2 := strings.Cut(rest, endMark)
	if !ok1 || !ok2 {
		return "", fmt.Errorf("it has no lines %q and %q", beginMark, endMark)
	}
	return head + beginMark + "\n\n" + what + "\n" + endMark + tail, nil
}
