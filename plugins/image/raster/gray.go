package raster

// ToGray gives r in shades of gray: recognition needs no colour.
func ToGray(r Reader) Reader {
	h := r.Header()
	if h.Form == Gray {
		return r
	}
	return &gray{from: r, row: make([]byte, h.Stride())}
}

type gray struct {
	from Reader
	row  []byte
}

func (g *gray) Header() Header {
	h := g.from.Header()
	h.Form = Gray
	return h
}

func (g *gray) Read(row []byte) error {
	if err := g.from.Read(g.row); err != nil {
		return err
	}
	if g.from.Header().Form == RGB {
		luminance(row[:g.Header().Width], g.row)
	} else {
		unpack(row[:g.Header().Width], g.row)
	}
	return nil
}

// luminance is the weighted mean of ITU-R BT.601, as JPEG defines Y.
func luminance(dst, rgb []byte) {
	for i := range dst {
		p := rgb[3*i : 3*i+3 : 3*i+3]
		dst[i] = byte((19595*uint32(p[0]) + 38470*uint32(p[1]) + 7471*uint32(p[2]) + 1<<15) >> 16)
	}
}

func unpack(dst, bits []byte) {
	for i := range dst {
		dst[i] = 0xFF
		if bits[i>>3]&(0x80>>(i&7)) != 0 {
			dst[i] = 0
		}
	}
}

// Bilevel packs gray rows to 1 bit: below threshold is black.
func pack(bits, gray []byte) {
	clear(bits)
	for i, v := range gray {
		if v < 128 {
			bits[i>>3] |= 0x80 >> (i & 7)
		}
	}
}
