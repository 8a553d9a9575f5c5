package raster

import (
	"bufio"
	"fmt"
	"os"
)

// CreatePNM opens a raw PBM, PGM or PPM file for rows of h.
func CreatePNM(path string, h Header) (Writer, error) {
	f, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	w := &pnmWriter{f: f, out: bufio.NewWriterSize(f, 256<<10), left: h.Height}
	switch h.Form {
	case Bilevel:
		fmt.Fprintf(w.out, "P4\n%d %d\n", h.Width, h.Height)
	case Gray:
		fmt.Fprintf(w.out, "P5\n%d %d\n255\n", h.Width, h.Height)
	default:
		fmt.Fprintf(w.out, "P6\n%d %d\n255\n", h.Width, h.Height)
	}
	return w, nil
}

type pnmWriter struct {
	f    *os.File
	out  *bufio.Writer
	left int
}

func (w *pnmWriter) Write(row []byte) error {
	w.left--
	_, err := w.out.Write(row)
	return err
}

func (w *pnmWriter) Close() error {
	err := w.out.Flush()
	if err == nil && w.left != 0 {
		err = errShort
	}
	return closeAll(err, w.f)
}
