package write

import (
	"encoding/binary"
	"fmt"
	"math/bits"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"
)

// table writes the classic cross-reference table and the trailer.
func (d *Writer) table(trailer types.Dict) {
	out := fmt.Appendf(nil, "xref\n0 %d\n0000000000 65535 f\r\n", len(d.entries))
	for _, e := range d.entries[1:] {
		out = fmt.Appendf(out, "%010d 00000 n\r\n", e.at)
	}
	trailer["Size"] = types.Integer(len(d.entries))
	out = append(out, "trailer\n"...)
	d.write(append(Append(out, trailer), '\n'))
}

// crossReference writes the cross-reference stream, which is its own last entry.
// Each row is its difference to the one above (predictor 12): most of it is zeros.
func (d *Writer) crossReference(trailer types.Dict) {
	ref := d.Alloc()
	d.entries[ref.ObjectNumber] = entry{at: d.at, index: atOffset}
	width := (bits.Len64(uint64(d.at)) + 7) / 8
	columns := 1 + width + 1
	above, row := make([]byte, columns), make([]byte, columns)
	var data []byte
	for i, e := range d.entries {
		e.fill(row, i == 0)
		data = append(data, 2)
		for j, v := range row {
			data = append(data, v-above[j])
		}
		above, row = row, above
	}
	trailer["Type"] = types.Name("XRef")
	trailer["Size"] = types.Integer(len(d.entries))
	trailer["W"] = types.Array{types.Integer(1), types.Integer(width), types.Integer(1)}
	trailer["Filter"] = types.Name("FlateDecode")
	trailer["DecodeParms"] = types.Dict{"Predictor": types.Integer(12), "Columns": types.Integer(columns)}
	d.entries[ref.ObjectNumber].index = unwritten // Stream claims it
	d.Deflated(ref, trailer, data)
}

// fill writes the entry as a row of the cross-reference stream.
func (e entry) fill(row []byte, free bool) {
	clear(row)
	if free {
		row[len(row)-1] = 0xFF
		return
	}
	var at [8]byte
	binary.BigEndian.PutUint64(at[:], uint64(e.at))
	copy(row[1:len(row)-1], at[8-(len(row)-2):])
	row[0] = 1
	if e.index >= 0 {
		row[0], row[len(row)-1] = 2, byte(e.index)
	}
}
