package store

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"

	"github.com/twinleaf-scan/twinleaf/internal/durable"
)

// KeysFile is the name of the list of trusted keys in a store.
const KeysFile = "trusted-keys"

// NewKey makes a key pair: the secret key for the one who signs, and the verifier
// key for everybody.
func NewKey(name string) (secret, verifier string, err error) {
	if strings.ContainsAny(name, "+ ") || !goodSigner(name+"+00000000") {
		return "", "", fmt.Errorf("%.100q is no name for a key: want no spaces and no plus sign", name)
	}
	return note.GenerateKey(rand.Reader, name)
}

// Sign signs checksums with a secret key: the text of a SHA256SUMS.sig.
func Sign(sums []byte, secret string) ([]byte, error) {
	signer, err := note.NewSigner(strings.TrimSpace(secret))
	if err != nil {
		return nil, fmt.Errorf("the signing key: %w", err)
	}
	return note.Sign(&note.Note{Text: string(sums)}, signer)
}

// Keys are verifier keys that are trusted.
type Keys []string

// ParseKeys reads a list of keys, one a line; lines that begin with # are comments.
func ParseKeys(text []byte) (Keys, error) {
	var keys Keys
	for i, line := range strings.Split(string(text), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if _, err := note.NewVerifier(line); err != nil {
			return nil, fmt.Errorf("%s, line %d: no verifier key (NAME+HASH+KEY): %w", KeysFile, i+1, err)
		}
		keys = append(keys, line)
	}
	return keys, nil
}

// KeyID is the front of a verifier key by which a signer is called: NAME+HASH.
func KeyID(verifier string) string {
	parts := strings.SplitN(verifier, "+", 3)
	return strings.Join(parts[:min(2, len(parts))], "+")
}

// errUnknownSigner is that nobody who signed is trusted.
var errUnknownSigner = errors.New("none of those who signed is trusted")

// open checks a signed note and gives its text and who signed it.
func (k Keys) open(signed []byte) (text []byte, signer string, err error) {
	var list []note.Verifier
	for _, key := range k {
		v, err := note.NewVerifier(key)
		if err != nil {
			return nil, "", err
		}
		list = append(list, v)
	}
	n, err := note.Open(signed, note.VerifierList(list...))
	if unverified, ok := errors.AsType[*note.UnverifiedNoteError](err); ok {
		return []byte(unverified.Note.Text), signerOf(unverified.Note.UnverifiedSigs), errUnknownSigner
	}
	if err != nil {
		return nil, "", fmt.Errorf("the signature is bad: %w", err)
	}
	return []byte(n.Text), signerOf(n.Sigs), nil
}

func signerOf(sigs []note.Signature) string {
	if len(sigs) == 0 {
		return ""
	}
	return fmt.Sprintf("%s+%08x", sigs[0].Name, sigs[0].Hash)
}

// verify checks the signature of checksums: who signed, and whether that one is
// trusted. No signature is no error.
func (k Keys) verify(sums, signed []byte) (signer string, trusted bool, err error) {
	if len(signed) == 0 {
		return "", false, nil
	}
	text, signer, err := k.open(signed)
	switch {
	case err != nil && !errors.Is(err, errUnknownSigner):
		return "", false, fmt.Errorf("%s: %w", SignatureFile, err)
	case !bytes.Equal(text, sums):
		return "", false, fmt.Errorf("%s signs another text than that of %s", SignatureFile, SumsFile)
	}
	return signer, err == nil, nil
}

// Keys are the keys that this store trusts.
func (s *Store) Keys() (Keys, error) {
	text, err := os.ReadFile(s.path(KeysFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("trusted keys: %w", err)
	}
	return ParseKeys(text)
}

// Trust adds a verifier key to those that are trusted, and gives its NAME+HASH.
func (s *Store) Trust(verifier string) (string, error) {
	added, err := ParseKeys([]byte(verifier))
	if err != nil || len(added) != 1 {
		return "", errors.New("that is no verifier key: want NAME+HASH+KEY")
	}
	return KeyID(added[0]), s.change(func() error {
		keys, err := s.Keys()
		if err != nil {
			return err
		}
		for _, k := range keys {
			if k == added[0] {
				return nil
			}
		}
		return s.writeKeys(append(keys, added[0]))
	})
}

// Distrust takes a key out, by its NAME+HASH. What it signed no longer runs.
func (s *Store) Distrust(id string) error {
	return s.change(func() error {
		keys, err := s.Keys()
		if err != nil {
			return err
		}
		var kept Keys
		for _, k := range keys {
			if KeyID(k) != id && k != id {
				kept = append(kept, k)
			}
		}
		if len(kept) == len(keys) {
			return fmt.Errorf("no key %s is trusted here", id)
		}
		return s.writeKeys(kept)
	})
}

func (s *Store) writeKeys(keys Keys) error {
	return durable.Write(filepath.Join(s.dir, KeysFile), []byte(strings.Join(keys, "\n")+"\n"), 0o644)
}
