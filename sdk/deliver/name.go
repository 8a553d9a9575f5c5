package deliver

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxName is the longest name of a delivered file in bytes.
const MaxName = 200

// Suffix is what follows the stem in the name of a file of a kind.
func Suffix(kind string) string {
	switch kind {
	case "pdf":
		return ".pdf"
	case "text":
		return ".txt"
	case "hocr":
		return ".hocr"
	case "alto":
		return ".alto.xml"
	case "manifest":
		return ".json"
	case "original":
		return "-original.pdf"
	}
	return "-" + clip(safe(kind), 20) + ".bin"
}

// longestSuffix leaves room for any suffix, with a number before it.
const longestSuffix = len("-999") + len("-12345678901234567890.bin")

// Stem is the n-th choice of a document's name without its ending, n from 0: the
// name itself, the name with the job, then with numbers. It is fit for the usual file
// systems, and no hidden name.
func Stem(name, job string, n int) string {
	more := ""
	if n > 0 {
		more = "-" + clip(cmp.Or(safe(job), "job"), 64)
	}
	if n > 1 {
		more += fmt.Sprintf("-%d", n)
	}
	room := MaxName - longestSuffix - len(more)
	stem := clip(safe(name), room) // what is left may be a device
	if stem == "" || reserved(stem) {
		stem = clip("scan"+stem, room)
	}
	return stem + more
}

// safe takes out of a name what file systems, shells and other systems choke on.
func safe(name string) string {
	name = strings.ToValidUTF8(name, "_")
	name = strings.Map(func(r rune) rune {
		if strings.ContainsRune(`/\:*?"<>|`, r) || unicode.IsControl(r) || !unicode.IsGraphic(r) {
			return '_'
		}
		return r
	}, name)
	return strings.TrimRight(strings.TrimLeft(name, ". "), ". ")
}

// clip cuts a name to at most n bytes, between characters.
func clip(name string, n int) string {
	if len(name) <= n {
		return name
	}
	for n > 0 && !utf8.RuneStart(name[n]) {
		n--
	}
	return strings.TrimRight(name[:n], ". ")
}

// reserved reports whether Windows takes a name for a device: what stands before the
// first dot counts.
func reserved(name string) bool {
	base, _, _ := strings.Cut(strings.ToUpper(name), ".")
	base = strings.TrimRight(base, " ")
	if slices.Contains([]string{"CON", "PRN", "AUX", "NUL"}, base) {
		return true
	}
	return len(base) == 4 && (strings.HasPrefix(base, "COM") || strings.HasPrefix(base, "LPT")) && base[3] >= '1' && base[3] <= '9'
}
