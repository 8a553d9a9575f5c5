package secret

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/twinleaf-scan/twinleaf/core"
)

// Box seals and opens single secrets.
type Box struct{ aead cipher.AEAD }

// NewBox makes a box that is locked with a key.
func NewBox(key Key) (*Box, error) {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return nil, fmt.Errorf("secret key: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("secret key: %w", err)
	}
	return &Box{aead}, nil
}

// Seal gives v1:BASE64 of nonce, ciphertext and tag.
func (b *Box) Seal(place, clear string) string {
	return core.SealedPrefix + base64.StdEncoding.EncodeToString(b.aead.Seal(nil, nil, []byte(clear), []byte(place)))
}

// errWrongKey says that a sealed secret was sealed with another key, in another place,
// or was changed since.
var errWrongKey = errors.New("it was sealed with another key or for another place")

// Open gives what was sealed in a place.
func (b *Box) Open(place, sealed string) (string, error) {
	text, ok := strings.CutPrefix(sealed, core.SealedPrefix)
	if !ok {
		return "", errors.New("it was sealed in a way that this server does not know")
	}
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return "", errors.New("it is damaged")
	}
	clear, err := b.aead.Open(nil, nil, raw, []byte(place))
	if err != nil {
		return "", errWrongKey
	}
	return string(clear), nil
}
