// Package source opens a PDF that came from a stranger and answers what readers
// and the graft ask of it: its pages with all that they inherit, what a page
// paints, which image it consists of, and what the document carries beside pages.
//
// The file is parsed by pdfcpu without validation; a panic inside it becomes an
// error. A damaged file is mended by qpdf first. Everything that is walked is
// bounded in number, depth and decoded bytes.
package source

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/pdfcpu/pdfcpu/pkg/api"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/model"

	"github.com/twinleaf-scan/twinleaf/plugins/pdf/poppler"
	"github.com/twinleaf-scan/twinleaf/sdk"
)

// MaxBytes is the largest file that is opened: all of it is held in memory, and a
// graft takes 2.2 times as much, which must stay under what a plug-in process may take.
const MaxBytes = 800 << 20

// Options says how to open a file.
type Options struct {
	Password string
	Scratch  string // folder for a mended or decrypted copy, which lies there as long as the File is used
	Pages    int    // most pages; default 10,000
	Bytes    int64  // most bytes of one decoded stream; default 256 MiB
	Tools    poppler.Tools
}

func (o Options) withDefaults() Options {
	if o.Pages <= 0 {
		o.Pages = 10_000
	}
	const decoded = 256 << 20
	if o.Bytes <= 0 || o.Bytes > decoded {
		o.Bytes = decoded
	}
	return o
}

// File is an open PDF. It is for one goroutine.
type File struct {
	Path      string // of the bytes that were parsed: the input, or its mended copy
	Drawable  string // what programs without a password can read: Path or a decrypted copy
	Size      int64
	PDF       *model.Context
	Pages     []Page
	Repaired  bool
	Encrypted bool

	options Options
}

// configure keeps pdfcpu from reading and writing configuration below the home folder.
var configure = sync.OnceFunc(api.DisableConfigDir)

// Open parses a file. Errors that are the input's fault are made by sdk.Refuse.
func Open(ctx context.Context, path string, o Options) (*File, error) {
	configure()
	o = o.withDefaults()
	f := &File{Path: path, options: o}
	for _, step := range []func(context.Context) error{f.mend, f.parse, f.decrypt} {
		if err := step(ctx); err != nil {
			return nil, Failed(ctx, err, "the PDF cannot be read")
		}
	}
	if f.dynamicForm() {
		return nil, sdk.Refuse("dynamic-form", "open it in Adobe Acrobat and print it to a PDF, or ask for the printed form",
			"the PDF is a dynamic XFA form: its pages are placeholders that only Adobe's programs fill in")
	}
	if err := f.walkPages(); err != nil {
		return nil, err
	}
	return f, nil
}

// mend looks at the structure of the file and goes on with a repaired copy where
// it is damaged.
func (f *File) mend(ctx context.Context) error {
	info, err := os.Stat(f.Path)
	if err != nil {
		return fmt.Errorf("open PDF: %w", err)
	}
	f.Size = info.Size()
	if f.Size > MaxBytes {
		return sdk.Refuse("over-limit", "split it, e.g. with qpdf --split-pages=500, and submit the parts",
			"the PDF has %d MiB, more than the limit of %d MiB", f.Size>>20, MaxBytes>>20)
	}
	offset, err := headerOffset(f.Path)
	if err != nil {
		return err
	}
	if offset < 0 {
		return sdk.Refuse("damaged", "open it in a PDF viewer; if it shows pages there, print it to a new PDF", "the file has no PDF header")
	}
	health, said, err := f.options.Tools.Check(ctx, f.Path, f.options.Password)
	if err != nil {
		return err
	}
	switch {
	case health == poppler.Locked:
		return refuseLocked(f.options.Password)
	case health == poppler.Hopeless:
		return refuseDamaged(said)
	case health == poppler.Sound && offset == 0:
		return nil
	}
	fixed := filepath.Join(f.options.Scratch, "mended.pdf")
	if err := f.options.Tools.Repair(ctx, f.Path, fixed, f.options.Password); err != nil {
		return Failed(ctx, err, "the PDF is damaged, and it cannot be mended")
	}
	if info, err = os.Stat(fixed); err != nil {
		return fmt.Errorf("open mended PDF: %w", err)
	}
	f.Path, f.Size, f.Repaired = fixed, info.Size(), true
	return nil
}

// headerOffset finds "%PDF-" in the first 1024 bytes; -1: it is not there.
func headerOffset(path string) (int, error) {
	r, err := os.Open(path)
	if err != nil {
		return 0, fmt.Errorf("open PDF: %w", err)
	}
	defer r.Close()
	head := make([]byte, 1024)
	n, err := io.ReadFull(r, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return 0, fmt.Errorf("open PDF: %w", err)
	}
	return indexHeader(head[:n]), nil
}

// parse reads the whole file into a pdfcpu context.
func (f *File) parse(ctx context.Context) error {
	r, err := os.Open(f.Path)
	if err != nil {
		return fmt.Errorf("open PDF: %w", err)
	}
	defer r.Close()
	conf := model.NewDefaultConfiguration()
	conf.ValidationMode, conf.Offline = model.ValidationRelaxed, true
	conf.UserPW, conf.OwnerPW = f.options.Password, f.options.Password
	conf.Limits.MaxStreamBytes = MaxBytes
	conf.Limits.MaxDecodeBytes = f.options.Bytes
	conf.Limits.MaxObjectCount, conf.Limits.MaxXRefEntries = 4_000_000, 4_000_000
	conf.Limits.MaxObjectStreamCount = 100_000
	err = guard(func() (err error) {
		f.PDF, err = pdfcpu.ReadWithContext(ctx, r, conf)
		return err
	})
	switch {
	case err == nil && f.PDF.Root != nil:
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, pdfcpu.ErrWrongPassword), errors.Is(err, pdfcpu.ErrOwnerPasswordRequired):
		return refuseLocked(f.options.Password)
	case errors.Is(err, pdfcpu.ErrUnsupportedEncryptionFeature):
		return sdk.Refuse("encrypted", "remove the protection with the program that made it", "the PDF is protected in a way that needs a certificate or an unknown program")
	case err == nil:
		return refuseDamaged("it has no catalog")
	default:
		sdk.Log(ctx).Debug("the PDF library cannot read a file", "error", err)
		return refuseDamaged("its structure cannot be read")
	}
	f.Encrypted = f.PDF.Encrypt != nil
	f.PDF.Read.RS = nil // everything is in memory
	return nil
}

// decrypt makes the copy that the drawing programs read when a password is needed.
func (f *File) decrypt(ctx context.Context) error {
	f.Drawable = f.Path
	if !f.Encrypted || f.options.Password == "" {
		return nil
	}
	open := filepath.Join(f.options.Scratch, "open.pdf")
	if err := f.options.Tools.Decrypt(ctx, f.Path, open, f.options.Password); err != nil {
		return Failed(ctx, err, "the protection of the PDF cannot be taken off for reading")
	}
	f.Drawable = open
	return nil
}

// MayChange reports whether the protection of the file allows a text layer: the
// document may be modified, or the password is the owner's.
func (f *File) MayChange(ctx context.Context) (bool, error) {
	const modify = 1 << 3
	if !f.Encrypted || f.PDF.E == nil || f.PDF.E.P&modify != 0 {
		return true, nil
	}
	if f.options.Password == "" {
		return false, nil
	}
	return f.options.Tools.Owner(ctx, f.Path, f.options.Password)
}

// guard turns a panic of pdfcpu into an error.
func guard(call func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("the PDF library failed: %v", r)
		}
	}()
	return call()
}
