package raster

// Turn gives r upright: orient is the EXIF orientation, 1 to 8, of r's rows. RGB
// is not turned: make it gray first. The picture is held in memory, one byte a
// pixel.
func Turn(r Reader, orient int) Reader {
	if orient <= 1 || orient > 8 {
		return r
	}
	return &turn{from: r, orient: orient}
}

type turn struct {
	from   Reader
	orient int
	pix    []byte // gray, in r's order
	y      int
	gray   []byte
}

func (t *turn) Header() Header {
	h := t.from.Header()
	if t.orient >= 5 {
		h.Width, h.Height = h.Height, h.Width
	}
	return h
}

func (t *turn) Read(row []byte) error {
	if t.pix == nil {
		if err := t.load(); err != nil {
			return err
		}
	}
	h := t.Header()
	t.gather(t.gray, t.y)
	t.y++
	if h.Form == Bilevel {
		pack(row[:h.Stride()], t.gray)
	} else {
		copy(row, t.gray)
	}
	return nil
}

func (t *turn) load() error {
	src := ToGray(t.from)
	h := src.Header()
	t.pix = make([]byte, h.Width*h.Height)
	t.gray = make([]byte, t.Header().Width)
	for y := range h.Height {
		if err := src.Read(t.pix[y*h.Width:][:h.Width]); err != nil {
			return err
		}
	}
	return nil
}

// gather reads row y of the upright picture: it starts at one pixel of the
// stored one and goes on by a fixed step.
func (t *turn) gather(dst []byte, y int) {
	h := t.from.Header()
	w, last := h.Width, h.Height-1
	var at, step int
	switch t.orient {
	case 2: // mirrored
		at, step = y*w+w-1, -1
	case 3: // upside down
		at, step = (last-y)*w+w-1, -1
	case 4: // upside down and mirrored
		at, step = (last-y)*w, 1
	case 5: // transposed
		at, step = y, w
	case 6: // needs a quarter turn clockwise
		at, step = last*w+y, -w
	case 7: // transposed over the other diagonal
		at, step = last*w+w-1-y, -w
	case 8: // needs a quarter turn counter-clockwise
		at, step = w-1-y, w
	}
	for i := range dst {
		dst[i] = t.pix[at]
		at += step
	}
}
