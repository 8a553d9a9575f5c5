package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// mark is what the journal remembers of itself outside the engine's files.
type mark struct {
	end  chain // the last acknowledged entry
	base chain // the last entry that Compact dropped
}

// watermark keeps the mark in two slots of one small file, written in turn. A
// write goes to the file at once and to the disk every few moments. So after the
// process was killed the mark is exact; after a power loss it may be that much
// older, and what damage took of the entries acknowledged in those moments
// cannot be noticed. It is never newer than the journal.
type watermark struct {
	file *os.File

	mu    sync.Mutex // guards the fields below
	mark  mark
	count uint64
	dirty bool
}

const (
	markMagic = "TWMARK1\n"
	markSize  = 8 + 8 + 2*40 + 4
	markSlot  = 4096 // apart, so that a torn write hits one slot only
)

func markPath(dir string) string { return filepath.Join(dir, "watermark") }

// openWatermark opens the file in dir or makes it. found is false when there was
// none, or none that can be read: then nothing is known.
func openWatermark(dir string) (w *watermark, found bool, err error) {
	f, err := os.OpenFile(markPath(dir), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, false, err
	}
	w = &watermark{file: f}
	for slot := range int64(2) {
		buf := make([]byte, markSize)
		if _, err := f.ReadAt(buf, slot*markSlot); err != nil {
			continue // shorter than that: the slot was never written
		}
		if m, count, ok := decodeMark(buf); ok && count > w.count {
			w.mark, w.count, found = m, count, true
		}
	}
	return w, found, nil
}

// readMark reads the mark without opening it for writing.
func readMark(dir string) (mark, bool, error) {
	_, err := os.Stat(markPath(dir))
	if errors.Is(err, fs.ErrNotExist) {
		return mark{}, false, nil
	}
	w, found, err := openWatermark(dir)
	if err != nil {
		return mark{}, false, err
	}
	return w.mark, found, w.file.Close()
}

func encodeMark(m mark, count uint64) []byte {
	b := append(make([]byte, 0, markSize), markMagic...)
	b = binary.LittleEndian.AppendUint64(b, count)
	for _, c := range []chain{m.end, m.base} {
		b = binary.LittleEndian.AppendUint64(b, uint64(c.last))
		b = append(b, c.hash[:]...)
	}
	return binary.LittleEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
}

func decodeMark(b []byte) (m mark, count uint64, ok bool) {
	n := len(b) - 4
	if n < 0 || len(b) != markSize || string(b[:8]) != markMagic || crc32.ChecksumIEEE(b[:n]) != binary.LittleEndian.Uint32(b[n:]) {
		return mark{}, 0, false
	}
	at := 16
	for _, c := range []*chain{&m.end, &m.base} {
		c.last = Seq(binary.LittleEndian.Uint64(b[at:]))
		c.hash = Hash(b[at+8 : at+40])
		at += 40
	}
	return m, binary.LittleEndian.Uint64(b[8:]), true
}

// set writes the mark; it is on disk after the next sync.
func (w *watermark) set(m mark) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.count++
	if _, err := w.file.WriteAt(encodeMark(m, w.count), int64(w.count%2)*markSlot); err != nil {
		return fmt.Errorf("write the journal's watermark: %w", err)
	}
	w.mark, w.dirty = m, true
	return nil
}

func (w *watermark) get() mark {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.mark
}

// sync brings the mark to the disk.
func (w *watermark) sync() error {
	w.mu.Lock()
	dirty := w.dirty
	w.dirty = false
	w.mu.Unlock()
	if !dirty {
		return nil
	}
	if err := w.file.Sync(); err != nil {
		return fmt.Errorf("sync the journal's watermark: %w", err)
	}
	return nil
}

// keepSynced syncs until stop is closed.
func (w *watermark) keepSynced(every time.Duration, stop <-chan struct{}, failed func(error)) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
			if err := w.sync(); err != nil {
				failed(err)
			}
		}
	}
}

func (w *watermark) close() error {
	return errors.Join(w.sync(), w.file.Close())
}
