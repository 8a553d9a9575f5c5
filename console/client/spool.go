package client

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// MaxSpool is the size up to which a stream is spooled, in bytes.
const MaxSpool = 4 << 30

// Spool reads a stream to its end into a temporary file, so that it can be sent to more
// than one server. The file is gone when done is called, or the program ends.
func Spool(name string, r io.Reader) (f File, done func() error, err error) {
	return spool(name, r, MaxSpool)
}

func spool(name string, r io.Reader, limit int64) (f File, done func() error, err error) {
	tmp, err := os.CreateTemp("", "twinleaf-scan-*")
	if err != nil {
		return File{}, nil, fmt.Errorf("keep %s for a second try: %w\nhint: name a folder with room in TMPDIR", name, err)
	}
	size, err := io.Copy(tmp, io.LimitReader(r, limit+1))
	err = errors.Join(err, os.Remove(tmp.Name())) // the open file stays readable, and nothing is left of it afterwards
	switch {
	case err != nil:
		err = fmt.Errorf("keep %s for a second try: %w", name, err)
	case size > limit:
		err = fmt.Errorf("%s is longer than %d bytes\nhint: write the scan to a file and submit that", name, limit)
	}
	if err != nil {
		return File{}, nil, errors.Join(err, tmp.Close())
	}
	open := func() (io.ReadCloser, error) { return io.NopCloser(io.NewSectionReader(tmp, 0, size)), nil }
	return File{Name: name, Size: size, Open: open}, tmp.Close, nil
}
