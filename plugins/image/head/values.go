package head

import "math"

// width is the bytes of one value of a field type; 0 for unknown types.
func width(kind uint16) uint64 {
	switch kind {
	case 1, 2, 6, 7:
		return 1
	case 3, 8:
		return 2
	case 4, 9, 11, 13:
		return 4
	case 5, 10, 12, 16, 17, 18:
		return 8
	}
	return 0
}

// position is where the entry's bytes lie when they do not fit into it.
func (d directory) position(e entry) uint64 {
	if d.big {
		return d.order.Uint64(e.value)
	}
	return uint64(d.order.Uint32(e.value))
}

// number gives the first number of the entry; 0 for anything odd.
func (d directory) number(e entry) uint64 {
	if w := width(e.kind); w*e.count > uint64(len(e.value)) {
		b, err := d.read(d.position(e), w)
		if err != nil {
			return 0
		}
		e.value = append(b, make([]byte, len(e.value))...)
	}
	e.count = min(e.count, 1)
	n, err := d.numbers(e)
	if err != nil || len(n) == 0 {
		return 0
	}
	return n[0]
}

func (d directory) numbers(e entry) ([]uint64, error) {
	if e.count > maxPieces {
		return nil, Damaged("tag %d of the TIFF claims %d values", e.tag, e.count)
	}
	w := width(e.kind)
	b := e.value
	if w*e.count > uint64(len(e.value)) {
		var err error
		if b, err = d.read(d.position(e), w*e.count); err != nil {
			return nil, err
		}
	}
	all := make([]uint64, 0, e.count)
	for i := range e.count {
		switch v := b[i*w:]; e.kind {
		case 1, 7:
			all = append(all, uint64(v[0]))
		case 3:
			all = append(all, uint64(d.order.Uint16(v)))
		case 4, 13:
			all = append(all, uint64(d.order.Uint32(v)))
		case 16, 18:
			all = append(all, d.order.Uint64(v))
		default:
			return nil, nil
		}
	}
	return all, nil
}

func (d directory) rational(e entry) float64 {
	if e.kind == 5 && e.count >= 1 {
		at := d.position(e)
		if d.big { // fits into the entry
			return ratio(d.order.Uint32(e.value), d.order.Uint32(e.value[4:]))
		}
		b, err := d.read(at, 8)
		if err != nil {
			return 0
		}
		return ratio(d.order.Uint32(b), d.order.Uint32(b[4:]))
	}
	if e.kind == 11 && e.count >= 1 {
		f := float64(math.Float32frombits(d.order.Uint32(e.value)))
		if f >= 0 && f < 1e6 {
			return f
		}
	}
	return float64(d.number(e))
}
