package raster

import (
	"bufio"
	"encoding/binary"
	"math"
	"os"
)

// CreateTIFF opens an uncompressed TIFF file for gray rows. It is what leptonica
// reads fastest: a raw PGM takes it twenty times as long.
func CreateTIFF(path string, h Header, xdpi, ydpi float64) (Writer, error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	w := &tiffWriter{f: f, out: bufio.NewWriterSize(f, 256<<10), left: h.Height}
	_, err = w.out.Write(tiffHeader(h, xdpi, ydpi))
	return w, err
}

// tiffHeader is the header and the one directory; the rows follow.
func tiffHeader(h Header, xdpi, ydpi float64) []byte {
	const short, long, rational = 3, 4, 5
	const entries, ratios = 12, 8 + 2 + 12*12 + 4
	le := binary.LittleEndian
	b := append([]byte("II*\x00"), 8, 0, 0, 0, entries, 0)
	for _, f := range [entries][3]uint32{
		{256, long, uint32(h.Width)},
		{257, long, uint32(h.Height)},
		{258, short, 8},
		{259, short, 1}, // not compressed
		{262, short, 1}, // 0 is black
		{273, long, ratios + 16},
		{277, short, 1},
		{278, long, uint32(h.Height)},
		{279, long, uint32(h.Width * h.Height)},
		{282, rational, ratios},
		{283, rational, ratios + 8},
		{296, short, 2}, // inch
	} {
		b = le.AppendUint16(b, uint16(f[0]))
		b = le.AppendUint16(b, uint16(f[1]))
		b = le.AppendUint32(b, 1)
		b = le.AppendUint32(b, f[2])
	}
	b = le.AppendUint32(b, 0)
	for _, dpi := range []float64{xdpi, ydpi} {
		b = le.AppendUint32(b, uint32(math.Round(dpi*1000)))
		b = le.AppendUint32(b, 1000)
	}
	return b
}

type tiffWriter struct {
	f    *os.File
	out  *bufio.Writer
	left int
}

func (w *tiffWriter) Write(row []byte) error {
	w.left--
	_, err := w.out.Write(row)
	return err
}

func (w *tiffWriter) Close() error {
	err := w.out.Flush()
	if err == nil && w.left != 0 {
		err = errShort
	}
	return closeAll(err, w.f)
}
