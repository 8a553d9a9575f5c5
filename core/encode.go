package core

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// ErrUnknownEvent is returned by DecodeEvent, and by EncodeEvent, for an event
// whose type this version does not know. A newer version wrote it: replaying the
// journal without it would give another state, so it is never skipped.
var ErrUnknownEvent = errors.New("unknown event type")

// envelope is the shape of an encoded event.
type envelope struct {
	Type string          `json:"type"`
	At   time.Time       `json:"at"`
	Job  JobID           `json:"job"`
	Data json.RawMessage `json:"data"`
}

// EncodeEvent gives the JSON object {"type","at","job","data"} of an event, on
// one line. The time is written in UTC. Bodies are values, never pointers: any
// other body, or none, is ErrUnknownEvent.
func EncodeEvent(e Event) ([]byte, error) {
	if !knownBody(e.Body) {
		return nil, fmt.Errorf("encode event with body %T: %w", e.Body, ErrUnknownEvent)
	}
	data, err := json.Marshal(e.Body)
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", e.Body.Type(), err)
	}
	line, err := json.Marshal(envelope{Type: e.Body.Type(), At: e.At.UTC(), Job: e.Job, Data: data})
	if err != nil {
		return nil, fmt.Errorf("encode %s: %w", e.Body.Type(), err)
	}
	return line, nil
}

// DecodeEvent reads what EncodeEvent wrote. It refuses types it does not know
// with ErrUnknownEvent, and an envelope with other fields or with data that is
// no object with a plain error. The event shares no memory with line.
func DecodeEvent(line []byte) (Event, error) {
	if e, ok := decodeOwn(line); ok {
		return e, nil
	}
	return decodeAny(line)
}

// decodeAny reads any JSON spelling of an event and says what is wrong with it.
func decodeAny(line []byte) (Event, error) {
	var env envelope
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(&env); err != nil {
		return Event{}, fmt.Errorf("decode event: %w", err)
	}
	if rest := bytes.TrimSpace(line[d.InputOffset():]); len(rest) > 0 {
		return Event{}, fmt.Errorf("decode event: %d bytes follow it", len(rest))
	}
	if !bytes.HasPrefix(env.Data, []byte("{")) {
		return Event{}, fmt.Errorf("decode event %q: data is no object", env.Type)
	}
	body, err := decodeBody(env.Type, env.Data)
	if err != nil {
		return Event{}, fmt.Errorf("decode event %q: %w", env.Type, err)
	}
	if y := env.At.UTC().Year(); y < 0 || y > 9999 {
		return Event{}, fmt.Errorf("decode event %q: year %d in UTC", env.Type, y)
	}
	return Event{At: env.At.UTC(), Job: env.Job, Body: body}, nil
}

// decodeOwn reads the one spelling that EncodeEvent uses without looking at the
// data twice; a replay spends most of its time here. Whatever it does not
// recognise at once it leaves to decodeAny.
func decodeOwn(line []byte) (Event, bool) {
	typ, line, ok := cutPlain(line, `{"type":"`)
	if !ok {
		return Event{}, false
	}
	at, line, ok := cutPlain(line, `,"at":"`)
	if !ok {
		return Event{}, false
	}
	job, line, ok := cutPlain(line, `,"job":"`)
	if !ok {
		return Event{}, false
	}
	data, ok := bytes.CutPrefix(line, []byte(`,"data":`))
	if !ok || len(data) < 3 || data[0] != '{' || data[len(data)-1] != '}' {
		return Event{}, false
	}
	when, err := time.Parse(time.RFC3339Nano, at)
	if err != nil || at[len(at)-1] != 'Z' {
		return Event{}, false
	}
	body, err := decodeBody(typ, data[:len(data)-1])
	if err != nil {
		return Event{}, false
	}
	return Event{At: when, Job: JobID(job), Body: body}, true
}

// cutPlain cuts prefix and a JSON string of plain characters, with its closing
// quote, from the front of line.
func cutPlain(line []byte, prefix string) (s string, rest []byte, ok bool) {
	line, ok = bytes.CutPrefix(line, []byte(prefix))
	if !ok {
		return "", nil, false
	}
	for i, c := range line {
		switch {
		case c == '"':
			return string(line[:i]), line[i+1:], true
		case c < ' ' || c > '~' || c == '\\':
			return "", nil, false
		}
	}
	return "", nil, false
}

func decodeBody(typ string, data []byte) (Body, error) {
	switch typ {
	case "JobSubmitted":
		return decodeAs[JobSubmitted](data)
	case "StageStarted":
		return decodeAs[StageStarted](data)
	case "DocumentIngested":
		return decodeAs[DocumentIngested](data)
	case "PageRasterized":
		return decodeAs[PageRasterized](data)
	case "PageCleaned":
		return decodeAs[PageCleaned](data)
	case "PageRecognized":
		return decodeAs[PageRecognized](data)
	case "DocumentAssembled":
		return decodeAs[DocumentAssembled](data)
	case "Delivered":
		return decodeAs[Delivered](data)
	case "StageFailed":
		return decodeAs[StageFailed](data)
	case "JobHeld":
		return decodeAs[JobHeld](data)
	case "JobReleased":
		return decodeAs[JobReleased](data)
	case "JobCancelled":
		return decodeAs[JobCancelled](data)
	case "JobRetried":
		return decodeAs[JobRetried](data)
	case "SettingChanged":
		return decodeAs[SettingChanged](data)
	case "TakeoverBegan":
		return decodeAs[TakeoverBegan](data)
	case "HandedBack":
		return decodeAs[HandedBack](data)
	case "ModeChanged":
		return decodeAs[ModeChanged](data)
	case "Snapshot":
		return decodeAs[Snapshot](data)
	}
	return nil, ErrUnknownEvent
}

func decodeAs[B Body](data []byte) (Body, error) {
	var b B
	if err := json.Unmarshal(data, &b); err != nil {
		return nil, err
	}
	return b, nil
}

// knownBody reports whether decodeBody would give a body of the same type back.
func knownBody(b Body) bool {
	switch b.(type) {
	case JobSubmitted, StageStarted, DocumentIngested, PageRasterized, PageCleaned,
		PageRecognized, DocumentAssembled, Delivered, StageFailed, JobHeld, JobReleased,
		JobCancelled, JobRetried, SettingChanged, TakeoverBegan, HandedBack, ModeChanged, Snapshot:
		return true
	}
	return false
}
