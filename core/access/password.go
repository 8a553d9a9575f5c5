package access

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"

	"github.com/twinleaf-scan/twinleaf/core"
)

// Bounds of a password: the lower one in characters, the upper one in bytes.
const (
	minPassword = 10
	maxPassword = 256
)

// CheckPassword says why a password cannot be used.
func CheckPassword(password string) error {
	switch {
	case utf8.RuneCountInString(password) < minPassword:
		return core.Refuse(core.CodeBadRequest, "take a few words", "a password has at least %d characters", minPassword)
	case len(password) > maxPassword || !utf8.ValidString(password):
		return core.Refuse(core.CodeBadRequest, "take a shorter one", "a password is text of at most %d bytes", maxPassword)
	}
	return nil
}

// cost is what one try at a password takes: the second set of values that OWASP
// recommends for Argon2id.
type cost struct {
	memory uint32 // KiB
	time   uint32 // passes
	lanes  uint8
}

var present = cost{memory: 19 << 10, time: 2, lanes: 1}

// worst bounds what a setting may make a server work.
var worst = cost{memory: 256 << 10, time: 10, lanes: 8}

const (
	saltSize = 16
	hashSize = 32
)

// hashed is a password as it is kept.
type hashed struct {
	cost cost
	salt []byte
	hash []byte
}

// String is the usual text: $argon2id$v=19$m=…,t=…,p=…$salt$hash.
func (h hashed) String() string {
	b := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, h.cost.memory, h.cost.time, h.cost.lanes, b(h.salt), b(h.hash))
}

var errHash = errors.New("this is no Argon2id hash that may be used")

func parseHash(text string) (hashed, error) {
	parts := strings.Split(text, "$")
	if len(parts) != 6 || len(text) > 300 {
		return hashed{}, errHash
	}
	var h hashed
	_, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &h.cost.memory, &h.cost.time, &h.cost.lanes)
	salt, err2 := base64.RawStdEncoding.Strict().DecodeString(parts[4])
	hash, err3 := base64.RawStdEncoding.Strict().DecodeString(parts[5])
	if errors.Join(err, err2, err3) != nil || !h.cost.bearable() || len(salt) < 8 || len(hash) < 16 || len(hash) > 64 {
		return hashed{}, errHash
	}
	h.salt, h.hash = salt, hash
	if h.String() != text { // one spelling only
		return hashed{}, errHash
	}
	return h, nil
}

func (c cost) bearable() bool {
	return c.time >= 1 && c.time <= worst.time && c.lanes >= 1 && c.lanes <= worst.lanes &&
		c.memory >= 8*uint32(c.lanes) && c.memory <= worst.memory
}

// of is the hash of a password with the same salt and cost.
func (h hashed) of(password string) []byte {
	return argon2.IDKey([]byte(password), h.salt, h.cost.time, h.cost.memory, h.cost.lanes, uint32(max(len(h.hash), hashSize)))
}

// hash makes what is kept of a password. It waits while others are hashed.
func (d *Directory) hash(ctx context.Context, password string) (string, error) {
	if err := CheckPassword(password); err != nil {
		return "", err
	}
	h := hashed{cost: d.config.cost, salt: make([]byte, saltSize)}
	if _, err := io.ReadFull(d.config.Random, h.salt); err != nil {
		return "", fmt.Errorf("salt of a password: %w", err)
	}
	release, err := d.slot(ctx)
	if err != nil {
		return "", err
	}
	defer release()
	h.hash = h.of(password)
	return h.String(), nil
}

// matches reports whether a password is the one of a hash. It takes as long for a hash
// that is none.
func (d *Directory) matches(ctx context.Context, password, text string) (bool, error) {
	h, err := parseHash(text)
	if err != nil {
		h = hashed{cost: d.config.cost, salt: make([]byte, saltSize)}
	}
	if len(password) > maxPassword {
		password = password[:maxPassword] // longer than any that is right; hash no megabytes
		err = errHash
	}
	release, waited := d.slot(ctx)
	if waited != nil {
		return false, waited
	}
	defer release()
	same := subtle.ConstantTimeCompare(h.of(password), h.hash) == 1
	return same && err == nil, nil
}

// slot waits for its turn to hash.
func (d *Directory) slot(ctx context.Context) (release func(), err error) {
	select {
	case d.hashing <- struct{}{}:
		return func() { <-d.hashing }, nil
	case <-ctx.Done():
		return nil, &core.Failure{Code: core.CodeInterrupted, Detail: "the log-in was broken off", Remedy: "try again"}
	}
}
