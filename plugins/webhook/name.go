package main

import (
	"cmp"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxStem bounds the part of a file's name before the extension, in bytes.
const maxStem = 150

// fileNames are the names of files of these kinds, each another one.
func fileNames(name string, kinds []string) []string {
	stem := cmp.Or(clip(clean(name), maxStem), "scan")
	count := map[string]int{}
	for _, k := range kinds {
		count[k]++
	}
	seen := map[string]int{}
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = stem + suffix(k)
		if seen[k]++; count[k] > 1 {
			names[i] = fmt.Sprintf("%s-%d%s", stem, seen[k], suffix(k))
		}
	}
	return names
}

// suffix is what follows the stem in a file of a kind.
func suffix(kind string) string {
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
	return "-" + clip(clean(kind), 20) + ".bin"
}

// mediaOf is the media type of a kind.
func mediaOf(kind string) string {
	switch kind {
	case "pdf", "original":
		return "application/pdf"
	case "text":
		return "text/plain; charset=utf-8"
	case "hocr":
		return "text/html; charset=utf-8"
	case "alto":
		return "application/xml"
	case "manifest":
		return "application/json"
	}
	return "application/octet-stream"
}

// clean takes out of a name what headers and file systems choke on.
func clean(name string) string {
	name = strings.Map(func(r rune) rune {
		if strings.ContainsRune(`/\:*?"<>|`, r) || !unicode.IsGraphic(r) || r == utf8.RuneError {
			return '_'
		}
		return r
	}, name)
	return strings.Trim(name, ". ")
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
