package read

import (
	"context"
	"fmt"
	"os"
	"sync"

	"github.com/twinleaf-scan/twinleaf/plugins/pdf/source"
	"github.com/twinleaf-scan/twinleaf/sdk"
)

// maxKept is the largest document that stays in memory between two calls.
const maxKept = 256 << 20

// cache keeps the last document. Its mended or decrypted copy lies in a folder
// below the temporary folder of the process until another document comes; the host
// empties that folder when the process has ended.
type cache struct {
	mu     sync.Mutex // guards the fields below, and is held while the document is used
	key    string     // content and password; empty: never found again
	limits sdk.Limits
	file   *source.File
	dir    string
	ahead  ahead // its texts
}

// open gives the document of a request. The lock is held.
func (c *cache) open(ctx context.Context, input sdk.File, o source.Options) (*source.File, error) {
	key := ""
	if input.SHA256 != "" {
		key = input.SHA256 + "\x00" + o.Password
	}
	limits := sdk.Limits{Pages: o.Pages, Bytes: o.Bytes}
	if c.file != nil && key != "" && c.key == key && c.limits == limits && c.present(input) {
		return c.file, nil
	}
	c.drop()
	dir, err := os.MkdirTemp("", "pdf-")
	if err != nil {
		return nil, fmt.Errorf("open PDF: %w", err)
	}
	o.Scratch = dir
	f, err := source.Open(ctx, input.Path, o)
	if err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	c.key, c.limits, c.file, c.dir = key, limits, f, dir
	return f, nil
}

// present makes the drawing programs read the path of this call: the host may
// give the same content another path every time.
func (c *cache) present(input sdk.File) bool {
	if !c.file.Repaired && c.file.Drawable == c.file.Path {
		c.file.Path, c.file.Drawable = input.Path, input.Path
	}
	_, err := os.Stat(c.file.Drawable)
	return err == nil
}

// release ends a use. The lock is held.
func (c *cache) release() {
	if c.key == "" || c.file.Size > maxKept {
		c.drop()
	}
}

func (c *cache) drop() {
	if c.dir != "" {
		os.RemoveAll(c.dir)
	}
	c.key, c.file, c.dir, c.ahead = "", nil, "", ahead{}
}
