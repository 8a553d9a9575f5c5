package site

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"strings"
	"time"
)

// Line is one line of a server's log.
type Line struct {
	Time    time.Time
	Level   string
	Message string
	Attr    map[string]any // all of it
}

// Text is an attribute that is text.
func (l Line) Text(name string) string {
	s, _ := l.Attr[name].(string)
	return s
}

// LogReader reads the log of a server as it grows. The zero offset is the beginning.
type LogReader struct {
	Path   string
	Offset int64
}

// Next gives the whole lines that came since the last time. What is no JSON, such as the
// words of a crash, is a line of level TEXT.
func (r *LogReader) Next() ([]Line, error) {
	f, err := os.Open(r.Path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if _, err := f.Seek(r.Offset, io.SeekStart); err != nil {
		return nil, err
	}
	data, err := io.ReadAll(f)
	if err != nil {
		return nil, err
	}
	data = data[:bytes.LastIndexByte(data, '\n')+1]
	r.Offset += int64(len(data))
	var out []Line
	for line := range bytes.Lines(data) {
		out = append(out, parse(line))
	}
	return out, nil
}

func parse(raw []byte) Line {
	l := Line{Level: "TEXT", Message: strings.TrimSpace(string(raw))}
	var attr map[string]any
	if json.Unmarshal(raw, &attr) != nil {
		return l
	}
	l.Attr = attr
	l.Level, l.Message = l.Text("level"), l.Text("msg")
	l.Time, _ = time.Parse(time.RFC3339Nano, l.Text("time"))
	return l
}
