// Package readers shows what foreign PDF readers find in a document: poppler
// (evince, okular), PDFium (Chrome) and pdf.js (Firefox). Only tests call it.
//
// poppler comes from Debian, the other two from npm: run "make readers" once.
package readers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

const limit = 2 * time.Minute // for one document

// Reader is a program that reads PDF.
type Reader string

// The readers.
const (
	Poppler    Reader = "poppler"      // in the order that it takes for that of reading
	PopplerRaw Reader = "poppler -raw" // in the order of the file
	PDFium     Reader = "PDFium"
	PDFJS      Reader = "pdf.js"
)

// ErrMissing says that the readers are not installed; its text says what to do.
var ErrMissing = errors.New("the foreign PDF readers are not installed: run \"make readers\"")

// Texts gives for each reader the text of each page, as the reader gives it. The
// error is ErrMissing if a program or the modules are not there.
func Texts(ctx context.Context, path string) (map[Reader][]string, error) {
	_, here, _, ok := runtime.Caller(0)
	folder := filepath.Dir(here)
	if _, err := os.Stat(filepath.Join(folder, "node_modules", "pdfjs-dist")); !ok || err != nil {
		return nil, ErrMissing
	}
	for _, tool := range []string{"node", "pdftotext"} {
		if _, err := exec.LookPath(tool); err != nil {
			return nil, fmt.Errorf("%w: no %s", ErrMissing, tool)
		}
	}
	out, err := run(ctx, "node", filepath.Join(folder, "extract.mjs"), path)
	if err != nil {
		return nil, err
	}
	var found struct{ PDFJS, PDFium []string }
	if err := json.Unmarshal(out, &found); err != nil {
		return nil, fmt.Errorf("read what node says of %s: %w", path, err)
	}
	texts := map[Reader][]string{PDFium: found.PDFium, PDFJS: found.PDFJS}
	for reader, order := range map[Reader][]string{Poppler: nil, PopplerRaw: {"-raw"}} {
		text, err := run(ctx, "pdftotext", append(order, path, "-")...)
		if err != nil {
			return nil, err
		}
		texts[reader] = strings.Split(strings.TrimSuffix(string(text), "\f"), "\f")
	}
	return texts, nil
}

func run(ctx context.Context, name string, args ...string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	out, err := cmd.Output()
	if err != nil {
		said := ""
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			said = string(exit.Stderr)
		}
		return nil, fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, said)
	}
	return out, nil
}
