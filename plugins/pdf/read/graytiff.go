package read

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"os"
)

// grayTIFF makes a TIFF that is not compressed of the PGM file at path. Recognizers
// read it at once: leptonica takes twenty times as long for a PGM, sample by sample.
func grayTIFF(path, to string, dpi float64) (header, error) {
	in, err := os.Open(path)
	if err != nil {
		return header{}, err
	}
	defer in.Close()
	r := bufio.NewReader(in)
	h, err := parseHeader(r)
	if err == nil && h.format != '5' {
		err = errPNM
	}
	if err != nil {
		return h, err
	}
	return h, writeGrayTIFF(to, h, dpi, r)
}

func writeGrayTIFF(path string, h header, dpi float64, samples io.Reader) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.Write(grayTIFFHeader(h, dpi)); err != nil {
		return err
	}
	size := int64(h.w) * int64(h.h)
	n, err := io.Copy(f, io.LimitReader(samples, size))
	if err == nil && n < size {
		err = fmt.Errorf("the drawing has %d samples of %d: %w", n, size, io.ErrUnexpectedEOF)
	}
	if err != nil {
		return err
	}
	return f.Close()
}

// grayTIFFHeader is the header and the one directory; the samples follow.
func grayTIFFHeader(h header, dpi float64) []byte {
	const short, long, rational = 3, 4, 5
	const entries, ratios = 12, 8 + 2 + 12*12 + 4
	le := binary.LittleEndian
	b := append([]byte("II*\x00"), 8, 0, 0, 0, entries, 0)
	for _, e := range [entries][3]int{
		{256, long, h.w}, {257, long, h.h}, {258, short, 8}, {259, short, 1}, {262, short, 1}, // 0 is black
		{273, long, ratios + 16}, {277, short, 1}, {278, long, h.h}, {279, long, h.w * h.h},
		{282, rational, ratios}, {283, rational, ratios + 8}, {296, short, 2},
	} {
		b = le.AppendUint16(b, uint16(e[0]))
		b = le.AppendUint16(b, uint16(e[1]))
		b = le.AppendUint32(b, 1)
		b = le.AppendUint32(b, uint32(e[2]))
	}
	b = le.AppendUint32(b, 0)
	for range 2 { // across and down
		b = le.AppendUint32(b, uint32(math.Round(dpi*1000)))
		b = le.AppendUint32(b, 1000)
	}
	return b
}
