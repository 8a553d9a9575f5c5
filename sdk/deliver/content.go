package deliver

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"

	"github.com/twinleaf-scan/twinleaf/sdk"
)

// Content is what is put: it may be read from any place, also again.
type Content interface {
	io.ReadSeeker
	io.ReaderAt
}

type inMemory struct{ *bytes.Reader }

// Bytes is a small content.
func Bytes(b []byte) Content { return inMemory{bytes.NewReader(b)} }

// Progress tells the host how far a delivery is.
type Progress struct {
	ctx         context.Context
	total, sent atomic.Int64 // bytes
}

// NewProgress begins at nothing of all of r's files.
func NewProgress(ctx context.Context, r sdk.DeliverRequest) *Progress {
	p := &Progress{ctx: ctx}
	for _, f := range r.Files {
		if info, err := os.Stat(f.Path); err == nil {
			p.total.Add(info.Size())
		}
	}
	return p
}

func (p *Progress) add(n int) {
	if total := p.total.Load(); total > 0 {
		sdk.Progress(p.ctx, float64(p.sent.Add(int64(n)))/float64(total))
	}
}

// File is a file of the request, open for putting.
type File struct {
	Size int64 // bytes
	ctx  context.Context
	f    *os.File
	done *Progress
}

// Open opens a file of a request and makes sure that it is the one that was meant:
// its SHA-256 is what the host says. Reading ends with ctx.
func Open(ctx context.Context, f sdk.File, done *Progress) (*File, error) {
	in, err := os.Open(f.Path)
	if err != nil {
		return nil, err
	}
	file := &File{ctx: ctx, f: in, done: done}
	if err := file.check(f); err != nil {
		return nil, errors.Join(err, in.Close())
	}
	return file, nil
}

func (f *File) check(want sdk.File) error {
	sum := sha256.New()
	n, err := io.Copy(sum, f.f)
	if err != nil {
		return err
	}
	if got := hex.EncodeToString(sum.Sum(nil)); want.SHA256 != "" && got != want.SHA256 {
		return fmt.Errorf("%s has SHA-256 %s instead of %s", want.Name, got, want.SHA256)
	}
	f.Size = n
	_, err = f.f.Seek(0, io.SeekStart)
	return err
}

func (f *File) Read(p []byte) (int, error) {
	if err := f.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := f.f.Read(p)
	f.done.add(n)
	return n, err
}

// ReadAt is part of Content.
func (f *File) ReadAt(p []byte, off int64) (int, error) {
	if err := f.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := f.f.ReadAt(p, off)
	f.done.add(n)
	return n, err
}

// Seek is part of Content.
func (f *File) Seek(off int64, whence int) (int64, error) { return f.f.Seek(off, whence) }

// Close is part of io.Closer.
func (f *File) Close() error { return f.f.Close() }
