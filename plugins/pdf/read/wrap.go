package read

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"hash/crc32"
	"io"
	"math"

	"github.com/twinleaf-scan/twinleaf/plugins/pdf/source"
)

// tiffHeader is what makes a Group 4 code a TIFF of one strip that follows it.
func tiffHeader(s source.Sole) []byte {
	const entries, size = 12, 8 + 2 + 12*12 + 4 + 16
	photometric := 0 // black in the code is black
	if s.Inverted {
		photometric = 1
	}
	le := binary.LittleEndian
	b := append(make([]byte, 0, size), "II*\x00\x08\x00\x00\x00"...)
	b = le.AppendUint16(b, entries)
	const short, long, rational = 3, 4, 5
	for _, e := range [entries][3]int{
		{256, long, s.Width}, {257, long, s.Height}, {258, short, 1}, {259, short, 4}, {262, short, photometric},
		{273, long, size}, {277, short, 1}, {278, long, s.Height}, {279, long, len(s.Image.Raw)},
		{282, rational, size - 16}, {283, rational, size - 8}, {296, short, 2},
	} {
		b = le.AppendUint16(b, uint16(e[0]))
		b = le.AppendUint16(b, uint16(e[1]))
		b = le.AppendUint32(b, 1)
		b = le.AppendUint32(b, uint32(e[2]))
	}
	b = le.AppendUint32(b, 0)
	x, y := s.XDPI, s.YDPI
	if s.Orient >= 5 {
		x, y = y, x // of the stored image
	}
	for _, dpi := range []float64{x, y} {
		b = le.AppendUint32(b, uint32(math.Round(dpi*100)))
		b = le.AppendUint32(b, 100)
	}
	return b
}

// pngParts is what makes a deflated image with PNG predictors a PNG file.
func pngParts(s source.Sole) [][]byte {
	be := binary.BigEndian
	colour := byte(0)
	if s.Components == 3 {
		colour = 2
	}
	head := be.AppendUint32(be.AppendUint32(nil, uint32(s.Width)), uint32(s.Height))
	head = append(head, byte(s.Bits), colour, 0, 0, 0)
	perMetre := func(dpi float64) uint32 { return uint32(math.Round(dpi / 0.0254)) }
	x, y := s.XDPI, s.YDPI
	if s.Orient >= 5 {
		x, y = y, x
	}
	phys := append(be.AppendUint32(be.AppendUint32(nil, perMetre(x)), perMetre(y)), 1)
	parts := [][]byte{[]byte("\x89PNG\r\n\x1a\n")}
	parts = append(parts, chunk("IHDR", head)...)
	parts = append(parts, chunk("pHYs", phys)...)
	parts = append(parts, chunk("IDAT", s.Image.Raw)...)
	return append(parts, chunk("IEND", nil)...)
}

// chunk is a PNG chunk in three parts; data is not copied.
func chunk(name string, data []byte) [][]byte {
	be := binary.BigEndian
	head := append(be.AppendUint32(nil, uint32(len(data))), name...)
	sum := crc32.NewIEEE()
	sum.Write(head[4:])
	sum.Write(data)
	return [][]byte{head, data, be.AppendUint32(nil, sum.Sum32())}
}

// soundFlate reports whether the code inflates to exactly the rows of the image,
// each with the tag of a PNG filter, with nothing behind its check sum.
func soundFlate(s source.Sole) bool {
	in := bytes.NewReader(s.Image.Raw)
	z, err := zlib.NewReader(in)
	if err != nil {
		return false
	}
	row := make([]byte, 1+(s.Width*s.Components*s.Bits+7)/8)
	for range s.Height {
		if _, err := io.ReadFull(z, row); err != nil || row[0] > 4 {
			return false
		}
	}
	n, err := z.Read(row)
	return n == 0 && err == io.EOF && in.Len() == 0
}
