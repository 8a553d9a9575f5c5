package license

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// Kind is for how long a licence holds.
type Kind string

// The kinds. A pair wants permanent ones.
const (
	Permanent Kind = "permanent"
	Trial     Kind = "trial"
)

// License is what an operator signs. Cores and MACs are of all servers together.
type License struct {
	Key       Key       `json:"key"`
	Kind      Kind      `json:"kind"`
	Holder    string    `json:"holder,omitempty"`
	Cores     int       `json:"cores"`
	MACs      []string  `json:"macs"`      // lower-case hexadecimal with colons
	NotBefore time.Time `json:"notBefore"` // UTC, whole seconds
	Expires   time.Time `json:"expires,omitzero"`
}

// Signed is a licence whose signature was checked.
type Signed struct {
	License
	Signer string // name of the verify key, with its hash
}

// bounds of a licence file.
const (
	maxFile = 64 << 10 // bytes
	maxMACs = 200
)

// header is the first line of every licence file.
const header = "twinleaf license 1"

// Check says what is wrong with a licence, and brings its addresses into their one form.
func (l *License) Check() error {
	if _, err := ParseKey(string(l.Key)); err != nil {
		return err
	}
	switch {
	case l.Kind != Permanent && l.Kind != Trial:
		return fmt.Errorf("a licence is %s or %s, not %.20q", Permanent, Trial, string(l.Kind))
	case l.Cores < 1:
		return fmt.Errorf("a licence for %d cores allows nothing: name the cores of all servers together", l.Cores)
	case len(l.MACs) == 0 || len(l.MACs) > maxMACs:
		return fmt.Errorf("a licence names the MAC addresses of all servers, 1 to %d of them; this one has %d", maxMACs, len(l.MACs))
	case l.NotBefore.IsZero():
		return errors.New("a licence says from when it holds")
	case l.Kind == Trial && l.Expires.IsZero():
		return errors.New("a trial licence says when it ends")
	case !l.Expires.IsZero() && !l.Expires.After(l.NotBefore):
		return errors.New("the licence ends before it begins")
	case strings.ContainsFunc(l.Holder, func(r rune) bool { return r < ' ' }):
		return errors.New("the holder's name has control characters")
	}
	for i, m := range l.MACs {
		mac, err := ParseMAC(m)
		if err != nil {
			return err
		}
		l.MACs[i] = mac
	}
	slices.Sort(l.MACs)
	l.MACs = slices.Compact(l.MACs)
	l.NotBefore, l.Expires = l.NotBefore.UTC().Truncate(time.Second), l.Expires.UTC().Truncate(time.Second)
	return nil
}

// ParseMAC brings an address of six bytes into the form that licences have.
func ParseMAC(s string) (string, error) {
	hw, err := net.ParseMAC(strings.TrimSpace(s))
	if err != nil || len(hw) != 6 {
		return "", fmt.Errorf("%.40q is no MAC address: want one like 00:16:3e:12:34:56", s)
	}
	return hw.String(), nil
}

// NewSigner makes the operator's key: private signs licences and is kept secret, public
// is what servers trust. The name says whose it is, without spaces and plus signs.
func NewSigner(random io.Reader, name string) (private, public string, err error) {
	if name == "" || strings.ContainsAny(name, " \t\n+") || len(name) > 100 {
		return "", "", fmt.Errorf("%.40q cannot be the name of a key: use letters, digits, dots and dashes", name)
	}
	return note.GenerateKey(random, name)
}

// Issue signs a licence with the operator's private key.
func Issue(l License, private string) ([]byte, error) {
	l.MACs = slices.Clone(l.MACs)
	if err := l.Check(); err != nil {
		return nil, err
	}
	signer, err := note.NewSigner(strings.TrimSpace(private))
	if err != nil {
		return nil, fmt.Errorf("the signing key cannot be used: %w", err)
	}
	body, err := json.MarshalIndent(l, "", "  ")
	if err != nil {
		return nil, err
	}
	return note.Sign(&note.Note{Text: header + "\n" + string(body) + "\n"}, signer)
}

// ErrUntrusted is the error of a licence that is whole as far as one can see, but
// signed by a key that this server does not trust.
var ErrUntrusted = errors.New("signed by a key that this server does not trust")

// Read checks a licence file against the public keys that are trusted.
func Read(file []byte, trusted ...string) (Signed, error) {
	if len(file) > maxFile {
		return Signed{}, fmt.Errorf("a licence has at most %d bytes, this file has %d", maxFile, len(file))
	}
	known, err := verifiers(trusted)
	if err != nil {
		return Signed{}, err
	}
	n, err := note.Open(file, note.VerifierList(known...))
	if err != nil {
		return Signed{}, unreadable(err)
	}
	l, err := decode(n.Text)
	if err != nil {
		return Signed{}, err
	}
	by := n.Sigs[0]
	if _, err := base64.StdEncoding.Strict().DecodeString(by.Base64); err != nil { // bits that no signature has
		return Signed{}, unreadable(&note.InvalidSignatureError{Name: by.Name, Hash: by.Hash})
	}
	return Signed{l, fmt.Sprintf("%s+%08x", by.Name, by.Hash)}, nil
}

func verifiers(keys []string) ([]note.Verifier, error) {
	var all []note.Verifier
	for _, k := range keys {
		v, err := note.NewVerifier(strings.TrimSpace(k))
		if err != nil {
			return nil, fmt.Errorf("the trusted key %.60q cannot be used: %w", k, err)
		}
		all = append(all, v)
	}
	return all, nil
}

func unreadable(err error) error {
	if e, ok := errors.AsType[*note.UnverifiedNoteError](err); ok && len(e.Note.UnverifiedSigs) > 0 {
		by := e.Note.UnverifiedSigs[0]
		return fmt.Errorf("the licence is %w: %s+%08x", ErrUntrusted, by.Name, by.Hash)
	}
	if _, ok := errors.AsType[*note.InvalidSignatureError](err); ok {
		return errors.New("the licence does not fit its signature: it was changed after it was issued")
	}
	return fmt.Errorf("this is no licence file: %w", err)
}

func decode(text string) (License, error) {
	first, body, _ := strings.Cut(text, "\n")
	if first != header {
		return License{}, fmt.Errorf("this is no licence file of this version: its first line is %.40q, not %q", first, header)
	}
	var l License
	d := json.NewDecoder(bytes.NewReader([]byte(body)))
	d.DisallowUnknownFields()
	if err := d.Decode(&l); err != nil {
		return License{}, fmt.Errorf("licence: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return License{}, errors.New("licence: there is more than one in the file")
	}
	return l, l.Check()
}
