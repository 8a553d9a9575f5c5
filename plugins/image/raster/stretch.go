package raster

// Stretch gives r in gray at w x h pixels, each at least r's own: pixels that are
// not square are made so. Between pixels it interpolates.
func Stretch(r Reader, w, h int) Reader {
	src := ToGray(r)
	from := src.Header()
	if from.Width == w && from.Height == h {
		return r
	}
	return &stretch{
		src: src, h: Header{Width: w, Height: h, Form: Gray}, next: -1,
		in: make([]byte, from.Width), above: make([]byte, w), below: make([]byte, w),
	}
}

type stretch struct {
	src          Reader
	h            Header
	y            int
	next         int    // row of src that below holds; -1: none yet
	in           []byte // a row of src
	above, below []byte // two rows of src, stretched sideways
}

func (s *stretch) Header() Header { return s.h }

func (s *stretch) Read(row []byte) error {
	at, part := position(s.y, s.h.Height, s.src.Header().Height)
	for s.next < min(at+1, s.src.Header().Height-1) || s.next < 0 {
		if err := s.advance(); err != nil {
			return err
		}
	}
	a, b := s.above, s.below
	if s.next == at {
		a = s.below
	}
	for i := range row[:s.h.Width] {
		row[i] = mix(a[i], b[i], part)
	}
	s.y++
	return nil
}

func (s *stretch) advance() error {
	s.above, s.below = s.below, s.above
	if err := s.src.Read(s.in); err != nil {
		return err
	}
	s.next++
	n := len(s.in)
	for x := range s.below {
		at, part := position(x, s.h.Width, n)
		s.below[x] = mix(s.in[at], s.in[min(at+1, n-1)], part)
	}
	return nil
}

// position says which pixel of n, and how many 256ths towards the next, the
// middle of pixel i of m falls on.
func position(i, m, n int) (at, part int) {
	p := ((2*i+1)*n*256)/(2*m) - 128
	p = min(max(p, 0), (n-1)*256)
	return p >> 8, p & 255
}

func mix(a, b byte, part int) byte {
	return byte((int(a)*(256-part) + int(b)*part + 128) >> 8)
}
