package store

import (
	"errors"
	"io"
	"math"
	"sync/atomic"
)

// Bounds of an archive. A plug-in with its models fits; a trap does not.
const (
	maxArchive   = 1 << 30 // bytes of the zip
	maxUnpacked  = 2 << 30 // bytes of all files
	maxFiles     = 5000
	maxDirectory = 4 << 20   // bytes of the zip's list of files
	maxManifest  = 1 << 20   // bytes
	maxRatio     = 200       // unpacked size in packed sizes…
	freeRatio    = 100 << 20 // …beyond this many bytes
)

// rationed lets so many bytes be read until the ration is lifted: the list of
// files of a zip is held in memory, however long somebody has made it.
type rationed struct {
	io.ReaderAt
	left atomic.Int64
}

var errLongList = errors.New("its list of files is too long")

func newRationed(r io.ReaderAt, n int64) *rationed {
	l := &rationed{ReaderAt: r}
	l.left.Store(n)
	return l
}

func (l *rationed) lift() { l.left.Store(math.MaxInt64) }

func (l *rationed) ReadAt(p []byte, off int64) (int, error) {
	if l.left.Add(-int64(len(p))) < 0 {
		return 0, errLongList
	}
	return l.ReaderAt.ReadAt(p, off)
}
