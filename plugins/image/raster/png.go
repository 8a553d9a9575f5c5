package raster

import (
	"bufio"
	"encoding/binary"
	"hash/crc32"
	"math"
	"os"

	"github.com/klauspost/compress/zlib"
)

// CreatePNG opens a PNG file for gray or RGB rows. It is made to be quick and to
// be put into a PDF as it is: one palette-free image, not interlaced.
func CreatePNG(path string, h Header, xdpi, ydpi float64) (Writer, error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	w := &pngWriter{f: f, out: bufio.NewWriterSize(f, 64<<10), left: h.Height, bpp: 1}
	color := byte(0)
	if h.Form == RGB {
		w.bpp, color = 3, 2
	}
	w.prior = make([]byte, h.Stride())
	w.line = make([]byte, 1+h.Stride())
	w.out.WriteString("\x89PNG\r\n\x1a\n")
	head := binary.BigEndian.AppendUint32(nil, uint32(h.Width))
	head = binary.BigEndian.AppendUint32(head, uint32(h.Height))
	w.chunk("IHDR", append(head, 8, color, 0, 0, 0))
	phys := binary.BigEndian.AppendUint32(nil, perMetre(xdpi))
	w.chunk("pHYs", append(binary.BigEndian.AppendUint32(phys, perMetre(ydpi)), 1))
	w.idat = bufio.NewWriterSize(idat{w}, 256<<10)
	w.deflate, err = zlib.NewWriterLevel(w.idat, zlib.DefaultCompression)
	return w, err
}

type pngWriter struct {
	f       *os.File
	out     *bufio.Writer
	idat    *bufio.Writer
	deflate *zlib.Writer
	left    int
	bpp     int
	prior   []byte
	line    []byte
	err     error
}

func perMetre(dpi float64) uint32 { return uint32(math.Round(dpi / 0.0254)) }

// idat makes an IDAT chunk of every write.
type idat struct{ w *pngWriter }

func (i idat) Write(b []byte) (int, error) {
	i.w.chunk("IDAT", b)
	return len(b), i.w.err
}

func (w *pngWriter) chunk(kind string, body []byte) {
	h := binary.BigEndian.AppendUint32(nil, uint32(len(body)))
	h = append(h, kind...)
	sum := crc32.Update(crc32.ChecksumIEEE(h[4:]), crc32.IEEETable, body)
	for _, b := range [][]byte{h, body, binary.BigEndian.AppendUint32(nil, sum)} {
		if _, err := w.out.Write(b); w.err == nil {
			w.err = err
		}
	}
}

func (w *pngWriter) Write(row []byte) error {
	w.left--
	filterUp(w.line, row, w.prior)
	copy(w.prior, row)
	if _, err := w.deflate.Write(w.line); err != nil {
		return err
	}
	return w.err
}

// filterUp is filter 2: each byte less the one above. On scans it costs least
// and packs within a few per cent of the dearer ones.
func filterUp(line, row, prior []byte) {
	line[0] = 2
	line = line[1 : 1+len(row)]
	prior = prior[:len(row)]
	for i, v := range row {
		line[i] = v - prior[i]
	}
}

func (w *pngWriter) Close() error {
	err := closeAll(nil, w.deflate)
	if err == nil {
		err = w.idat.Flush()
	}
	w.chunk("IEND", nil)
	if err == nil {
		err = w.err
	}
	if err == nil {
		err = w.out.Flush()
	}
	if err == nil && w.left != 0 {
		err = errShort
	}
	return closeAll(err, w.f)
}
