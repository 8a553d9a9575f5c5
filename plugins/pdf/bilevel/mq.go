package bilevel

// mqEncoder is the adaptive arithmetic coder of ITU-T T.88, annex E.
type mqEncoder struct {
	a, c uint32
	ct   int
	out  []byte // out[0] is a byte before the first and is dropped at the end
}

// mqState is a row of table E.1: the probability of the less probable symbol and
// the states that follow.
type mqState struct {
	qe       uint16
	mps, lps uint8
	flip     uint8
}

var mqStates = [47]mqState{
	{0x5601, 1, 1, 1}, {0x3401, 2, 6, 0}, {0x1801, 3, 9, 0}, {0x0AC1, 4, 12, 0}, {0x0521, 5, 29, 0}, {0x0221, 38, 33, 0},
	{0x5601, 7, 6, 1}, {0x5401, 8, 14, 0}, {0x4801, 9, 14, 0}, {0x3801, 10, 14, 0}, {0x3001, 11, 17, 0}, {0x2401, 12, 18, 0},
	{0x1C01, 13, 20, 0}, {0x1601, 29, 21, 0}, {0x5601, 15, 14, 1}, {0x5401, 16, 14, 0}, {0x5101, 17, 15, 0}, {0x4801, 18, 16, 0},
	{0x3801, 19, 17, 0}, {0x3401, 20, 18, 0}, {0x3001, 21, 19, 0}, {0x2801, 22, 19, 0}, {0x2401, 23, 20, 0}, {0x2201, 24, 21, 0},
	{0x1C01, 25, 22, 0}, {0x1801, 26, 23, 0}, {0x1601, 27, 24, 0}, {0x1401, 28, 25, 0}, {0x1201, 29, 26, 0}, {0x1101, 30, 27, 0},
	{0x0AC1, 31, 28, 0}, {0x09C1, 32, 29, 0}, {0x08A1, 33, 30, 0}, {0x0521, 34, 31, 0}, {0x0441, 35, 32, 0}, {0x02A1, 36, 33, 0},
	{0x0221, 37, 34, 0}, {0x0141, 38, 35, 0}, {0x0111, 39, 36, 0}, {0x0085, 40, 37, 0}, {0x0049, 41, 38, 0}, {0x0025, 42, 39, 0},
	{0x0015, 43, 40, 0}, {0x0009, 44, 41, 0}, {0x0005, 45, 42, 0}, {0x0001, 45, 43, 0}, {0x5601, 46, 46, 0},
}

// context is the state of one context: the index into mqStates times two, plus the
// more probable symbol.
type context = uint8

func newMQEncoder(hint int) *mqEncoder {
	return &mqEncoder{a: 0x8000, ct: 12, out: append(make([]byte, 0, hint), 0)}
}

func (e *mqEncoder) encode(cx *context, bit uint8) {
	s := &mqStates[*cx>>1]
	qe := uint32(s.qe)
	e.a -= qe
	if bit == *cx&1 {
		if e.a&0x8000 != 0 {
			e.c += qe
			return
		}
		if e.a < qe {
			e.a = qe
		} else {
			e.c += qe
		}
		*cx = s.mps<<1 | bit
	} else {
		if e.a < qe {
			e.c += qe
		} else {
			e.a = qe
		}
		*cx = s.lps<<1 | (*cx&1 ^ s.flip)
	}
	e.renormalize()
}

// repeat encodes bit n times in one context, as encode would, but skips over the
// steps that change nothing except the interval.
func (e *mqEncoder) repeat(cx *context, bit uint8, n int) {
	for n > 0 {
		if qe := uint32(mqStates[*cx>>1].qe); bit == *cx&1 && e.a >= 0x8000+qe {
			k := min(uint32(n), (e.a-0x8000)/qe)
			e.a -= k * qe
			e.c += k * qe
			n -= int(k)
			continue
		}
		e.encode(cx, bit)
		n--
	}
}

func (e *mqEncoder) renormalize() {
	for {
		e.a <<= 1
		e.c <<= 1
		e.ct--
		if e.ct == 0 {
			e.byteOut()
		}
		if e.a&0x8000 != 0 {
			return
		}
	}
}

// byteOut moves a finished byte out; a carry goes into the byte before, and the
// byte after 0xFF holds only seven bits.
func (e *mqEncoder) byteOut() {
	last := &e.out[len(e.out)-1]
	if *last != 0xFF {
		*last += byte(e.c >> 27)
		e.c &= 0x7FFFFFF
	}
	if *last == 0xFF {
		e.out = append(e.out, byte(e.c>>20))
		e.c &= 0xFFFFF
		e.ct = 7
		return
	}
	e.out = append(e.out, byte(e.c>>19))
	e.c &= 0x7FFFF
	e.ct = 8
}

// flush ends the code and gives it with its closing marker.
func (e *mqEncoder) flush() []byte {
	temp := e.c + e.a
	e.c |= 0xFFFF
	if e.c >= temp {
		e.c -= 0x8000
	}
	e.c <<= e.ct
	e.byteOut()
	e.c <<= e.ct
	e.byteOut()
	if e.out[len(e.out)-1] != 0xFF {
		e.out = append(e.out, 0xFF)
	}
	return append(e.out, 0xAC)[1:]
}
