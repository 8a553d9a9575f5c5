package score

import (
	"fmt"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Options says which differences do not count as errors. The zero value brings
// both texts to NFC, collapses white space and makes quotes, dashes, ellipses,
// bullets and ligatures plain.
type Options struct {
	Strict   bool // NFC and white space only: typographic characters count
	LongS    bool // ſ is s
	Dehyphen bool // words broken at line ends are joined
	Fold     bool // case does not count
	NoMarks  bool // combining marks (accents, vowel points) do not count
	Alnum    bool // only letters, digits and marks count
}

// ParseOptions reads flags as the manifest of a page set spells them, e.g.
// "-dehyphen -fold"; "-" alone and "" mean none.
func ParseOptions(flags string) (Options, error) {
	var o Options
	for _, f := range strings.Fields(flags) {
		switch f {
		case "-":
		case "-strict":
			o.Strict = true
		case "-longs":
			o.LongS = true
		case "-dehyphen":
			o.Dehyphen = true
		case "-fold":
			o.Fold = true
		case "-nomarks":
			o.NoMarks = true
		case "-alnum":
			o.Alnum = true
		default:
			return Options{}, fmt.Errorf("score flags %q: %q is unknown", flags, f)
		}
	}
	return o, nil
}

// Normalise brings a text into the form in which texts are compared: words parted
// by single spaces.
func Normalise(s string, o Options) string {
	s = norm.NFC.String(s)
	if !o.Strict {
		s = plain(s)
	}
	if o.LongS {
		s = strings.ReplaceAll(s, "ſ", "s")
	}
	if o.NoMarks {
		s = keep(norm.NFD.String(s), func(r rune) bool { return !unicode.Is(unicode.Mn, r) })
		s = norm.NFC.String(s)
	}
	if o.Dehyphen {
		s = joinBroken(s)
	}
	if o.Fold {
		s = strings.ToLower(s)
	}
	if o.Alnum {
		s = keep(s, func(r rune) bool {
			return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsSpace(r) || unicode.IsMark(r)
		})
	}
	return strings.Join(strings.Fields(s), " ")
}

func keep(s string, want func(rune) bool) string {
	return strings.Map(func(r rune) rune {
		if want(r) {
			return r
		}
		return -1
	}, s)
}

// plain replaces typographic characters by what a typewriter has.
func plain(s string) string {
	s = strings.ReplaceAll(s, "''", `"`)
	var b strings.Builder
	b.Grow(len(s))
	for _, r := range s {
		if r < 0x80 && r != '`' {
			b.WriteByte(byte(r))
			continue
		}
		writePlain(&b, r)
	}
	return b.String()
}

func writePlain(b *strings.Builder, r rune) {
	switch {
	case strings.ContainsRune("\u00ad\u200b\ufeff\u200e\u200f", r): // invisible
	case strings.ContainsRune("`´‘’‚‛′", r):
		b.WriteByte('\'')
	case strings.ContainsRune("“”„‟″«»", r):
		b.WriteByte('"')
	case r >= '\u2010' && r <= '\u2015', r == '−', r == '\u2e17':
		b.WriteByte('-')
	case strings.ContainsRune("•●·", r):
		b.WriteByte('*')
	case r == '…':
		b.WriteString("...")
	case r >= 'ﬀ' && r <= 'ﬆ':
		b.WriteString(ligatures()[r-'ﬀ'])
	default:
		b.WriteRune(r)
	}
}

// ligatures are the letters of U+FB00 to U+FB06.
func ligatures() [7]string { return [...]string{"ff", "fi", "fl", "ffi", "ffl", "st", "st"} }

// joinBroken joins a word whose first half ends its line with a hyphen to the
// second half, if that begins with a lower-case letter. Empty lines and page
// breaks may lie between.
func joinBroken(s string) string {
	runes := []rune(s)
	out := make([]rune, 0, len(runes))
	for i := 0; i < len(runes); i++ {
		if runes[i] == '-' && i > 0 && unicode.IsLetter(runes[i-1]) {
			if next := nextLine(runes, i+1); next > 0 && unicode.IsLower(runes[next]) {
				i = next - 1
				continue
			}
		}
		out = append(out, runes[i])
	}
	return string(out)
}

// nextLine gives the index of the first visible rune if it stands on a later line
// than index i, else 0.
func nextLine(runes []rune, i int) int {
	broken := false
	for ; i < len(runes); i++ {
		r := runes[i]
		if !unicode.IsSpace(r) {
			break
		}
		broken = broken || r == '\n' || r == '\f'
	}
	if !broken || i == len(runes) {
		return 0
	}
	return i
}
