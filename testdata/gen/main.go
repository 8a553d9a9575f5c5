// Command gen makes the project's test scans: pages of our own prose, typeset in
// the Go fonts, then degraded as a scanner does, one file for each family of
// inputs. Run it through testdata/make.sh. The same tools give the same bytes.
//
// It needs tiffcp (libtiff-tools), convert (imagemagick) and qpdf.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

func main() {
	dir := flag.String("o", "testdata", "folder that the files go to")
	flag.Parse()
	if err := run(*dir); err != nil {
		fmt.Fprintln(os.Stderr, "make test scans:", err)
		os.Exit(1)
	}
}

func run(dir string) error {
	scratch, err := os.MkdirTemp("", "scans")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	m := &maker{dir: dir, scratch: scratch}
	p, err := setPages()
	if err != nil {
		return err
	}
	for _, family := range []func(*maker, pages) error{jpegs, pngs, tiffs, faxes, pnms, pdfs, languages, broken, strangers} {
		if err := family(m, p); err != nil {
			return err
		}
	}
	return nil
}

// pages are the sheets that several files show.
type pages struct {
	letter, note, label     sheet
	invoice, first, second  sheet // A4, 300 dpi
	columns, german, french sheet
}

func setPages() (pages, error) {
	var p pages
	var errs []error
	set := func(into *sheet, sheet sheet, err error) {
		*into = sheet
		errs = append(errs, err)
	}
	simple := func(into *sheet, on paper, points float64, blocks []block) {
		s, err := typeset(on, points, blocks)
		set(into, s, err)
	}
	simple(&p.letter, a5(200), 10, letter())
	simple(&p.note, a6(150), 12, note())
	simple(&p.label, paper{3.8, 0.6, 120}, 12, label())
	simple(&p.invoice, a4(300), 12, invoice())
	simple(&p.first, a4(300), 12, minutesFirst())
	simple(&p.second, a4(300), 12, minutesSecond())
	simple(&p.german, a5(300), 11, german())
	simple(&p.french, a6(200), 11, french())
	left, right := columns()
	s, err := typesetColumns(paper{8.27, 6.5, 200}, 10, left, right)
	set(&p.columns, s, err)
	return p, errors.Join(errs...)
}

// maker writes files and runs tools.
type maker struct {
	dir, scratch string
}

// write writes a file and, if there are pages, its truth.
func (m *maker) write(name string, data []byte, shown ...sheet) error {
	if err := os.WriteFile(filepath.Join(m.dir, name), data, 0o644); err != nil {
		return err
	}
	if len(shown) == 0 {
		return nil
	}
	var truths []string
	for _, s := range shown {
		truths = append(truths, strings.TrimRight(s.truth, "\n")+"\n")
	}
	return os.WriteFile(filepath.Join(m.dir, name+".gt.txt"), []byte(strings.Join(truths, "\f")), 0o644)
}

// tool feeds data to a program through files and gives what it made. IN and OUT
// in args stand for the files' names, which end in the extension from to.
func (m *maker) tool(data []byte, from, to string, args ...string) ([]byte, error) {
	in, out := filepath.Join(m.scratch, "in"+from), filepath.Join(m.scratch, "out"+to)
	if err := os.WriteFile(in, data, 0o600); err != nil {
		return nil, err
	}
	for i, a := range args {
		args[i] = strings.NewReplacer("IN", in, "OUT", out).Replace(a)
	}
	if said, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, said)
	}
	return os.ReadFile(out)
}

// tiff compresses pages. options are those of tiffcp.
func (m *maker) tiff(options string, pages ...picture) ([]byte, error) {
	args := append([]string{"tiffcp", "-r", "100000"}, strings.Fields(options)...)
	return m.tool(encodeTIFF(pages...), ".tif", ".tif", append(args, "IN", "OUT")...)
}
