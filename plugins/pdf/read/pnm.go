package read

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
)

// picture is the samples of an image, one byte each; a bilevel picture has 1 for
// black, as PBM does.
type picture struct {
	header
	samples []byte
}

// header is that of a binary PNM file: '4' bilevel, '5' gray, '6' colour.
type header struct {
	format byte
	w, h   int
}

func (h header) channels() int {
	if h.format == '6' {
		return 3
	}
	return 1
}

func (h header) suffix() string {
	return map[byte]string{'4': ".pbm", '5': ".pgm", '6': ".ppm"}[h.format]
}

func mediaOf(format byte) string {
	return map[byte]string{'4': "image/x-portable-bitmap", '5': "image/x-portable-graymap", '6': "image/x-portable-pixmap"}[format]
}

var errPNM = errors.New("not a PNM file as poppler writes them")

func parseHeader(r *bufio.Reader) (header, error) {
	var h header
	var magic [2]byte
	if _, err := io.ReadFull(r, magic[:]); err != nil || magic[0] != 'P' || magic[1] < '4' || magic[1] > '6' {
		return h, errPNM
	}
	h.format = magic[1]
	if _, err := fmt.Fscan(r, &h.w, &h.h); err != nil || h.w < 1 || h.h < 1 || h.w > 1<<20 || h.h > 1<<20 {
		return h, errPNM
	}
	if h.format != '4' {
		var most int
		if _, err := fmt.Fscan(r, &most); err != nil || most != 255 {
			return h, errPNM
		}
	}
	_, err := r.ReadByte() // the one white space before the samples
	return h, err
}

func readHeader(path string) (header, error) {
	f, err := os.Open(path)
	if err != nil {
		return header{}, err
	}
	defer f.Close()
	return parseHeader(bufio.NewReader(f))
}

// readPNM reads a picture of at most so many pixels.
func readPNM(path string, pixels int64) (picture, error) {
	f, err := os.Open(path)
	if err != nil {
		return picture{}, err
	}
	defer f.Close()
	r := bufio.NewReaderSize(f, 1<<16)
	h, err := parseHeader(r)
	if err != nil {
		return picture{}, err
	}
	if int64(h.w)*int64(h.h) > pixels {
		return picture{}, fmt.Errorf("an image of %d x %d is larger than expected", h.w, h.h)
	}
	p := picture{header: h, samples: make([]byte, h.w*h.h*h.channels())}
	if h.format == '4' {
		return p, p.unpack(r)
	}
	_, err = io.ReadFull(r, p.samples)
	return p, err
}

// unpack reads rows of bits.
func (p *picture) unpack(r io.Reader) error {
	row := make([]byte, (p.w+7)/8)
	for y := range p.h {
		if _, err := io.ReadFull(r, row); err != nil {
			return err
		}
		to := p.samples[y*p.w : (y+1)*p.w]
		for x := range to {
			to[x] = row[x>>3] >> (7 - x&7) & 1
		}
	}
	return nil
}

// write makes a PNM file.
func (p picture) write(path string) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	w := bufio.NewWriterSize(f, 1<<16)
	fmt.Fprintf(w, "P%c\n%d %d\n", p.format, p.w, p.h)
	if p.format == '4' {
		p.pack(w)
	} else {
		fmt.Fprintf(w, "255\n")
		w.Write(p.samples)
	}
	if err := w.Flush(); err != nil { // bufio keeps the first error
		return err
	}
	return f.Close()
}

func (p picture) pack(w *bufio.Writer) {
	row := make([]byte, (p.w+7)/8)
	for y := range p.h {
		clear(row)
		for x, v := range p.samples[y*p.w : (y+1)*p.w] {
			row[x>>3] |= v << (7 - x&7)
		}
		w.Write(row)
	}
}

// gray gives the picture without colours; false when it has some.
func (p picture) gray() (picture, bool) {
	if p.format != '6' {
		return p, true
	}
	g := picture{header: header{'5', p.w, p.h}, samples: make([]byte, p.w*p.h)}
	for i := range g.samples {
		c := p.samples[3*i : 3*i+3]
		if c[0] != c[1] || c[1] != c[2] {
			return p, false
		}
		g.samples[i] = c[0]
	}
	return g, true
}

// turned applies an EXIF orientation.
func (p picture) turned(orient int) picture {
	if orient <= 1 || orient > 8 {
		return p
	}
	w, h := p.w, p.h
	out := picture{header: p.header, samples: make([]byte, len(p.samples))}
	if orient >= 5 {
		out.w, out.h = h, w
	}
	// The source of the upper left corner, and the steps to the right and down.
	type walk struct{ start, right, down int }
	k := map[int]walk{
		2: {w - 1, -1, w}, 3: {w*h - 1, -1, -w}, 4: {(h - 1) * w, 1, -w}, 5: {0, w, 1},
		6: {(h - 1) * w, -w, 1}, 7: {w*h - 1, -w, -1}, 8: {w - 1, w, -1},
	}[orient]
	n := p.channels()
	to := 0
	for y := range out.h {
		from := (k.start + y*k.down) * n
		for range out.w {
			to += copy(out.samples[to:], p.samples[from:from+n])
			from += k.right * n
		}
	}
	return out
}

// stretched repeats rows or columns until the picture has that size.
func (p picture) stretched(w, h int) picture {
	if w == p.w && h == p.h {
		return p
	}
	n := p.channels()
	out := picture{header: header{p.format, w, h}, samples: make([]byte, w*h*n)}
	to := 0
	for y := range h {
		row := p.samples[y*p.h/h*p.w*n:]
		for x := range w {
			from := x * p.w / w * n
			to += copy(out.samples[to:], row[from:from+n])
		}
	}
	return out
}
