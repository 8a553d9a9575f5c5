package link

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/twinleaf-scan/twinleaf/core/journal"
	"github.com/twinleaf-scan/twinleaf/core/pair"
)

// Copied is how the copy stands that a server keeps of its peer's journal.
type Copied struct {
	First  journal.Seq  // Seq+1 when it has no entry
	Seq    journal.Seq  // of the last entry
	Hash   journal.Hash // of the last entry
	Asides []string     // names of what was set aside and is not discarded, in order
}

type wireCopied struct {
	First  journal.Seq `json:"first"`
	Seq    journal.Seq `json:"seq"`
	Hash   string      `json:"hash"`
	Asides []string    `json:"asides,omitempty"`
}

// MarshalJSON writes the hash in hexadecimal digits.
func (c Copied) MarshalJSON() ([]byte, error) {
	return json.Marshal(wireCopied{c.First, c.Seq, hashText(c.Hash), c.Asides})
}

// UnmarshalJSON is the inverse of MarshalJSON.
func (c *Copied) UnmarshalJSON(raw []byte) error {
	var w wireCopied
	if err := object(raw, &w); err != nil {
		return fmt.Errorf("how the copy stands: %w", err)
	}
	h, err := parseHash(w.Hash)
	*c = Copied{w.First, w.Seq, h, w.Asides}
	return err
}

// wireEnd is an end of a chain on the wire.
type wireEnd struct {
	Seq  journal.Seq `json:"seq"`
	Hash string      `json:"hash"`
}

func toWire(e pair.End) wireEnd { return wireEnd{e.Seq, hashText(e.Hash)} }

func (w wireEnd) end() (pair.End, error) {
	h, err := parseHash(w.Hash)
	return pair.End{Seq: w.Seq, Hash: h}, err
}

func parseSeq(s string) (journal.Seq, error) {
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%.40q is no sequence of an entry", s)
	}
	return journal.Seq(n), nil
}
