package link

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/twinleaf-scan/twinleaf/core/pair"
	"github.com/twinleaf-scan/twinleaf/internal/strict"
)

// Protocol is the generation of what the servers of a pair say to each other: the
// messages, and the calls of this package.
const Protocol = 1

// MaxMessage is how many bytes a message may have.
const MaxMessage = 64 << 10

// envelope is a message on the wire.
type envelope struct {
	Kind string          `json:"kind"`
	Body json.RawMessage `json:"body"`
}

func kindOf(m pair.Message) string {
	switch m.(type) {
	case pair.Hello:
		return "hello"
	case pair.AskBack:
		return "ask-back"
	case pair.GiveBack:
		return "give-back"
	case pair.AskRest:
		return "ask-rest"
	case pair.AskReturn:
		return "ask-return"
	}
	return ""
}

// encodeMessage is the inverse of decodeMessage.
func encodeMessage(m pair.Message) ([]byte, error) {
	kind := kindOf(m)
	if kind == "" {
		return nil, fmt.Errorf("send a %T: it is no message of the pair", m)
	}
	body, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("send a %s: %w", kind, err)
	}
	raw, err := json.Marshal(envelope{kind, body})
	if err == nil && len(raw) > MaxMessage {
		err = fmt.Errorf("send a %s: it has %d bytes, at most %d are possible", kind, len(raw), MaxMessage)
	}
	return raw, err
}

// decodeMessage takes what a peer of the same protocol sends, and nothing else.
func decodeMessage(raw []byte) (pair.Message, error) {
	if len(raw) > MaxMessage {
		return nil, fmt.Errorf("the message has more than %d bytes", MaxMessage)
	}
	var e envelope
	if err := object(raw, &e); err != nil {
		return nil, fmt.Errorf("message: %w", err)
	}
	switch e.Kind {
	case "hello":
		return decodeAs[pair.Hello](e)
	case "ask-back":
		return decodeAs[pair.AskBack](e)
	case "give-back":
		return decodeAs[pair.GiveBack](e)
	case "ask-rest":
		return decodeAs[pair.AskRest](e)
	case "ask-return":
		return decodeAs[pair.AskReturn](e)
	}
	return nil, fmt.Errorf("message of unknown kind %.40q", e.Kind)
}

func decodeAs[M pair.Message](e envelope) (pair.Message, error) {
	var m M
	if err := object(e.Body, &m); err != nil {
		return nil, fmt.Errorf("message %s: %w", e.Kind, err)
	}
	return m, nil
}

// object reads one JSON object without unknown fields and with nothing behind it.
func object(raw []byte, to any) error {
	if raw = bytes.TrimSpace(raw); len(raw) == 0 || raw[0] != '{' {
		return errors.New("it is no JSON object")
	}
	return strict.JSON(raw, to)
}
