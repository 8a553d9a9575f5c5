package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
)

// MaxSpool is the size up to which a stream is spooled, in bytes.
const MaxSpool = 4 << 30

// Spool reads a stream to its end into a temporary file, so that it can be sent to more
// than one server. The file is gone when done is called, or the program ends.
func Spool(ctx context.Context, name string, r io.Reader) (f File, done func() error, err error) {
	return spool(ctx, name, r, MaxSpool)
}

func spool(ctx context.Context, name string, r io.Reader, limit int64) (f File, done func() error, err error) {
	tmp, err := os.CreateTemp("", "twinleaf-scan-*")
	if err == nil {
		err = os.Remove(tmp.Name()) // the open file stays readable, and nothing is left of it afterwards
	}
	if err != nil {
		return File{}, nil, fmt.Errorf("keep %s for a second try: %w\nhint: name a folder with room in TMPDIR", name, err)
	}
	size, err := copyAll(ctx, tmp, io.LimitReader(r, limit+1))
	switch {
	case err != nil && ctx.Err() != nil:
		return File{}, nil, err // the copying may still hold the file
	case err != nil:
		err = fmt.Errorf("keep %s for a second try: %w\nhint: name a folder with room in TMPDIR", name, err)
	case size > limit:
		err = fmt.Errorf("%s is longer than %d bytes\nhint: write the scan to a file and submit that", name, limit)
	}
	if err != nil {
		return File{}, nil, errors.Join(err, tmp.Close())
	}
	open := func() (io.ReadCloser, error) { return io.NopCloser(io.NewSectionReader(tmp, 0, size)), nil }
	return File{Name: name, Size: size, Open: open}, tmp.Close, nil
}

// copyAll copies until the end or until ctx ends.
func copyAll(ctx context.Context, w io.Writer, r io.Reader) (int64, error) {
	type copied struct {
		n   int64
		err error
	}
	done := make(chan copied, 1)
	go func() { // reading from a terminal or a pipe cannot be interrupted; it ends with the stream
		n, err := io.Copy(w, r)
		done <- copied{n, err}
	}()
	select {
	case <-ctx.Done():
		return 0, ctx.Err()
	case c := <-done:
		return c.n, c.err
	}
}
