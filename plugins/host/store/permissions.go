package store

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/twinleaf-scan/twinleaf/sdk"
)

// NoPermissions is what a plug-in has that asks for nothing.
const NoPermissions = "none"

// Permissions writes what a plug-in asks of the sandbox as one word: sorted, each
// thing once, "net:api.example.com:443,exec:pdftoppm,sharedmem,memory:512,cpu:60",
// or "none". What could be taken for a separator is escaped as in a URL.
func Permissions(p sdk.Permissions) string {
	var words []string
	add := func(prefix string, values []string) {
		for _, v := range slices.Compact(slices.Sorted(slices.Values(values))) {
			words = append(words, prefix+escape(v))
		}
	}
	add("net:", p.Net)
	add("exec:", p.Exec)
	if p.SharedMem {
		words = append(words, "sharedmem")
	}
	if p.MemoryMB != 0 {
		words = append(words, "memory:"+strconv.Itoa(p.MemoryMB))
	}
	if p.CPUSeconds != 0 {
		words = append(words, "cpu:"+strconv.Itoa(p.CPUSeconds))
	}
	if len(words) == 0 {
		return NoPermissions
	}
	return strings.Join(words, ",")
}

// escape leaves colons and slashes readable; they part nothing within a value.
func escape(v string) string {
	return strings.NewReplacer("%3A", ":", "%2F", "/").Replace(url.QueryEscape(v))
}

// checkPermissions wants a word as Permissions writes it.
func checkPermissions(word string) error {
	p, err := parsePermissions(word)
	if err == nil && Permissions(p) != word {
		err = fmt.Errorf("permissions %.200q are not in order: want %.200q", word, Permissions(p))
	}
	return err
}

func parsePermissions(word string) (sdk.Permissions, error) {
	var p sdk.Permissions
	if word == NoPermissions {
		return p, nil
	}
	for _, part := range strings.Split(word, ",") {
		what, value, _ := strings.Cut(part, ":")
		plain, err := url.QueryUnescape(value)
		switch what {
		case "net":
			p.Net = append(p.Net, plain)
		case "exec":
			p.Exec = append(p.Exec, plain)
		case "sharedmem":
			p.SharedMem = true
		case "memory":
			p.MemoryMB, err = strconv.Atoi(value)
		case "cpu":
			p.CPUSeconds, err = strconv.Atoi(value)
		default:
			err = fmt.Errorf("there is no permission %.60q", what)
		}
		if err != nil {
			return p, fmt.Errorf("permissions %.200q: %w", word, err)
		}
	}
	return p, nil
}
