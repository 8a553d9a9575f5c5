package watch

import (
	"encoding/binary"
	"fmt"
	"io"
)

// Bounds of what is believed of a TIFF's structure.
const (
	maxIFDs    = 100_000
	maxEntries = 4_096
	maxStrips  = 4 << 20 // places of pixels and entries of the whole file
)

// Tags that say where the pixels lie.
const (
	tagStripOffsets = 273
	tagStripCounts  = 279
	tagTileOffsets  = 324
	tagTileCounts   = 325
	tagJPEGOffset   = 513
	tagJPEGLength   = 514
)

func isTIFF(head []byte) bool {
	if len(head) < 4 {
		return false
	}
	switch string(head[:4]) {
	case "II*\x00", "MM\x00*", "II+\x00", "MM\x00+":
		return true
	}
	return false
}

// lookTIFF follows the chain of directories to its end; everything that they name
// must lie inside the file.
func lookTIFF(r io.ReaderAt, size int64) (Verdict, string) {
	t, at, ok := openTIFF(r, size)
	if !ok {
		return Cut, "ends inside the TIFF's header"
	}
	if at == 0 {
		return Cut, "is a TIFF without a directory so far"
	}
	seen := map[int64]bool{}
	for page := 1; at != 0; page++ {
		if seen[at] || page > maxIFDs {
			return Doubtful, "is a TIFF whose directories never end"
		}
		seen[at] = true
		next, why := t.directory(at)
		if why != "" {
			return Cut, fmt.Sprintf("ends before %s of TIFF page %d", why, page)
		}
		if t.left < 0 {
			return Doubtful, "is a TIFF that names more pixels than a TIFF can"
		}
		at = next
	}
	return Whole, "is a whole TIFF"
}

// tiff is a file with its byte order and the widths of its form: classic or big.
type tiff struct {
	r     io.ReaderAt
	size  int64
	order binary.ByteOrder
	big   bool
	left  int64 // of maxStrips, for directories and arrays may lie over each other; below 0 when used up
}

func openTIFF(r io.ReaderAt, size int64) (t *tiff, first int64, ok bool) {
	var h [16]byte
	n, _ := r.ReadAt(h[:], 0)
	t = &tiff{r: r, size: size, order: binary.LittleEndian, left: maxStrips}
	if h[0] == 'M' {
		t.order = binary.BigEndian
	}
	t.big = t.order.Uint16(h[2:]) == 43
	if t.big {
		return t, int64(t.order.Uint64(h[8:]) & (1<<62 - 1)), n >= 16
	}
	return t, int64(t.order.Uint32(h[4:])), n >= 8
}

// word is the width of an offset.
func (t *tiff) word() int64 {
	if t.big {
		return 8
	}
	return 4
}

func (t *tiff) read(at, n int64) []byte {
	if !t.inside(at, n) {
		return nil
	}
	buf := make([]byte, n)
	if _, err := t.r.ReadAt(buf, at); err != nil && err != io.EOF {
		return nil
	}
	return buf
}

func (t *tiff) inside(at, n int64) bool { return at >= 0 && n >= 0 && at <= t.size && n <= t.size-at }

// offset decodes a value of width bytes.
func (t *tiff) offset(b []byte) int64 {
	switch len(b) {
	case 1:
		return int64(b[0])
	case 2:
		return int64(t.order.Uint16(b))
	case 4:
		return int64(t.order.Uint32(b))
	case 8:
		return int64(t.order.Uint64(b) & (1<<62 - 1))
	}
	return 0
}

// directory checks one directory and gives the place of the next; why names what
// lies outside the file.
func (t *tiff) directory(at int64) (next int64, why string) {
	countBytes, entryBytes := int64(2), int64(12)
	if t.big {
		countBytes, entryBytes = 8, 20
	}
	c := t.read(at, countBytes)
	if c == nil {
		return 0, "the directory"
	}
	n := t.offset(c)
	if n > maxEntries {
		return 0, "the end of the directory"
	}
	if !t.spend(n) {
		return 0, ""
	}
	raw := t.read(at+countBytes, n*entryBytes+t.word())
	if raw == nil {
		return 0, "the end of the directory"
	}
	values := map[int][]int64{}
	for i := range n {
		if why := t.entry(raw[i*entryBytes:(i+1)*entryBytes], values); why != "" {
			return 0, why
		}
	}
	return t.offset(raw[n*entryBytes:]), t.pixels(values)
}

var typeBytes = map[int64]int64{1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}

// entry checks that an entry's values lie inside the file and keeps those that say
// where pixels are.
func (t *tiff) entry(e []byte, values map[int][]int64) (why string) {
	tag, kind := int(t.order.Uint16(e)), int64(t.order.Uint16(e[2:]))
	count := t.offset(e[4 : 4+t.word()])
	field := e[4+t.word():]
	width := typeBytes[kind]
	if width == 0 {
		return ""
	}
	at, n := t.offset(field), count*width
	far := n > int64(len(field))
	if count > t.size || far && !t.inside(at, n) {
		return fmt.Sprintf("the values of tag %d", tag)
	}
	if _, again := values[tag]; again || !placing(tag) || !t.spend(count) {
		return ""
	}
	data := field
	if far {
		data = t.read(at, n)
	}
	if int64(len(data)) < n {
		return fmt.Sprintf("the values of tag %d", tag)
	}
	values[tag] = t.offsets(data[:n], width)
	return ""
}

// offsets decodes the values of width bytes each that data holds.
func (t *tiff) offsets(data []byte, width int64) []int64 {
	list := make([]int64, int64(len(data))/width)
	for i := range list {
		list[i] = t.offset(data[int64(i)*width:][:width])
	}
	return list
}

// spend takes n of what may be read of places and entries; false when they are used up.
func (t *tiff) spend(n int64) bool {
	if n > t.left {
		t.left = -1
		return false
	}
	t.left -= n
	return true
}

func placing(tag int) bool {
	switch tag {
	case tagStripOffsets, tagStripCounts, tagTileOffsets, tagTileCounts, tagJPEGOffset, tagJPEGLength:
		return true
	}
	return false
}

func (t *tiff) pixels(v map[int][]int64) (why string) {
	for _, pair := range [][2]int{{tagStripOffsets, tagStripCounts}, {tagTileOffsets, tagTileCounts}, {tagJPEGOffset, tagJPEGLength}} {
		offsets, counts := v[pair[0]], v[pair[1]]
		for i, at := range offsets {
			n := int64(0)
			if i < len(counts) {
				n = counts[i]
			}
			if !t.inside(at, n) {
				return "the pixels"
			}
		}
	}
	return ""
}
