package write

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"
)

// Append writes an object as it stands in a file: dictionary keys sorted, numbers
// as short as four decimals allow, no space that is not needed.
func Append(dst []byte, o types.Object) []byte {
	switch o := o.(type) {
	case nil:
		return append(dst, "null"...)
	case types.Dict:
		return appendDict(dst, o)
	case types.Array:
		return appendArray(dst, o)
	case types.IndirectRef:
		dst = strconv.AppendInt(dst, int64(o.ObjectNumber), 10)
		dst = append(dst, ' ')
		dst = strconv.AppendInt(dst, int64(o.GenerationNumber), 10)
		return append(dst, " R"...)
	case types.Integer:
		return strconv.AppendInt(dst, int64(o), 10)
	case types.Float:
		return AppendNumber(dst, float64(o))
	}
	return append(dst, o.PDFString()...)
}

// AppendNumber writes a number with at most four decimals.
func AppendNumber(dst []byte, v float64) []byte {
	v = math.Round(v*1e4) / 1e4
	if v == 0 { // also -0
		return append(dst, '0')
	}
	return strconv.AppendFloat(dst, v, 'f', -1, 64)
}

func appendDict(dst []byte, d types.Dict) []byte {
	dst = append(dst, "<<"...)
	for _, k := range slices.Sorted(maps.Keys(d)) {
		dst = append(append(dst, '/'), types.EncodeName(k)...)
		dst = appendSeparated(dst, d[k])
	}
	return append(dst, ">>"...)
}

func appendArray(dst []byte, a types.Array) []byte {
	dst = append(dst, '[')
	for i, o := range a {
		if i == 0 {
			dst = Append(dst, o)
			continue
		}
		dst = appendSeparated(dst, o)
	}
	return append(dst, ']')
}

// appendSeparated puts a space before objects that do not begin with a delimiter.
func appendSeparated(dst []byte, o types.Object) []byte {
	switch o.(type) {
	case types.Dict, types.Array, types.Name, types.StringLiteral, types.HexLiteral:
	default:
		dst = append(dst, ' ')
	}
	return Append(dst, o)
}

// Text makes a text string: a literal if s is printable ASCII, else UTF-16.
func Text(s string) types.Object {
	for _, r := range s {
		if r < ' ' || r > '~' {
			return types.HexLiteral(fmt.Sprintf("%x", types.EncodeUTF16String(s)))
		}
	}
	escaped, err := types.Escape(s)
	if err != nil {
		return types.HexLiteral(fmt.Sprintf("%x", types.EncodeUTF16String(s)))
	}
	return types.StringLiteral(*escaped)
}
