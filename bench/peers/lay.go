package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// laid is a set on disk: each page as an image, and all of them as one PDF, as a scanner
// would send them. Programs that take documents get the PDF, the others the images.
type laid struct {
	set    *set
	dir    string   // of the images
	images []string // paths, in order
	pdf    string
}

// prepareWithin bounds one call of a program that prepares pages.
const prepareWithin = 10 * time.Minute

// lay makes the pages of a set below dir. most bounds their number; 0: all.
func lay(ctx context.Context, f folders, s *set, dir string, most int) (*laid, error) {
	l := &laid{set: s, dir: filepath.Join(dir, s.Name), pdf: filepath.Join(dir, s.Name+".pdf")}
	if err := os.MkdirAll(l.dir, 0o700); err != nil {
		return nil, err
	}
	for time := range s.Laid {
		for _, p := range s.Pages {
			if most > 0 && len(l.images) == most {
				break
			}
			from, err := f.locate(p)
			if err != nil {
				return nil, err
			}
			to := filepath.Join(l.dir, fmt.Sprintf("%04d%s", len(l.images)+1, target(from)))
			if err := p.make(ctx, from, to, time); err != nil {
				return nil, fmt.Errorf("lay %s: %w", p.File, err)
			}
			l.images = append(l.images, to)
		}
	}
	return l, l.bind(ctx)
}

// target is the extension of what a page becomes: TIFFs of a recipe have one bit a pixel.
func target(from string) string {
	switch ext := strings.ToLower(filepath.Ext(from)); ext {
	case ".tif", ".jpg", ".png":
		return ext
	case ".tiff":
		return ".tif"
	case ".jpeg":
		return ".jpg"
	}
	return ".png"
}

// make writes the page as it is laid for the nth time, from 0.
func (p page) make(ctx context.Context, from, to string, nth int) error {
	args := p.change(nth)
	if len(args) == 0 && p.Number == 0 && filepath.Ext(from) == filepath.Ext(to) {
		return copyFile(from, to)
	}
	if p.Number > 0 {
		from = fmt.Sprintf("%s[%d]", from, p.Number-1)
	}
	args = append([]string{from}, args...)
	switch filepath.Ext(to) {
	case ".tif":
		args = append(args, "-compress", "Group4")
	case ".jpg":
		args = append(args, "-quality", "92")
	}
	return tool(ctx, "convert", append(args, to)...)
}

// change is what convert does to a page that is laid for the nth time.
func (p page) change(nth int) []string {
	var args []string
	if p.DPI > 0 {
		args = append(args, "-units", "PixelsPerInch", "-density", strconv.Itoa(p.DPI))
	}
	if p.Turn != 0 {
		args = append(args, "-rotate", strconv.Itoa(p.Turn))
	}
	if nth > 0 {
		args = append(args, "-roll", fmt.Sprintf("+%d+%d", nth%shiftMost, nth/shiftMost))
	}
	return args
}

// shiftMost is by how many pixels a page is shifted at most to the right; then it goes
// down.
const shiftMost = 32

// bind makes one PDF of the images, whose bytes it keeps.
func (l *laid) bind(ctx context.Context) error {
	list := filepath.Join(filepath.Dir(l.pdf), l.set.Name+".list")
	if err := os.WriteFile(list, []byte(strings.Join(l.images, "\x00")), 0o600); err != nil {
		return err
	}
	return tool(ctx, "img2pdf", "--from-file", list, "--output", l.pdf)
}

// tool runs a program that prepares pages.
func tool(ctx context.Context, program string, args ...string) error {
	ctx, cancel := context.WithTimeout(ctx, prepareWithin)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	var said bytes.Buffer
	cmd.Stderr = &said
	cmd.WaitDelay = time.Second
	if err := cmd.Run(); err != nil {
		line, _, _ := strings.Cut(strings.TrimSpace(said.String()), "\n")
		return fmt.Errorf("%s: %w %s", program, err, line)
	}
	return nil
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close() // read only
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if cerr := out.Close(); err == nil {
		err = cerr
	}
	return err
}
