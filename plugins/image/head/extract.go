package head

import (
	"encoding/binary"
	"io"
	"math"
)

// OneG4Strip finds the data of a G4 page of one strip. A count of 0, which some
// scanners write, means up to the next directory or the end of the file.
func OneG4Strip(p TIFFPage, size int64) (Span, bool) {
	const uncompressed = 2 // of T6Options: not every reader knows that mode
	ok := p.Compression == CompressionG4 && p.Bits == 1 && p.Samples == 1 && p.Photometric <= MinIsBlack &&
		!p.Tiled && len(p.Offsets) == 1 && p.RowsPerStrip >= p.Height && p.T6&uncompressed == 0 && p.FillOrder <= 2
	if !ok {
		return Span{}, false
	}
	s := Span{At: p.Offsets[0]}
	if len(p.Counts) > 0 {
		s.Len = p.Counts[0]
	}
	if s.Len == 0 {
		end := uint64(size)
		for _, at := range []uint64{p.Directory, p.Next} {
			if at > s.At {
				end = min(end, at)
			}
		}
		s.Len = end - s.At
	}
	return s, s.Len > 0 && s.Len <= math.MaxUint32
}

// G4Header is the beginning of a TIFF file of one page, to be followed by its n
// bytes of G4 data.
func G4Header(p TIFFPage, n uint64, xdpi, ydpi float64) []byte {
	type field struct {
		tag, kind uint16
		value     uint32
	}
	fields := []field{
		{tagWidth, 4, uint32(p.Width)},
		{tagHeight, 4, uint32(p.Height)},
		{tagBits, 3, 1},
		{tagCompression, 3, CompressionG4},
		{tagPhotometric, 3, uint32(p.Photometric)},
		{tagFillOrder, 3, uint32(max(p.FillOrder, 1))},
		{tagStripOffsets, 4, 0},
		{tagSamples, 3, 1},
		{tagRowsPerStrip, 4, uint32(p.Height)},
		{tagStripCounts, 4, uint32(n)},
		{tagXResolution, 5, 0},
		{tagYResolution, 5, 0},
		{tagResolutionUnit, 3, 2},
	}
	ratios := uint32(8 + 2 + 12*len(fields) + 4)
	le := binary.LittleEndian
	b := append([]byte("II*\x00"), 8, 0, 0, 0)
	b = le.AppendUint16(b, uint16(len(fields)))
	for _, f := range fields {
		switch f.tag {
		case tagStripOffsets:
			f.value = ratios + 16
		case tagXResolution:
			f.value = ratios
		case tagYResolution:
			f.value = ratios + 8
		}
		b = le.AppendUint16(b, f.tag)
		b = le.AppendUint16(b, f.kind)
		b = le.AppendUint32(b, 1)
		b = le.AppendUint32(b, f.value)
	}
	b = le.AppendUint32(b, 0)
	for _, dpi := range []float64{xdpi, ydpi} {
		b = le.AppendUint32(b, uint32(math.Round(dpi*1000)))
		b = le.AppendUint32(b, 1000)
	}
	return b
}

// maxTables bounds the tables of a JPEG in bytes; real ones take under 1 KB.
const maxTables = 64 << 10

// JPEGStream says how to make a JPEG file of a page that is one strip or tile: the
// bytes to begin with, and where the rest lies. It is for gray and three-colour
// pages; whether the result is the page's picture is for the caller to see.
func JPEGStream(r io.ReaderAt, p TIFFPage) (before []byte, rest Span, ok bool) {
	colors := p.Samples == 1 && p.Photometric == MinIsBlack || p.Samples == 3 && (p.Photometric == RGB || p.Photometric == YCbCr)
	if !colors || p.Planar && p.Samples > 1 || p.Bits != 8 || len(p.Offsets) != 1 || len(p.Counts) != 1 || p.Counts[0] < 4 {
		return nil, Span{}, false
	}
	before = []byte{0xFF, mSOI}
	if p.Samples == 3 {
		transform := byte(0)
		if p.Photometric == YCbCr {
			transform = 1
		}
		before = append(before, 0xFF, mAPP14, 0, 14, 'A', 'd', 'o', 'b', 'e', 0, 100, 0, 0, 0, 0, transform)
	}
	if n := p.Tables.Len; n > 4 {
		if n > maxTables {
			return nil, Span{}, false
		}
		b := make([]byte, n)
		if _, err := r.ReadAt(b, int64(p.Tables.At)); err != nil || b[0] != 0xFF || b[1] != mSOI {
			return nil, Span{}, false
		}
		if b[n-2] == 0xFF && b[n-1] == mEOI {
			b = b[:n-2]
		}
		before = append(before, b[2:]...)
	}
	var soi [2]byte
	if _, err := r.ReadAt(soi[:], int64(p.Offsets[0])); err != nil || soi != [2]byte{0xFF, mSOI} {
		return nil, Span{}, false
	}
	return before, Span{At: p.Offsets[0] + 2, Len: p.Counts[0] - 2}, true
}
