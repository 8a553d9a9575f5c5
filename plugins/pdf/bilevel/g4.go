package bilevel

// EncodeG4 compresses b as ITU-T T.6 with its end-of-block code: in PDF
// CCITTFaxDecode with K -1, Columns and Rows. b must be valid.
func EncodeG4(b Bitmap) []byte {
	words := b.Width/64 + 2
	row := make([]uint64, words)
	above, here := make([]int32, 0, 256), make([]int32, 0, 256)
	above = appendChanges(above, row, b.Width)
	w := bitWriter{out: make([]byte, 0, len(b.Pix)/16+64)}
	for y := range b.Height {
		b.loadRow(row, y)
		here = appendChanges(here[:0], row, b.Width)
		w.row(above, here, int32(b.Width))
		above, here = here, above
	}
	w.put(0x001001, 24) // EOFB
	return w.close()
}

// row codes one row against the one above. Both are lists of changes as of
// appendChanges: even entries begin black runs.
func (w *bitWriter) row(above, here []int32, width int32) {
	var a0, black int32 = -1, 0 // black is 1 within a black run
	ai, bi := int32(0), int32(0)
	for a0 < width {
		// b1 is the first change above, right of a0, into the other colour. After a
		// change of colour it can lie one entry further left.
		if bi&1 != black {
			bi += 1 - 2*min(bi, 1)
		}
		for above[bi] <= a0 && above[bi] < width {
			bi += 2
		}
		a1, b1, b2 := here[ai], above[bi], above[bi+1]
		switch d := a1 - b1; {
		case b2 < a1: // pass
			w.put(0b0001, 4)
			a0 = b2
		case d >= -3 && d <= 3: // vertical
			v := vertical[d+3]
			w.put(uint32(v.bits), uint(v.n))
			a0, ai, black = a1, ai+1, black^1
		default: // horizontal
			a2 := here[ai+1]
			w.put(0b001, 3)
			w.run(a1-max(a0, 0), black)
			w.run(a2-a1, black^1)
			a0, ai = a2, ai+2
		}
	}
}

// vertical are the codes for a1 3, 2, 1 pixels left of b1, right under it, and 1, 2,
// 3 right of it.
var vertical = [7]code{{0b0000010, 7}, {0b000010, 6}, {0b010, 3}, {0b1, 1}, {0b011, 3}, {0b000011, 6}, {0b0000011, 7}}

// run codes a run of n pixels.
func (w *bitWriter) run(n, black int32) {
	table := &whiteRuns
	if black != 0 {
		table = &blackRuns
	}
	for ; n >= 2560+64; n -= 2560 {
		w.put(uint32(table[103].bits), uint(table[103].n))
	}
	if n >= 64 {
		c := table[63+n/64]
		w.put(uint32(c.bits), uint(c.n))
		n %= 64
	}
	w.put(uint32(table[n].bits), uint(table[n].n))
}

// bitWriter packs bits, highest first.
type bitWriter struct {
	out  []byte
	acc  uint64
	have uint
}

func (w *bitWriter) put(v uint32, n uint) {
	w.acc = w.acc<<n | uint64(v)
	w.have += n
	for w.have >= 32 {
		w.have -= 32
		x := uint32(w.acc >> w.have)
		w.out = append(w.out, byte(x>>24), byte(x>>16), byte(x>>8), byte(x))
	}
}

func (w *bitWriter) close() []byte {
	for w.have >= 8 {
		w.have -= 8
		w.out = append(w.out, byte(w.acc>>w.have))
	}
	if w.have > 0 {
		w.out = append(w.out, byte(w.acc<<(8-w.have)))
	}
	return w.out
}
