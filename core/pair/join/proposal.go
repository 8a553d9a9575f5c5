package join

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/twinleaf-scan/twinleaf/core/pair/identity"
	"github.com/twinleaf-scan/twinleaf/core/parity"
	"github.com/twinleaf-scan/twinleaf/internal/strict"
)

// Format is the number of the form in which two servers speak here.
const Format = 1

// Bounds of a proposal.
const (
	maxProposal  = 12 << 20 // bytes
	maxLicence   = 64 << 10 // bytes
	maxAddresses = 8
	maxMACs      = 200
	maxSettings  = 20_000
	maxText      = 1000 // bytes
)

// Proposal is what a server tells of itself to one that has the code.
type Proposal struct {
	Format   int           `json:"format"`
	Protocol int           `json:"protocol"` // generation of what the servers of a pair say to each other
	Product  string        `json:"product"`  // version of Twinleaf
	Server   identity.Peer `json:"server"`   // as the other one would keep it
	Pair     *Member       `json:"pair,omitempty"`

	Licence []byte   `json:"licence,omitempty"` // signed file of the licence in force; empty: there is none
	Cores   int      `json:"cores"`
	MACs    []string `json:"macs"`

	Manifest parity.Manifest `json:"manifest"`
	Settings []Setting       `json:"settings"` // every one that was ever set, sorted by key

	SealKey   string `json:"sealKey"`             // digest of the key with which it seals secrets
	SealFixed bool   `json:"sealFixed,omitempty"` // that key is not the server's to change

	// Of the joiner only; Join fills them in.
	TakeSettings bool          `json:"takeSettings,omitempty"` // the primary's settings may replace its own
	Skew         time.Duration `json:"skew,omitempty"`         // how far the primary's clock is ahead, as measured
}

// Member says in which pair a server is.
type Member struct {
	Pair string `json:"pair"`
	Peer string `json:"peer"` // id
}

// Setting is one shared setting, without its value.
type Setting struct {
	Key      string `json:"key"`
	Revision int    `json:"revision"`
	Digest   string `json:"digest,omitempty"` // of its value, as in a manifest; empty: it was removed
}

// DecodeProposal reads what another server wrote. What this version does not know is
// refused, so that nobody joins what was not understood.
func DecodeProposal(r io.Reader) (Proposal, error) {
	raw, err := io.ReadAll(io.LimitReader(r, maxProposal+1))
	if err != nil {
		return Proposal{}, fmt.Errorf("read the proposal: %w", err)
	}
	if len(raw) > maxProposal {
		return Proposal{}, fmt.Errorf("the proposal has more than %d bytes", maxProposal)
	}
	var head struct {
		Format  *int
		Product string
	}
	if err := json.Unmarshal(raw, &head); err != nil || head.Format == nil {
		return Proposal{}, errors.New("this is no proposal of a server")
	}
	if *head.Format != Format {
		return Proposal{}, fmt.Errorf("the proposal of Twinleaf %.40q has form %d, this version knows form %d: install the same version on both servers", head.Product, *head.Format, Format)
	}
	var p Proposal
	if err := strict.JSON(raw, &p); err != nil {
		return Proposal{}, fmt.Errorf("proposal: %w", err)
	}
	p.Manifest.Sort()
	return p, p.Check()
}

// Check says what is wrong with the form of a proposal.
func (p Proposal) Check() error {
	switch s := p.Server; {
	case p.Format != Format:
		return fmt.Errorf("proposal: form %d, want %d", p.Format, Format)
	case !identity.ValidID(s.ID):
		return fmt.Errorf("proposal: %.60q cannot be the id of a server", s.ID)
	case !isDigest(s.Fingerprint):
		return fmt.Errorf("proposal: %.70q is no fingerprint", s.Fingerprint)
	case len(s.Addresses) == 0 || len(s.Addresses) > maxAddresses:
		return fmt.Errorf("proposal: %d addresses, 1 to %d are possible", len(s.Addresses), maxAddresses)
	case len(p.Licence) > maxLicence || len(p.MACs) > maxMACs || len(p.Settings) > maxSettings:
		return fmt.Errorf("proposal: a licence of %d bytes, %d MAC addresses, %d settings: at most %d, %d and %d are possible",
			len(p.Licence), len(p.MACs), len(p.Settings), maxLicence, maxMACs, maxSettings)
	case p.Cores < 0 || p.Cores > 1<<20:
		return fmt.Errorf("proposal: %d cores", p.Cores)
	}
	texts := append([]string{p.Product, p.Server.Name, p.Server.URL, p.SealKey}, p.Server.Addresses...)
	texts = append(texts, p.MACs...)
	if p.Pair != nil {
		if p.Pair.Pair == "" || !identity.ValidID(p.Pair.Peer) {
			return errors.New("proposal: it is in a pair that cannot be")
		}
		texts = append(texts, p.Pair.Pair)
	}
	if i := slices.IndexFunc(texts, isNoText); i >= 0 {
		return fmt.Errorf("proposal: %.100q is no plain text of at most %d bytes", texts[i], maxText)
	}
	if err := checkSettings(p.Settings); err != nil {
		return err
	}
	return p.Manifest.Check()
}

func checkSettings(list []Setting) error {
	for i, s := range list {
		if s.Key == "" || isNoText(s.Key) || s.Revision < 0 || s.Digest != "" && !isDigest(s.Digest) {
			return fmt.Errorf("proposal: the setting %.100q cannot be", s.Key)
		}
		if i > 0 && list[i-1].Key >= s.Key {
			return fmt.Errorf("proposal: the settings are not sorted, or %.100q is named twice", s.Key)
		}
	}
	return nil
}

func isDigest(s string) bool {
	sum, err := hex.DecodeString(s)
	return err == nil && len(sum) == 32
}

// isNoText finds what would move the cursor of whoever reads it.
func isNoText(s string) bool {
	return len(s) > maxText || !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}
