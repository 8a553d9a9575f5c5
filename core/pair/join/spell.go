package join

import (
	"fmt"
	"strings"
)

// alphabet is Crockford's: 32 characters without I, L, O and U.
const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// A group is four characters of 5 bits and a fifth that checks them.
const (
	groupData = 4
	groupSize = groupData + 1
)

// spell writes bytes in groups, filled up with zeros.
func spell(b []byte) string {
	var groups []string
	for n, data := range fours(b) {
		var g strings.Builder
		for _, d := range data {
			g.WriteByte(alphabet[d])
		}
		g.WriteByte(alphabet[check(data, n)])
		groups = append(groups, g.String())
	}
	return strings.Join(groups, "-")
}

// fours cuts bytes into groups of four times 5 bits.
func fours(b []byte) [][groupData]byte {
	groups := make([][groupData]byte, (len(b)*8+5*groupData-1)/(5*groupData))
	for bit := range len(b) * 8 {
		if b[bit/8]&(0x80>>(bit%8)) != 0 {
			at := bit / 5
			groups[at/groupData][at%groupData] |= 0x10 >> (bit % 5)
		}
	}
	return groups
}

// check is the check character of the n-th group: the polynomial of its characters over
// the field of 32 elements, at a primitive one. One wrong character and two that were
// exchanged always give another; so do two groups that were exchanged.
func check(data [groupData]byte, n int) byte {
	c := byte(0)
	for _, d := range data {
		c = double(c ^ d)
	}
	return c ^ byte(n%len(alphabet))
}

// double multiplies by the primitive element, x, modulo x^5 + x^2 + 1.
func double(c byte) byte {
	c <<= 1
	if c&0x20 != 0 {
		c ^= 0x25
	}
	return c
}

// unspell reads groups and says which of them are mistyped.
func unspell(typed string) ([]byte, error) {
	if len(typed) > maxTyped {
		return nil, badCode("this is no code: it has %d characters", len(typed))
	}
	parts := strings.FieldsFunc(strings.ToUpper(typed), separates)
	values, err := characters(parts)
	if err != nil {
		return nil, err
	}
	if len(values) == 0 {
		return nil, badCode("there is no code")
	}
	if err := complete(parts, len(values)); err != nil {
		return nil, err
	}
	text := strings.Join(parts, "")
	var b []byte
	var wrong []string
	for n := 0; n*groupSize < len(values); n++ {
		from, to := n*groupSize, (n+1)*groupSize
		data := [groupData]byte(values[from : from+groupData])
		if check(data, n) != values[to-1] {
			wrong = append(wrong, fmt.Sprintf("group %d (%s)", n+1, text[from:to]))
		}
		b = append(b, data[:]...)
	}
	if len(wrong) > 0 {
		return nil, badCode("the code is mistyped: look at %s", strings.Join(wrong, ", "))
	}
	return join5(b), nil
}

func separates(r rune) bool {
	return strings.ContainsRune(" -_.,:\t\r\n\u2010\u2011\u2013\u2014\u00a0", r)
}

// characters gives the value of each character; O counts as 0, I and L as 1.
func characters(parts []string) ([]byte, error) {
	var values []byte
	for n, part := range parts {
		for _, r := range part {
			switch r {
			case 'O':
				r = '0'
			case 'I', 'L':
				r = '1'
			}
			at := strings.IndexRune(alphabet, r)
			if at < 0 {
				return nil, badCode("%q in group %d (%s) is in no code", r, n+1, part)
			}
			values = append(values, byte(at))
		}
	}
	return values, nil
}

// complete wants whole groups, and where they were typed apart names the one that is not.
func complete(parts []string, total int) error {
	if total%groupSize == 0 {
		return nil
	}
	for n, part := range parts {
		if len(part) != groupSize && len(parts) > 1 {
			return badCode("group %d (%s) of the code has %d characters, not %d", n+1, part, len(part), groupSize)
		}
	}
	return badCode("the code has %d characters: it is made of groups of %d", total, groupSize)
}

// join5 puts 5 bits after 5 bits into bytes; the rest of less than a byte is filling.
func join5(values []byte) []byte {
	b := make([]byte, len(values)*5/8)
	for bit := range len(b) * 8 {
		if values[bit/5]&(0x10>>(bit%5)) != 0 {
			b[bit/8] |= 0x80 >> (bit % 8)
		}
	}
	return b
}
