package journal

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
)

// checkAck reads the engine's answer to a publish.
func checkAck(m *nats.Msg, want Seq) error {
	if m.Header.Get("Status") == "503" {
		return errors.New("the engine takes no messages")
	}
	var ack struct {
		Seq   Seq `json:"seq"`
		Error *struct {
			Description string `json:"description"`
		} `json:"error"`
	}
	if err := json.Unmarshal(m.Data, &ack); err != nil {
		return fmt.Errorf("the engine's answer %q: %w", m.Data, err)
	}
	if ack.Error != nil {
		return errors.New(ack.Error.Description)
	}
	if ack.Seq != want {
		return fmt.Errorf("the engine wrote entry %d, expected %d", ack.Seq, want)
	}
	return nil
}
