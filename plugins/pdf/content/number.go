package content

import (
	"bytes"
	"math"
)

// number reads a PDF number. Like viewers it takes "--5", "5-3" (5) and "." (0).
func number(b []byte) (float64, bool) {
	i, sign := 0, 1.0
	for i < len(b) && (b[i] == '+' || b[i] == '-') {
		if b[i] == '-' {
			sign = -1
		}
		i++
	}
	if i == len(b) || b[i] != '.' && (b[i] < '0' || b[i] > '9') {
		return 0, false
	}
	v, scale, dot := 0.0, 1.0, false
	for ; i < len(b); i++ {
		switch c := b[i]; {
		case c >= '0' && c <= '9':
			v = v*10 + float64(c-'0')
			if dot {
				scale *= 10
			}
		case c == '.' && !dot:
			dot = true
		case c == '-':
			return finite(sign * v / scale), true
		default:
			return 0, false
		}
	}
	return finite(sign * v / scale), true
}

func finite(v float64) float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return 0
	}
	return v
}

// Numbers copies the operands into to and reports whether they are exactly that
// many numbers.
func (o Op) Numbers(to []float64) bool {
	if len(o.Args) != len(to) {
		return false
	}
	for i, a := range o.Args {
		if a.Kind != Number {
			return false
		}
		to[i] = a.Num
	}
	return true
}

// Bytes counts the bytes of all strings among the operands, escapes resolved.
func (o Op) Bytes() int {
	n := 0
	for _, a := range o.Args {
		if a.Kind == String {
			n += stringLen(a.Text)
		}
	}
	return n
}

// stringLen is the length of a string token's value.
func stringLen(t []byte) int {
	if len(t) == 0 {
		return 0
	}
	if t[0] == '<' {
		digits := 0
		for _, c := range t {
			if c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F' {
				digits++
			}
		}
		return (digits + 1) / 2
	}
	t = bytes.TrimSuffix(t[1:], []byte(")"))
	n := 0
	for i := 0; i < len(t); i++ {
		if t[i] != '\\' {
			n++
			continue
		}
		i++
		if i >= len(t) {
			break
		}
		switch c := t[i]; {
		case c == '\n':
		case c == '\r':
			if i+1 < len(t) && t[i+1] == '\n' {
				i++
			}
		case c >= '0' && c <= '7':
			for k := 0; k < 2 && i+1 < len(t) && t[i+1] >= '0' && t[i+1] <= '7'; k++ {
				i++
			}
			n++
		default:
			n++
		}
	}
	return n
}
