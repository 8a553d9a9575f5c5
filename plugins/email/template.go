package main

import (
	"errors"
	"fmt"
	"strings"
	"text/template"
	"unicode"
	"unicode/utf8"
)

// Document is what the templates of subject and text know.
type Document struct {
	Name  string // without extension
	Job   string
	Kinds []string   // pdf, text …
	Files []FileInfo // parallel to Kinds
	Pages int        // 0: unknown, because no manifest is among the files
}

// FileInfo is one attachment in a template.
type FileInfo struct {
	Name string
	Size int64 // in bytes
}

// example is a document to try templates on.
func example() Document {
	return Document{Name: "scan", Job: "here-01", Kinds: []string{"pdf"}, Files: []FileInfo{{"scan.pdf", 1}}, Pages: 1}
}

const (
	defaultSubject = "{{.Name}}"
	defaultText    = `{{range .Files}}{{.Name}} ({{size .Size}})
{{end}}{{with .Pages}}{{.}} pages
{{end}}
Job {{.Job}}
`
)

// maxFilled bounds what a template makes, in bytes.
const maxFilled = 64 << 10

var errTooLong = errors.New("makes more than 64 KB")

// fill makes the text of a template.
func fill(text string, d Document) (string, error) {
	t, err := template.New("").Option("missingkey=error").Funcs(template.FuncMap{"join": strings.Join, "size": size}).Parse(text)
	if err != nil {
		return "", fmt.Errorf("not a template: %s", strings.TrimPrefix(err.Error(), "template: "))
	}
	var out bounded
	if err := t.Execute(&out, d); err != nil {
		return "", fmt.Errorf("not a template for documents: %s", strings.TrimPrefix(err.Error(), "template: "))
	}
	return strings.ToValidUTF8(out.String(), "?"), nil
}

// bounded is a text of at most maxFilled bytes.
type bounded struct{ strings.Builder }

func (b *bounded) Write(p []byte) (int, error) {
	if b.Len()+len(p) > maxFilled {
		return 0, errTooLong
	}
	return b.Builder.Write(p)
}

// size is a number of bytes for people.
func size(n int64) string {
	switch {
	case n < 1000:
		return fmt.Sprintf("%d bytes", n)
	case n < 1000_000:
		return fmt.Sprintf("%d kB", (n+500)/1000)
	}
	return fmt.Sprintf("%.1f MB", float64(n)/1e6)
}

// maxSubject bounds a subject in bytes.
const maxSubject = 400

// oneLine makes a subject of any text. What would begin another header becomes a space.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsGraphic(r) {
			return ' '
		}
		return r
	}, s)
	s = strings.Join(strings.Fields(s), " ")
	if len(s) <= maxSubject {
		return s
	}
	n := maxSubject
	for !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}
