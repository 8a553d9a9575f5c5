package logfile

import (
	"bytes"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// Bounds of what is kept of the log in memory.
const (
	maxLine   = 64 << 10 // bytes; what is longer is dropped and counted
	maxRecent = 4 << 20  // bytes of the lines in memory
)

// line is one line of the log: JSON that begins with its number.
type line struct {
	n    uint64
	text []byte // with the line's end
}

// sink numbers the lines, remembers the newest, and hands them to the goroutine that writes
// the files, if that has room.
type sink struct {
	lost  atomic.Uint64 // lines that are in no file
	queue chan line

	mu     sync.Mutex // guards what follows
	closed bool
	last   uint64
	recent []line
	bytes  int // of recent
	most   int // of recent
}

func newSink(c Config) *sink {
	return &sink{queue: make(chan line, c.Queue), most: c.Recent}
}

// Write takes one line, as slog's JSON handler makes it, and never waits.
func (s *sink) Write(text []byte) (int, error) {
	if len(text) > maxLine || !bytes.HasPrefix(text, []byte("{")) {
		s.lost.Add(1)
		return len(text), nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return len(text), nil
	}
	// The clock makes the numbers grow over restarts without a look at the disk; as
	// microseconds they stay below 2^53 and so whole in every JSON reader.
	s.last = max(s.last+1, uint64(time.Now().UnixMicro()))
	one := line{s.last, numbered(s.last, text)}
	s.remember(one)
	select {
	case s.queue <- one:
	default:
		s.lost.Add(1)
	}
	return len(text), nil
}

func numbered(n uint64, text []byte) []byte {
	out := strconv.AppendUint(append(make([]byte, 0, len(text)+24), `{"n":`...), n, 10)
	return append(append(out, ','), text[1:]...)
}

func (s *sink) remember(one line) {
	s.recent = append(s.recent, one)
	s.bytes += len(one.text)
	drop := 0
	for drop < len(s.recent)-1 && (len(s.recent)-drop > s.most || s.bytes > maxRecent) {
		s.bytes -= len(s.recent[drop].text)
		drop++
	}
	s.recent = slices.Delete(s.recent, 0, drop)
}

// newest gives the lines in memory, the oldest first.
func (s *sink) newest() []line {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.recent)
}

func (s *sink) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	close(s.queue)
}
