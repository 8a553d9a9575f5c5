package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/twinleaf-scan/twinleaf/core"
)

// document is one document that ocr makes.
type document struct {
	name   string   // without extension
	inputs []string // paths, or "-"
	out    outputs
}

// outputs is where each kind goes: a path, "-" for standard output, "" for nowhere.
type outputs struct{ pdf, text, hocr, alto, manifest string }

// byKind lists the wanted outputs in a fixed order.
func (o outputs) byKind() [][2]string {
	var list [][2]string
	for _, e := range [][2]string{
		{core.OutputPDF, o.pdf}, {core.OutputText, o.text}, {core.OutputHOCR, o.hocr},
		{core.OutputALTO, o.alto}, {core.OutputManifest, o.manifest},
	} {
		if e[1] != "" {
			list = append(list, e)
		}
	}
	return list
}

// kinds is what the assembler must make. The manifest is made in any case.
func (o outputs) kinds() []string {
	var kinds []string
	for _, e := range o.byKind() {
		if e[0] != core.OutputManifest {
			kinds = append(kinds, e[0])
		}
	}
	if len(kinds) == 0 {
		return []string{core.OutputText}
	}
	return kinds
}

// plan decides which documents are made of the inputs and where they go.
func plan(f ocrFlags, inputs []string, terminal bool) ([]document, error) {
	if err := checkInputs(inputs); err != nil {
		return nil, err
	}
	only := f.out == "" && (f.text != "" || f.hocr != "" || f.alto != "" || f.manifest != "")
	oneEach := isFolder(f.out) || (f.out == "" && !only)
	var docs []document
	if oneEach || (only && len(inputs) > 1 && isFolder(firstOf(f.text, f.hocr, f.alto, f.manifest))) {
		taken := map[string]bool{}
		for _, in := range inputs {
			docs = append(docs, document{name: free(taken, stem(in)), inputs: []string{in}})
		}
	} else {
		docs = []document{{name: stem(inputs[0]), inputs: inputs}}
		if f.out != "" && f.out != "-" {
			docs[0].name = stem(f.out)
		}
	}
	for i := range docs {
		if err := docs[i].place(f, only, len(docs) > 1, terminal); err != nil {
			return nil, err
		}
	}
	if err := checkFiles(docs, inputs); err != nil {
		return nil, err
	}
	return docs, nil
}

func firstOf(paths ...string) string {
	for _, p := range paths {
		if p != "" {
			return p
		}
	}
	return ""
}

func checkInputs(inputs []string) error {
	stdin := 0
	for _, in := range inputs {
		if in == "-" {
			stdin++
			continue
		}
		info, err := os.Stat(in)
		if err != nil {
			return unreadable(in, err)
		}
		if info.IsDir() {
			return usage("name the files in it", "%s is a folder", in)
		}
	}
	if stdin > 1 {
		return usage("", "standard input can be read only once")
	}
	return nil
}

// place gives each output its path.
func (d *document) place(f ocrFlags, only, several, terminal bool) error {
	var err error
	side := func(flag, path, ext string) string {
		switch {
		case path == "" || path == "-":
			return path
		case isFolder(path):
			return filepath.Join(path, d.name+ext)
		case several:
			err = usage("name a folder, or \"-\"", "%s %s is one file, but there are several documents", flag, path)
		}
		return path
	}
	d.out = outputs{
		text: side("--text", f.text, ".txt"), hocr: side("--hocr", f.hocr, ".hocr"),
		alto: side("--alto", f.alto, ".xml"), manifest: side("--manifest", f.manifest, ".json"),
	}
	if err != nil {
		return err
	}
	switch {
	case only:
	case f.out == "" && d.inputs[0] == "-":
		if terminal {
			return usage("say -o OUT.pdf, or --text -", "a PDF from standard input needs a place to go to")
		}
		d.out.pdf = "-"
	case f.out == "":
		d.out.pdf = unclaimed(d.name)
	case isFolder(f.out):
		d.out.pdf = filepath.Join(f.out, d.name+".pdf")
	default:
		d.out.pdf = f.out
		if flag := flagFor(f.out); flag != "" {
			return usage(fmt.Sprintf("say %s %s", flag, f.out), "-o is for the PDF, and %s is no name for one", f.out)
		}
	}
	return d.check(f)
}

// flagFor is the flag of the output whose extension a path has, "" for a PDF's and
// any other.
func flagFor(path string) string {
	return map[string]string{".txt": "--text", ".hocr": "--hocr", ".xml": "--alto", ".json": "--manifest"}[strings.ToLower(filepath.Ext(path))]
}

// checkFiles refuses to write over an input, of whichever document, and to write
// two outputs to one file.
func checkFiles(docs []document, inputs []string) error {
	taken := map[string]bool{}
	for _, d := range docs {
		for _, e := range d.out.byKind() {
			if e[1] == "-" {
				continue
			}
			if slices.ContainsFunc(inputs, func(in string) bool { return sameFile(in, e[1]) }) {
				return usage("choose another name for the output", "%s is an input and would be lost", e[1])
			}
			to, err := filepath.Abs(e[1])
			if err != nil {
				return fmt.Errorf("find %s: %w", e[1], err)
			}
			if taken[to] {
				return usage("give each output a name of its own", "two outputs would go to %s", e[1])
			}
			taken[to] = true
		}
	}
	return nil
}

// check refuses to mix two outputs on standard output.
func (d *document) check(f ocrFlags) error {
	streams := 0
	for _, e := range d.out.byKind() {
		if e[1] == "-" {
			streams++
		}
	}
	if f.asJSON && streams > 0 {
		streams++
	}
	if streams > 1 {
		return usage("give files to the others", "only one output can go to standard output")
	}
	return nil
}

func sameFile(a, b string) bool {
	x, err1 := os.Stat(a)
	y, err2 := os.Stat(b)
	return err1 == nil && err2 == nil && os.SameFile(x, y)
}

// stem is a path's last part without its extension.
func stem(p string) string {
	if p == "-" {
		return "scan"
	}
	base := filepath.Base(p)
	if s := strings.TrimSuffix(base, filepath.Ext(base)); s != "" {
		return s
	}
	return base
}

// unclaimed is NAME.pdf in the current folder, or NAME-ocr.pdf, NAME-ocr-2.pdf and so on
// where something is called that already: it may be the scan itself, or another's result.
func unclaimed(name string) string {
	try := name + ".pdf"
	for i := 1; ; i++ {
		if _, err := os.Lstat(try); err != nil {
			return try
		}
		try = name + "-ocr.pdf"
		if i > 1 {
			try = fmt.Sprintf("%s-ocr-%d.pdf", name, i)
		}
	}
}

// free gives name, or name-2 and so on, and notes it as taken.
func free(taken map[string]bool, name string) string {
	try := name
	for i := 2; taken[try]; i++ {
		try = fmt.Sprintf("%s-%d", name, i)
	}
	taken[try] = true
	return try
}
