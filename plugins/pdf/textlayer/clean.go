package textlayer

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// clean gives the code points of a word that may stand in the text layer: no
// control characters, no bidi controls (the order on the page is ours), none of
// U+FEFF, U+FFFE, U+FFFF and no white space at the ends. White space inside
// becomes one space.
func clean(word string) []rune {
	out := make([]rune, 0, len(word))
	space := false
	for _, r := range strings.ToValidUTF8(word, "\uFFFD") {
		if unicode.IsSpace(r) {
			space = len(out) > 0
			continue
		}
		if !writable(r) {
			continue
		}
		if space {
			out = append(out, ' ')
			space = false
		}
		out = append(out, r)
	}
	return out
}

// writable tells whether r may be the target of a ToUnicode entry.
func writable(r rune) bool {
	switch {
	case unicode.IsControl(r), r == 0xFEFF, !utf8.ValidRune(r):
		return false
	case r&0xFFFE == 0xFFFE, r >= 0xFDD0 && r <= 0xFDEF: // noncharacters
		return false
	case r == 0x061C, r == 0x200E, r == 0x200F, r >= 0x202A && r <= 0x202E, r >= 0x2066 && r <= 0x2069: // bidi controls
		return false
	}
	return true
}
