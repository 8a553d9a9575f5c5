package read

import (
	"context"
	"fmt"
	"os"
	"slices"
	"sync"

	"github.com/twinleaf-scan/twinleaf/plugins/pdf/source"
	"github.com/twinleaf-scan/twinleaf/sdk"
)

// Limits of what stays in memory between two calls.
const (
	maxKept     = 256 << 20 // bytes of one document
	maxTogether = 32 << 20  // bytes of several: the pages of many short documents are asked for in turns
	maxOpen     = 12        // documents
)

// cache keeps the last documents, the one that was used last in front. Their mended or
// decrypted copies lie in folders below the temporary folder of the process until the
// document goes; the host empties that folder when the process has ended.
type cache struct {
	mu   sync.Mutex // guards open, and is held while a document is used
	open []*kept
}

// kept is one document.
type kept struct {
	key    string // content and password; empty: never found again
	limits sdk.Limits
	file   *source.File
	dir    string
	ahead  ahead // its texts
}

// take gives the document of a request, in front of the cache. The lock is held.
func (c *cache) take(ctx context.Context, input sdk.File, o source.Options) (*kept, error) {
	k := &kept{limits: sdk.Limits{Pages: o.Pages, Bytes: o.Bytes}}
	if input.SHA256 != "" {
		k.key = input.SHA256 + "\x00" + o.Password
	}
	if i := slices.IndexFunc(c.open, k.same); i >= 0 {
		found := c.open[i]
		c.open = slices.Delete(c.open, i, i+1)
		if found.present(input) {
			c.open = slices.Insert(c.open, 0, found)
			return found, nil
		}
		found.close()
	}
	info, err := os.Stat(input.Path)
	if err != nil {
		return nil, fmt.Errorf("open PDF: %w", err)
	}
	c.trim(info.Size())
	if k.dir, err = os.MkdirTemp("", "pdf-"); err != nil {
		return nil, fmt.Errorf("open PDF: %w", err)
	}
	o.Scratch = k.dir
	if k.file, err = source.Open(ctx, input.Path, o); err != nil {
		k.close()
		return nil, err
	}
	c.open = slices.Insert(c.open, 0, k)
	return k, nil
}

// release ends the use of the document in front. The lock is held.
func (c *cache) release() {
	if k := c.open[0]; k.key == "" || k.file.Size > maxKept {
		c.open = c.open[1:]
		k.close()
	}
}

// trim makes room for another document of so many bytes. The lock is held.
func (c *cache) trim(more int64) {
	for i, k := range c.open {
		more += k.file.Size + int64(k.ahead.held)
		if i+1 == maxOpen || more > maxTogether {
			for _, k := range c.open[i:] {
				k.close()
			}
			c.open = c.open[:i]
			return
		}
	}
}

// drop forgets all documents.
func (c *cache) drop() {
	for _, k := range c.open {
		k.close()
	}
	c.open = nil
}

func (k *kept) same(other *kept) bool {
	return k.key != "" && k.key == other.key && k.limits == other.limits
}

// present makes the drawing programs read the path of this call: the host may
// give the same content another path every time.
func (k *kept) present(input sdk.File) bool {
	if !k.file.Repaired && k.file.Drawable == k.file.Path {
		k.file.Path, k.file.Drawable = input.Path, input.Path
	}
	_, err := os.Stat(k.file.Drawable)
	return err == nil
}

// close removes the copies.
func (k *kept) close() {
	if k.dir != "" {
		os.RemoveAll(k.dir)
	}
}
