package logfile

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strconv"
	"time"
)

// head is what every line begins with, in this order. It is read by its place and not by
// its names: what follows was said by anybody, and may have the same names again.
type head struct {
	n     uint64
	at    time.Time
	level slog.Level
}

// headOf reads the head of one line; false: it is none of ours, or torn.
func headOf(text []byte) (h head, ok bool) {
	n, rest, ok := field(text, `{"n":`, ",")
	if !ok {
		return h, false
	}
	at, rest, ok := field(rest, `"time":"`, `",`)
	if !ok {
		return h, false
	}
	level, _, ok := field(rest, `"level":"`, `",`)
	if !ok {
		return h, false
	}
	var err error
	if h.n, err = strconv.ParseUint(n, 10, 64); err != nil {
		return h, false
	}
	if h.at, err = time.Parse(time.RFC3339Nano, at); err != nil {
		return h, false
	}
	return h, h.level.UnmarshalText([]byte(level)) == nil
}

// field takes a short value between before and after off the front of text.
func field(text []byte, before, after string) (value string, rest []byte, ok bool) {
	text, ok = bytes.CutPrefix(text, []byte(before))
	if !ok {
		return "", nil, false
	}
	const longest = 64
	end := bytes.Index(text[:min(len(text), longest)], []byte(after))
	if end < 0 {
		return "", nil, false
	}
	return string(text[:end]), text[end+len(after):], true
}

// whole reports whether a line is JSON from its head to its end.
func whole(text []byte) bool { return json.Valid(text) }
