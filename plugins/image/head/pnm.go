package head

import (
	"bufio"
	"io"
)

// PNM is one image of a portable bitmap, graymap or pixmap.
type PNM struct {
	Kind          byte // '1' to '6'
	Width, Height int
	Max           int   // greatest sample, 1 for bitmaps
	Data          int64 // where the samples begin
}

// Plain reports whether the samples are written as text.
func (p PNM) Plain() bool { return p.Kind <= '3' }

// Samples is the number of samples of a pixel.
func (p PNM) Samples() int {
	if p.Kind == '3' || p.Kind == '6' {
		return 3
	}
	return 1
}

// Stride is the bytes of one row of a raw image.
func (p PNM) Stride() int64 {
	switch {
	case p.Kind == '4':
		return (int64(p.Width) + 7) / 8
	case p.Max > 255:
		return 2 * int64(p.Width) * int64(p.Samples())
	}
	return int64(p.Width) * int64(p.Samples())
}

// end is where the samples end; of a plain image the least it could be.
func (p PNM) end() int64 {
	if p.Plain() {
		return p.Data + int64(p.Width)*int64(p.Height)*int64(p.Samples())
	}
	return p.Data + p.Stride()*int64(p.Height)
}

// maxPNMHeader bounds a header with its comments.
const maxPNMHeader = 64 << 10

// ReadPNM reads the headers of all images in the file: raw ones may follow each
// other. More than maxImages are over the limit; anything else that follows is
// junk and ignored.
func ReadPNM(r io.ReaderAt, size int64, maxImages int) ([]PNM, error) {
	var all []PNM
	for at := int64(0); ; {
		p, err := readPNM(r, at, size)
		if err != nil && len(all) > 0 {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		if len(all) == maxImages {
			return nil, OverPages(maxImages)
		}
		if p.end() > size || p.end() < 0 {
			return nil, Damaged("the PNM image %d of %d x %d needs %d bytes and the file ends after %d", len(all)+1, p.Width, p.Height, p.end(), size)
		}
		all = append(all, p)
		if p.Plain() {
			return all, nil
		}
		at = p.end()
	}
}

func readPNM(r io.ReaderAt, at, size int64) (PNM, error) {
	s := pnmScan{in: bufio.NewReaderSize(io.NewSectionReader(r, at, min(size-at, maxPNMHeader)), 512)}
	var p PNM
	if m, c := s.byte(), s.byte(); m != 'P' || c < '1' || c > '6' {
		return p, Damaged("the file does not begin as a PNM image")
	} else {
		p.Kind = c
	}
	p.Width, p.Height, p.Max = s.number(), s.number(), 1
	if p.Kind != '1' && p.Kind != '4' {
		p.Max = s.number()
	}
	p.Data = at + s.at
	if s.bad || p.Width == 0 || p.Height == 0 || p.Max == 0 || p.Max > 65535 || p.Width > maxSide || p.Height > maxSide {
		return p, Damaged("the PNM header says %d x %d pixels with samples up to %d", p.Width, p.Height, p.Max)
	}
	return p, nil
}

// pnmScan reads the numbers of a header. After the last one, exactly one blank has been read.
type pnmScan struct {
	in  *bufio.Reader
	at  int64
	bad bool
}

func (s *pnmScan) byte() byte {
	b, err := s.in.ReadByte()
	if err != nil {
		s.bad = true
		return 0
	}
	s.at++
	return b
}

func (s *pnmScan) number() int {
	c := s.byte()
	for !s.bad && isSpaceOrComment(c) {
		for c == '#' && !s.bad {
			if c = s.byte(); c != '\n' && c != '\r' {
				c = '#'
			}
		}
		c = s.byte()
	}
	n, digits := 0, 0
	for ; c >= '0' && c <= '9' && digits < 9; digits++ {
		n = n*10 + int(c-'0')
		c = s.byte()
	}
	if digits == 0 || !isSpaceOrComment(c) {
		s.bad = true
	}
	return n
}

func isSpaceOrComment(c byte) bool {
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\v' || c == '\f' || c == '#'
}
