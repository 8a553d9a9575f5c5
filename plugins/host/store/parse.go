package store

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/twinleaf-scan/twinleaf/sdk"
)

// ParseLock reads a lock strictly: what it does not know, finds twice or misses is
// an error that names the line.
func ParseLock(text []byte) (Lock, error) {
	if len(text) > maxLock {
		return Lock{}, fmt.Errorf("%s has more than %d bytes", LockFile, maxLock)
	}
	var l Lock
	for i, line := range strings.Split(string(text), "\n") {
		if err := l.take(line); err != nil {
			return Lock{}, fmt.Errorf("%s, line %d: %w", LockFile, i+1, err)
		}
	}
	if err := l.check(); err != nil {
		return Lock{}, fmt.Errorf("%s: %w", LockFile, err)
	}
	return l, nil
}

// take reads one line.
func (l *Lock) take(line string) error {
	switch {
	case !utf8.ValidString(line) || strings.ContainsFunc(line, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return errors.New("only printable text is allowed")
	case line == "" || strings.HasPrefix(line, "#"):
		return nil
	case strings.HasPrefix(line, " "):
		return l.takeHash(strings.Fields(line))
	case len(l.Entries) >= maxEntries:
		return errTooBig
	}
	e, err := parseEntry(strings.Split(line, " "))
	if err != nil {
		return err
	}
	l.Entries = append(l.Entries, e)
	return nil
}

func (l *Lock) takeHash(words []string) error {
	if len(words) != 3 || words[0] != "h1" {
		return errors.New("want \"h1 PLATFORM DIGEST\"")
	}
	if len(l.Entries) == 0 {
		return errors.New("a digest stands before the first plug-in")
	}
	hashes := l.Entries[len(l.Entries)-1].Hashes
	if hashes[words[1]] != "" {
		return fmt.Errorf("platform %.60s is there twice", words[1])
	}
	if len(hashes) >= maxHashes {
		return errTooBig
	}
	hashes[words[1]] = words[2]
	return checkHash(words[1], words[2])
}

// parseEntry reads NAME VERSION KEY=VALUE… [active], in this order of keys.
func parseEntry(words []string) (Entry, error) {
	e := Entry{Hashes: map[string]string{}}
	if n := len(words); n > 0 && words[n-1] == "active" {
		e.Active, words = true, words[:n-1]
	}
	keys := []string{"program", "sdk", "kind", "signer", "perms", "schema"}
	if len(words) != 2+len(keys) {
		return e, fmt.Errorf("want NAME VERSION %s=… and perhaps \"active\", with one space between", strings.Join(keys, "=… "))
	}
	e.Name, e.Version = words[0], words[1]
	for i, key := range keys {
		value, found := strings.CutPrefix(words[2+i], key+"=")
		if !found || value == "" {
			return e, fmt.Errorf("want %s=… instead of %.60q", key, words[2+i])
		}
		if err := e.set(key, value); err != nil {
			return e, err
		}
	}
	return e, e.check()
}

func (e *Entry) set(key, value string) error {
	switch key {
	case "program":
		e.Program = value
	case "sdk":
		n, err := strconv.Atoi(value)
		if err != nil || strconv.Itoa(n) != value {
			return fmt.Errorf("sdk=%.20s is no number", value)
		}
		e.Protocol = n
	case "kind":
		for _, k := range strings.Split(value, ",") {
			e.Kinds = append(e.Kinds, sdk.Kind(k))
		}
		if !slices.IsSorted(e.Kinds) || len(slices.Compact(slices.Clone(e.Kinds))) != len(e.Kinds) {
			return fmt.Errorf("kind=%.200s is not sorted, or names one twice", value)
		}
	case "signer":
		if value != "none" {
			e.Signer = value
		}
	case "perms":
		e.Permissions = value
	case "schema":
		e.Schema = value
	}
	return nil
}
