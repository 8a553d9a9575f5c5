package host

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/twinleaf-scan/twinleaf/core"
)

// Limits of what a plug-in may say on its standard error.
const (
	maxLine   = 16 << 10 // bytes; the rest of the line is dropped
	maxLines  = 200      // a second; the rest is counted
	keptLines = 50       // of a crash
	maxFields = 32       // of a JSON line
)

// stderrLog turns a plug-in's standard error into log records and keeps the first
// lines of plain text since the last reset: the words of a crash.
type stderrLog struct {
	log *slog.Logger

	mu      sync.Mutex // guards what follows
	kept    []string
	secrets map[string]bool
	masks   *strings.Replacer // of secrets; nil: there are none
}

// Limits of hiding: a shorter secret would be found in every word, and a process works
// for a few settings only.
const (
	leastSecret = 4 // bytes
	mostSecrets = 256
)

// hide keeps secrets out of the log and the words of a crash from now on, also those of
// calls before: what a process says may come late.
func (l *stderrLog) hide(secrets []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	before := len(l.secrets)
	for _, s := range secrets {
		if len(s) >= leastSecret && len(l.secrets) < mostSecrets {
			if l.secrets == nil {
				l.secrets = map[string]bool{}
			}
			l.secrets[s] = true
		}
	}
	if len(l.secrets) > before {
		l.masks = masks(slices.Collect(maps.Keys(l.secrets)))
	}
}

// masks replaces secrets, also as they are written in JSON; the longest first.
func masks(secrets []string) *strings.Replacer {
	slices.SortFunc(secrets, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), strings.Compare(a, b)) })
	var pairs []string
	for _, s := range secrets {
		pairs = append(pairs, s, core.Mask)
		quoted := strconv.Quote(s)
		pairs = append(pairs, quoted[1:len(quoted)-1], core.Mask)
		if raw, err := json.Marshal(s); err == nil {
			pairs = append(pairs, string(raw[1:len(raw)-1]), core.Mask)
		}
	}
	return strings.NewReplacer(pairs...)
}

func (l *stderrLog) masked(line string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.masks == nil {
		return line
	}
	return l.masks.Replace(line)
}

func (l *stderrLog) reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.kept = nil
}

func (l *stderrLog) said() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.kept
}

func (l *stderrLog) keep(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.kept) < keptLines {
		l.kept = append(l.kept, line)
	}
}

// read returns when r ends. It never stops reading, so the plug-in never blocks.
func (l *stderrLog) read(r io.Reader) {
	in := bufio.NewReaderSize(r, maxLine)
	second, lines, dropped := time.Now(), 0, 0
	for {
		line, tooLong, err := in.ReadLine()
		if err != nil {
			l.tellDropped(dropped)
			return
		}
		text := string(line)
		for tooLong && err == nil {
			_, tooLong, err = in.ReadLine()
		}
		if now := time.Now(); now.Sub(second) >= time.Second {
			l.tellDropped(dropped)
			second, lines, dropped = now, 0, 0
		}
		if lines++; lines > maxLines {
			dropped++
			continue
		}
		l.write(text)
	}
}

func (l *stderrLog) tellDropped(n int) {
	if n > 0 {
		l.log.Warn("plug-in floods its log", "dropped", n)
	}
}

func (l *stderrLog) write(line string) {
	line = l.masked(line)
	var fields map[string]any
	if !strings.HasPrefix(line, "{") || json.Unmarshal([]byte(line), &fields) != nil || len(fields) > maxFields {
		line = printable(line)
		l.keep(line)
		l.log.Debug("plug-in says", "line", line)
		return
	}
	message, level := "plug-in says", slog.LevelInfo
	attrs := make([]slog.Attr, 0, len(fields))
	for key, value := range fields {
		text, isText := value.(string)
		switch strings.TrimPrefix(key, "@") {
		case "time", "timestamp", "caller", "module":
		case "msg", "message":
			message = printable(text)
		case "level":
			level = levelOf(text)
		default:
			if isText {
				value = printable(text)
			}
			attrs = append(attrs, slog.Any(printable(key), value))
		}
	}
	l.log.LogAttrs(context.Background(), level, message, attrs...)
}

func levelOf(name string) slog.Level {
	var level slog.Level
	if err := level.UnmarshalText([]byte(name)); err != nil {
		return slog.LevelInfo
	}
	return level
}

// printable takes out of foreign words what is no word: control characters, and those that
// break a line or turn its direction, so that it reads as something else.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == unicode.ReplacementChar || unicode.IsControl(r) && r != '\t' && r != '\n' || unicode.In(r, unicode.Bidi_Control, unicode.Zl, unicode.Zp) {
			return '·'
		}
		return r
	}, s)
}
