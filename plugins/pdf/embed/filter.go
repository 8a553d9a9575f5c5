package embed

// filter applies PNG's five filters to rows.
type filter struct {
	above []byte
	tries [5][]byte // each begins with the number of its filter
	pixel int       // bytes of one pixel
}

func newFilter(stride, pixel int) *filter {
	f := &filter{above: make([]byte, stride), pixel: pixel}
	for i := range f.tries {
		f.tries[i] = make([]byte, stride+1)
		f.tries[i][0] = byte(i)
	}
	return f
}

// apply gives the filtered row with its number in front. It is valid until the next call.
func (f *filter) apply(row []byte) []byte {
	none, sub, up, average, paeth := f.tries[0][1:], f.tries[1][1:], f.tries[2][1:], f.tries[3][1:], f.tries[4][1:]
	var sums [5]int
	for i, v := range row {
		var left, corner byte
		if i >= f.pixel {
			left, corner = row[i-f.pixel], f.above[i-f.pixel]
		}
		above := f.above[i]
		none[i] = v
		sub[i] = v - left
		up[i] = v - above
		average[i] = v - byte((int(left)+int(above))/2)
		paeth[i] = v - predict(left, above, corner)
		sums[0] += magnitude(v)
		sums[1] += magnitude(sub[i])
		sums[2] += magnitude(up[i])
		sums[3] += magnitude(average[i])
		sums[4] += magnitude(paeth[i])
	}
	best := 0
	for i, s := range sums {
		if s < sums[best] {
			best = i
		}
	}
	copy(f.above, row)
	return f.tries[best]
}

func magnitude(v byte) int {
	n := int(int8(v))
	return max(n, -n)
}

// predict is Paeth's choice among three neighbours.
func predict(left, above, corner byte) byte {
	p := int(left) + int(above) - int(corner)
	a, b, c := distance(p, left), distance(p, above), distance(p, corner)
	switch {
	case a <= b && a <= c:
		return left
	case b <= c:
		return above
	}
	return corner
}

func distance(p int, v byte) int { return max(p-int(v), int(v)-p) }
