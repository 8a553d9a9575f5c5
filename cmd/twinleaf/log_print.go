package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/twinleaf-scan/twinleaf/console/api"
)

func printLog(w io.Writer, l api.Log, asJSON bool) error {
	var out bytes.Buffer
	for _, raw := range l.Lines {
		if asJSON {
			out.Write(raw)
			out.WriteByte('\n')
			continue
		}
		out.WriteString(logText(raw))
		out.WriteByte('\n')
	}
	_, err := w.Write(out.Bytes())
	return err
}

// logText is a line of the log for people: when, how grave, what, and then the values in
// their order.
func logText(raw json.RawMessage) string {
	var at, level, message string
	var values []string
	for _, m := range members(raw) {
		switch m.name {
		case "n":
		case "time":
			at = localTime(m.text)
		case "level":
			level = m.text
		case "msg":
			message = m.text
		default:
			values = append(values, printable(m.name)+"="+quoted(m.text))
		}
	}
	return strings.TrimRight(fmt.Sprintf("%s %-5s %s %s", at, printable(level), printable(message), strings.Join(values, " ")), " ")
}

// member is one of a JSON object; text is a string's content, or the value's JSON.
type member struct{ name, text string }

// members gives those of an object in their order; what cannot be read ends it.
func members(raw json.RawMessage) []member {
	var all []member
	d := json.NewDecoder(bytes.NewReader(raw))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil
	}
	for d.More() {
		var value json.RawMessage
		name, err := d.Token()
		key, isText := name.(string)
		if err != nil || !isText || d.Decode(&value) != nil {
			return all
		}
		text := string(value)
		var s string
		if json.Unmarshal(value, &s) == nil && text != "null" {
			text = s
		}
		all = append(all, member{key, text})
	}
	return all
}

func localTime(text string) string {
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return printable(text)
	}
	return at.Local().Format("2006-01-02 15:04:05.000")
}

// quoted is a value as one word.
func quoted(s string) string {
	if s == "" || strings.ContainsAny(s, " \t\n\"=") || printable(s) != s {
		return strconv.Quote(s)
	}
	return s
}
