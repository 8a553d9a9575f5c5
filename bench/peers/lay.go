package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// laid is a set on disk: each page as an image, and PDFs of them, as a scanner would send
// them. Programs that take documents get the PDFs, the others the images.
type laid struct {
	set       *set
	dir       string   // of the images
	images    []string // paths, in order
	whole     string   // PDF of all pages; empty where each page is a document
	documents []string // in order: PDFs, or the images where each is a document
}

// prepareWithin bounds one call of a program that prepares pages.
const prepareWithin = 10 * time.Minute

// lay makes the pages of a set below dir. most bounds their number; 0: all.
func lay(ctx context.Context, f folders, s *set, dir string, most int) (*laid, error) {
	l := &laid{set: s, dir: filepath.Join(dir, s.Name)}
	if err := os.MkdirAll(l.dir, 0o700); err != nil {
		return nil, err
	}
	layings := make([][]string, len(s.Pages)) // where each page of the list goes, time after time
	for range s.Laid {
		for i, p := range s.Pages {
			if most > 0 && len(l.images) == most {
				break
			}
			to := filepath.Join(l.dir, fmt.Sprintf("%04d%s", len(l.images)+1, target(p.File)))
			l.images, layings[i] = append(l.images, to), append(layings[i], to)
		}
	}
	g, working := errgroup.WithContext(ctx)
	g.SetLimit(runtime.NumCPU())
	for i, p := range s.Pages {
		g.Go(func() error {
			from, err := f.locate(p)
			if err == nil {
				err = p.make(working, from, layings[i])
			}
			if err != nil {
				return fmt.Errorf("lay %s: %w", p.File, err)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return l, l.bind(ctx)
}

// target is the extension of what a page becomes: TIFFs of a recipe have one bit a pixel,
// and what is drawn of a PDF is a JPEG, as of a scanner for colour.
func target(from string) string {
	switch ext := strings.ToLower(filepath.Ext(from)); ext {
	case ".tif", ".jpg", ".png":
		return ext
	case ".tiff":
		return ".tif"
	case ".jpeg", ".pdf":
		return ".jpg"
	}
	return ".png"
}

// make writes the page as it is laid, time after time. A page that needs no change keeps
// its bytes the first time.
func (p page) make(ctx context.Context, from string, to []string) error {
	first := 0
	if p.Turn == 0 && p.DPI == 0 && p.Number == 0 && len(to) > 0 && filepath.Ext(from) == filepath.Ext(to[0]) {
		if err := copyFile(from, to[0]); err != nil {
			return err
		}
		first = 1
	}
	if first >= len(to) {
		return nil
	}
	if isPDF(from) {
		drawn := strings.TrimSuffix(to[0], filepath.Ext(to[0])) + "-drawn"
		defer os.Remove(drawn + ".png") // it is no page of the set
		n := strconv.Itoa(p.Number)
		if err := tool(ctx, "pdftoppm", "-r", strconv.Itoa(p.DPI), "-f", n, "-l", n, "-singlefile", "-png", from, drawn); err != nil {
			return err
		}
		from = drawn + ".png"
	} else if p.Number > 0 {
		from = fmt.Sprintf("%s[%d]", from, p.Number-1)
	}
	return tool(ctx, "convert", p.convert(from, to, first)...)
}

// convert is the command line of convert that reads the page once and writes it from the
// first of to on, each time shifted by a little more.
func (p page) convert(from string, to []string, first int) []string {
	args := []string{from}
	if p.DPI > 0 {
		args = append(args, "-units", "PixelsPerInch", "-density", strconv.Itoa(p.DPI))
	}
	if p.Turn != 0 {
		args = append(args, "-rotate", strconv.Itoa(p.Turn))
	}
	switch filepath.Ext(to[0]) {
	case ".tif":
		args = append(args, "-compress", "Group4")
	case ".jpg":
		args = append(args, "-quality", "92")
	}
	x, y := 0, 0 // the shift that the image has
	for nth := first; nth < len(to); nth++ {
		right, down := nth%shiftMost, nth/shiftMost
		if right != x || down != y {
			args = append(args, "-roll", fmt.Sprintf("%+d%+d", right-x, down-y))
		}
		x, y = right, down
		args = append(args, "-write", to[nth])
	}
	return append(args, "null:")
}

// shiftMost is by how many pixels a page is shifted at most to the right; then it goes
// down.
const shiftMost = 32

// bind makes PDFs of the images, whose bytes they keep. A document of one page is the
// image itself.
func (l *laid) bind(ctx context.Context) error {
	base := filepath.Join(filepath.Dir(l.dir), l.set.Name)
	if err := os.WriteFile(l.list(), []byte(strings.Join(l.images, "\x00")), 0o600); err != nil {
		return err
	}
	if l.set.Document == 1 {
		l.documents = l.images
		return nil
	}
	l.whole = base + ".pdf"
	if err := bindOne(ctx, l.images, l.whole); err != nil {
		return err
	}
	if l.set.Document == 0 {
		l.documents = []string{l.whole}
		return nil
	}
	for i := 0; i < len(l.images); i += l.set.Document {
		path := fmt.Sprintf("%s-%03d.pdf", base, len(l.documents)+1)
		if err := bindOne(ctx, l.images[i:min(i+l.set.Document, len(l.images))], path); err != nil {
			return err
		}
		l.documents = append(l.documents, path)
	}
	return nil
}

// list is the file that holds the paths of the images, a zero byte between two.
func (l *laid) list() string { return l.dir + ".list" }

func bindOne(ctx context.Context, images []string, to string) error {
	list := to + ".list"
	if err := os.WriteFile(list, []byte(strings.Join(images, "\x00")), 0o600); err != nil {
		return err
	}
	return tool(ctx, "img2pdf", "--from-file", list, "--output", to)
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
	raw, err := os.ReadFile(from) // a scan of a recipe, which an operator wrote
	if err != nil {
		return err
	}
	return os.WriteFile(to, raw, 0o600)
}
