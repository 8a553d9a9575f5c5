package overnats

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// image is that of one page, which lies in a folder of its own while the page is read.
type image struct {
	worker *worker
	order  order
	dir    string
}

// tries is how often a part of an image is asked for.
const tries = 3

// fetch brings the image from the server and gives its path. It is what the server said
// it would be, or there is an error.
func (i *image) fetch(ctx context.Context) (path string, err error) {
	if i.dir != "" {
		return "", errors.New("the image was fetched before")
	}
	if i.dir, err = os.MkdirTemp(i.worker.config.Dir, "page-"); err != nil {
		return "", err
	}
	path = filepath.Join(i.dir, "image")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return "", err
	}
	err = errors.Join(i.copy(ctx, f), f.Close())
	if err != nil {
		return "", fmt.Errorf("fetch the page's image: %w", err)
	}
	return path, nil
}

func (i *image) copy(ctx context.Context, f *os.File) error {
	want := i.order.Task.Image
	sum := sha256.New()
	for at := int64(0); at < want.Size; {
		part, err := i.part(ctx, at)
		if err != nil {
			return err
		}
		if int64(len(part)) > want.Size-at {
			return errors.New("more came than was said to")
		}
		if _, err := f.Write(part); err != nil {
			return err
		}
		sum.Write(part)
		at += int64(len(part))
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != string(want.Ref) {
		return fmt.Errorf("it came damaged: SHA-256 %s, and it was to be %s", got, want.Ref)
	}
	return nil
}

// part asks for what begins at a place, several times if need be.
func (i *image) part(ctx context.Context, at int64) ([]byte, error) {
	text, err := json.Marshal(ask{i.order.ID, i.order.Task.Image.Ref, at})
	if err != nil {
		return nil, err
	}
	for try := 1; ; try++ {
		part, err := i.request(ctx, text, at)
		if err == nil || ctx.Err() != nil || try == tries {
			return part, err
		}
	}
}

func (i *image) request(ctx context.Context, text []byte, at int64) ([]byte, error) {
	ctx, stop := context.WithTimeout(ctx, askWithin)
	defer stop()
	m, err := i.worker.nc.RequestWithContext(ctx, i.worker.of.blob(), text)
	if err != nil {
		return nil, err
	}
	f, load, err := decodeFrame(m.Data)
	switch {
	case err != nil:
		return nil, err
	case f.Kind == kindError:
		return nil, f.err()
	case f.Kind != kindData || f.At != at:
		return nil, fmt.Errorf("a part of the image that begins at %d came, and not at %d", f.At, at)
	}
	return load, nil
}

// remove removes the image.
func (i *image) remove() {
	if i.dir != "" {
		if err := os.RemoveAll(i.dir); err != nil {
			i.worker.log.Warn("a page's image stays behind", "dir", i.dir, "err", err)
		}
	}
}
