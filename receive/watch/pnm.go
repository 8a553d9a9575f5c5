package watch

import (
	"bufio"
	"io"
)

// lookPNM reads the header of each image and compares the sizes. Text forms are
// counted number by number.
func lookPNM(r io.ReaderAt, size int64) (Verdict, string) {
	p := &pnmReader{br: bufio.NewReaderSize(io.NewSectionReader(r, 0, size), 64<<10), left: size}
	for {
		v, why, more := p.image()
		if !more {
			return v, why
		}
	}
}

type pnmReader struct {
	br   *bufio.Reader
	left int64 // bytes after the reader
}

func (p *pnmReader) byte() (byte, error) {
	b, err := p.br.ReadByte()
	if err == nil {
		p.left--
	}
	return b, err
}

// image passes one image; more says that another begins behind it.
func (p *pnmReader) image() (v Verdict, why string, more bool) {
	kind, ok := p.magic()
	if !ok {
		return Doubtful, "has other data after the PNM", false
	}
	width, _, ok1 := p.number()
	height, _, ok2 := p.number()
	depth, ok3 := int64(1), true
	if kind != '1' && kind != '4' {
		depth, _, ok3 = p.number()
	}
	if !ok1 || !ok2 || !ok3 {
		return Cut, "ends inside the PNM's header", false
	}
	if width < 1 || height < 1 || depth < 1 || width > 1<<20 || height > 1<<20 || depth > 65535 {
		return Doubtful, "has a PNM header that cannot be right", false
	}
	if kind <= '3' {
		return p.text(kind, width*height)
	}
	need := height * rowBytes(kind, width, depth)
	if p.left < need {
		return Cut, "is shorter than its PNM header says", false
	}
	if _, err := p.br.Discard(int(need)); err != nil {
		return Cut, "is shorter than its PNM header says", false
	}
	p.left -= need
	return p.after()
}

func rowBytes(kind byte, width, depth int64) int64 {
	sample := int64(1)
	if depth > 255 {
		sample = 2
	}
	switch kind {
	case '4':
		return (width + 7) / 8
	case '5':
		return width * sample
	}
	return width * sample * 3
}

// text counts the numbers of a text form. Where nothing follows the last one, its
// last digit may be missing.
func (p *pnmReader) text(kind byte, need int64) (Verdict, string, bool) {
	if kind == '3' {
		need *= 3
	}
	for i := range need {
		if kind == '1' {
			if !p.bit() {
				return Cut, "has fewer pixels than its PNM header says", false
			}
			continue
		}
		_, digits, ok := p.number()
		if digits && !ok && p.left == 0 && i == need-1 {
			return Doubtful, "ends with the last digit of the PNM", false
		}
		if !ok {
			return Cut, "has fewer pixels than its PNM header says", false
		}
	}
	return p.after()
}

// bit reads one pixel of P1, where nothing need stand between digits.
func (p *pnmReader) bit() bool {
	for {
		b, err := p.byte()
		if err != nil {
			return false
		}
		if b == '0' || b == '1' {
			return true
		}
	}
}

func (p *pnmReader) after() (Verdict, string, bool) {
	for {
		b, err := p.br.Peek(1)
		if err != nil {
			return Whole, "is a whole PNM", false
		}
		if b[0] == 'P' {
			return Whole, "", true
		}
		if !isSpace(b[0]) && b[0] != 0 {
			return Doubtful, "has other data after the PNM", false
		}
		if _, err := p.byte(); err != nil {
			return Whole, "is a whole PNM", false
		}
	}
}

func (p *pnmReader) magic() (byte, bool) {
	a, err1 := p.byte()
	b, err2 := p.byte()
	return b, err1 == nil && err2 == nil && a == 'P' && '1' <= b && b <= '6'
}

// number reads a decimal number and the one byte behind it, passing over spaces
// and comments. Without that byte it is not ok, even if there were digits.
func (p *pnmReader) number() (n int64, digits, ok bool) {
	b, err := p.byte()
	for err == nil && (isSpace(b) || b == '#') {
		if b == '#' {
			for err == nil && b != '\n' && b != '\r' {
				b, err = p.byte()
			}
			continue
		}
		b, err = p.byte()
	}
	for err == nil && '0' <= b && b <= '9' {
		n, digits = min(n*10+int64(b-'0'), 1<<40), true
		b, err = p.byte()
	}
	return n, digits, digits && err == nil
}
