package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// insideFile takes what twinleaf bench prints.
const insideFile = "bench.json"

// look counts the pages and words of what a run made, and says what is wrong with it.
func (m *measure) look(ctx context.Context, out string, want int) string {
	var err error
	switch m.Program {
	case inside:
		err = m.readBench(filepath.Join(out, insideFile))
	case oursText, processes:
		err = m.readTexts(out)
	default:
		err = m.readPDFs(ctx, out)
	}
	switch {
	case err != nil:
		return err.Error()
	case m.Pages != want:
		return fmt.Sprintf("it made %d of %d pages", m.Pages, want)
	}
	return ""
}

func (m *measure) readTexts(dir string) error {
	paths, err := filepath.Glob(filepath.Join(dir, "*.txt"))
	if err != nil {
		return err
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		m.Pages, m.Words = m.Pages+1, m.Words+len(strings.Fields(string(text)))
	}
	return nil
}

func (m *measure) readPDFs(ctx context.Context, dir string) error {
	paths, err := filepath.Glob(filepath.Join(dir, "*.pdf"))
	if err != nil {
		return err
	}
	for _, path := range paths {
		if err := m.readPDF(ctx, path); err != nil {
			return err
		}
	}
	return nil
}

// readPDF adds the pages and words of a PDF.
func (m *measure) readPDF(ctx context.Context, path string) error {
	ctx, cancel := context.WithTimeout(ctx, prepareWithin)
	defer cancel()
	raw, err := exec.CommandContext(ctx, "qpdf", "--show-npages", path).Output()
	if err != nil {
		return fmt.Errorf("count the pages of the PDF: %w", err)
	}
	pages, err := strconv.Atoi(strings.TrimSpace(string(raw)))
	if err != nil {
		return err
	}
	text, err := exec.CommandContext(ctx, "pdftotext", path, "-").Output()
	if err != nil {
		return fmt.Errorf("read the text of the PDF: %w", err)
	}
	m.Pages, m.Words = m.Pages+pages, m.Words+len(strings.Fields(string(text)))
	return nil
}

// readBench takes what twinleaf bench printed of its own processes.
func (m *measure) readBench(path string) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var r struct {
		Pages     int                `json:"pages"`
		Engine    float64            `json:"engineSeconds"`
		Share     float64            `json:"engineShare"`
		ByProgram map[string]float64 `json:"cpuByProgram"`
	}
	if err := json.Unmarshal(raw, &r); err != nil {
		return fmt.Errorf("understand twinleaf bench: %w", err)
	}
	m.Pages, m.Engine, m.Share, m.ByProgram = r.Pages, r.Engine, r.Share, r.ByProgram
	return nil
}
