package head

import (
	"encoding/binary"
	"io"
	"math"
)

// Tags of TIFF.
const (
	tagSubfile         = 254
	tagOldSubfile      = 255
	tagWidth           = 256
	tagHeight          = 257
	tagBits            = 258
	tagCompression     = 259
	tagPhotometric     = 262
	tagFillOrder       = 266
	tagStripOffsets    = 273
	tagOrientation     = 274
	tagSamples         = 277
	tagRowsPerStrip    = 278
	tagStripCounts     = 279
	tagXResolution     = 282
	tagYResolution     = 283
	tagPlanar          = 284
	tagT4              = 292
	tagT6              = 293
	tagResolutionUnit  = 296
	tagTileWidth       = 322
	tagTileHeight      = 323
	tagTileOffsets     = 324
	tagTileCounts      = 325
	tagSampleFormat    = 339
	tagJPEGTables      = 347
	tagJPEGInterchange = 513
	tagJPEGLength      = 514
)

// Bounds of one directory: real ones have some dozens of entries, and a page of
// 150 million pixels in tiles of 16 x 16 has 590,000 of them.
const (
	maxEntries = 4096
	maxPieces  = 1 << 20
)

// directory reads the directories of one file.
type directory struct {
	r     io.ReaderAt
	size  uint64
	order binary.ByteOrder
	big   bool // BigTIFF: 8-byte positions
}

// entry is one field of a directory.
type entry struct {
	tag, kind uint16
	count     uint64
	value     []byte // 4 or 8 bytes: the value or where it lies
}

func openTIFF(r io.ReaderAt, size int64) (directory, uint64, error) {
	d := directory{r: r, size: uint64(max(size, 0))}
	b := make([]byte, 16)
	if n, _ := r.ReadAt(b, 0); n < 8 {
		return d, 0, notTIFF(size)
	} else {
		b = b[:n]
	}
	order, ok := byteOrder(b)
	if !ok {
		return d, 0, Damaged("the file does not begin as a TIFF")
	}
	d.order = order
	switch order.Uint16(b[2:]) {
	case 42:
		return d, uint64(order.Uint32(b[4:])), nil
	case 43:
		if len(b) < 16 || order.Uint16(b[4:]) != 8 {
			return d, 0, notTIFF(size)
		}
		d.big = true
		return d, order.Uint64(b[8:]), nil
	}
	return d, 0, Damaged("the file does not begin as a TIFF")
}

// read gives n bytes at position at, or an error for people.
func (d directory) read(at uint64, n uint64) ([]byte, error) {
	if at > d.size || n > d.size-at {
		return nil, Damaged("the TIFF points to %d bytes at %d, past its end at %d: the file is cut short", n, at, d.size)
	}
	b := make([]byte, n)
	if _, err := d.r.ReadAt(b, int64(at)); err != nil && err != io.EOF {
		return nil, err
	}
	return b, nil
}

// page reads the directory at position at.
func (d directory) page(at uint64) (TIFFPage, error) {
	p := TIFFPage{
		Directory: at, BigEndian: d.order == binary.BigEndian,
		Bits: 1, Samples: 1, SampleFormat: 1, Compression: CompressionNone, FillOrder: 1, Orient: 1, RowsPerStrip: math.MaxInt32,
	}
	entries, next, err := d.entries(at)
	if err != nil {
		return p, err
	}
	p.Next = next
	unit, xres, yres := uint64(2), 0.0, 0.0
	var offsets, counts []uint64
	for _, e := range entries {
		switch e.tag {
		case tagXResolution:
			xres = d.rational(e)
		case tagYResolution:
			yres = d.rational(e)
		case tagResolutionUnit:
			unit = d.number(e)
		case tagStripOffsets, tagTileOffsets:
			offsets, err = d.numbers(e)
		case tagStripCounts, tagTileCounts:
			counts, err = d.numbers(e)
		default:
			d.field(&p, e)
		}
		if err != nil {
			return p, err
		}
	}
	p.XDPI, p.YDPI = perInch(unit, xres), perInch(unit, yres)
	p.Pieces = len(offsets)
	if len(offsets) == 1 {
		p.Offsets, p.Counts = offsets, counts
	}
	return p, p.check(d.size, offsets, counts)
}

// perInch turns a resolution into dots per inch. Without a unit a plausible
// number is taken for what writers mean by it.
func perInch(unit uint64, res float64) float64 {
	switch {
	case unit == 3:
		return res * 2.54
	case unit == 1 && (res < 70 || res > 2400):
		return 0
	}
	return res
}

// field stores a field of one number or span.
func (d directory) field(p *TIFFPage, e entry) {
	n := int(min(d.number(e), math.MaxInt32))
	switch e.tag {
	case tagSubfile:
		p.Subfile = n
	case tagOldSubfile:
		if n == 2 {
			p.Subfile |= 1
		}
	case tagWidth:
		p.Width = n
	case tagHeight:
		p.Height = n
	case tagBits:
		p.Bits = n
	case tagCompression:
		p.Compression = n
	case tagPhotometric:
		p.Photometric = n
	case tagFillOrder:
		p.FillOrder = n
	case tagOrientation:
		if n >= 1 && n <= 8 {
			p.Orient = n
		}
	case tagSamples:
		p.Samples = n
	case tagRowsPerStrip:
		p.RowsPerStrip = n
	case tagPlanar:
		p.Planar = n == 2
	case tagT4:
		p.T4 = uint32(n)
	case tagT6:
		p.T6 = uint32(n)
	case tagTileWidth:
		p.TileWidth, p.Tiled = n, true
	case tagTileHeight:
		p.TileHeight, p.Tiled = n, true
	case tagSampleFormat:
		p.SampleFormat = n
	case tagJPEGTables:
		p.Tables = Span{d.position(e), e.count}
	case tagJPEGInterchange:
		p.Old.At = d.number(e)
	case tagJPEGLength:
		p.Old.Len = d.number(e)
	}
}

func (d directory) entries(at uint64) ([]entry, uint64, error) {
	head, each, tail := uint64(2), uint64(12), uint64(4)
	if d.big {
		head, each, tail = 8, 20, 8
	}
	b, err := d.read(at, head)
	if err != nil {
		return nil, 0, err
	}
	n := uint64(d.order.Uint16(b))
	if d.big {
		n = d.order.Uint64(b)
	}
	if n == 0 || n > maxEntries {
		return nil, 0, Damaged("a directory of the TIFF has %d entries", n)
	}
	if b, err = d.read(at+head, n*each); err != nil {
		return nil, 0, err
	}
	all := make([]entry, n)
	for i := range all {
		all[i] = d.entry(b[uint64(i)*each:][:each])
	}
	return all, d.next(at+head+n*each, tail), nil
}

// next gives the position of the following directory. A file that ends right
// after its last directory, without the closing zero, is taken as closed.
func (d directory) next(at, n uint64) uint64 {
	b, err := d.read(at, n)
	if err != nil {
		return 0
	}
	if d.big {
		return d.order.Uint64(b)
	}
	return uint64(d.order.Uint32(b))
}

func (d directory) entry(b []byte) entry {
	e := entry{tag: d.order.Uint16(b), kind: d.order.Uint16(b[2:])}
	if d.big {
		e.count, e.value = d.order.Uint64(b[4:]), b[12:]
	} else {
		e.count, e.value = uint64(d.order.Uint32(b[4:])), b[8:]
	}
	return e
}
