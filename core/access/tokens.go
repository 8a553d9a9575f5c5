package access

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
)

const (
	tokenPrefix = "token/"
	tokenMark   = "twt_" // begins every token's text: twt_ID_SECRET
	maxTokens   = 10_000
	secretSize  = 32 // bytes
)

// Token lets a machine in. Its secret is shown once, when it is made.
type Token struct {
	ID      string    `json:"-"` // 12 hexadecimal digits
	Name    string    `json:"name"`
	Role    core.Role `json:"role"`
	Created time.Time `json:"created"` // UTC, whole seconds
	Expires time.Time `json:"expires,omitzero"`
	By      string    `json:"by,omitempty"` // who made it
	Hash    string    `json:"hash"`         // SHA-256 of the whole text, hexadecimal

	Used time.Time `json:"-"` // last time on this server since its start; not kept
}

// Tokens lists all tokens by name.
func (d *Directory) Tokens() ([]Token, error) {
	found, err := d.settings.Settings(tokenPrefix)
	if err != nil {
		return nil, err
	}
	list := make([]Token, 0, len(found))
	for key, value := range found {
		t, err := decodeToken(strings.TrimPrefix(key, tokenPrefix), value)
		if err != nil {
			return nil, err
		}
		t.Used, _ = d.used.get(d.config.Now(), t.ID)
		list = append(list, t)
	}
	slices.SortFunc(list, func(a, b Token) int { return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.ID, b.ID)) })
	return list, nil
}

func decodeToken(id string, value []byte) (Token, error) {
	t := Token{ID: id}
	if err := json.Unmarshal(value, &t); err != nil {
		return Token{}, fmt.Errorf("setting of token %s: %w", id, err)
	}
	return t, nil
}

// Wanted is a token to be made.
type Wanted struct {
	Name    string
	Role    core.Role
	Expires time.Time // zero: never
}

// AddToken makes a token and gives its text, which nobody can ask for again.
func (d *Directory) AddToken(ctx context.Context, w Wanted, by string) (Token, string, error) {
	if err := CheckName(w.Name); err != nil {
		return Token{}, "", err
	}
	if _, err := core.ParseRole(string(w.Role)); err != nil {
		return Token{}, "", err
	}
	now := d.config.Now().UTC().Truncate(time.Second)
	if !w.Expires.IsZero() && !w.Expires.After(now) {
		return Token{}, "", core.Refuse(core.CodeBadRequest, "give a time to come, or none", "the token would have ended already")
	}
	t := Token{Name: w.Name, Role: w.Role, Created: now, Expires: w.Expires.UTC().Truncate(time.Second), By: by}
	text, err := d.secretOf(&t)
	if err != nil {
		return Token{}, "", err
	}
	d.changing.Lock()
	defer d.changing.Unlock()
	if err := d.roomForToken(t); err != nil {
		return Token{}, "", err
	}
	return t, text, d.write(ctx, tokenPrefix+t.ID, t, by)
}

// secretOf gives a token its id and hash, and returns its text.
func (d *Directory) secretOf(t *Token) (string, error) {
	id := make([]byte, 6)
	if _, err := io.ReadFull(d.config.Random, id); err != nil {
		return "", fmt.Errorf("random bytes: %w", err)
	}
	secret, err := d.word(secretSize)
	if err != nil {
		return "", err
	}
	t.ID = hex.EncodeToString(id)
	text := tokenMark + t.ID + "_" + secret
	t.Hash = hashToken(text)
	return text, nil
}

func hashToken(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

func (d *Directory) roomForToken(t Token) error {
	all, err := d.Tokens()
	if err != nil {
		return err
	}
	if len(all) >= maxTokens {
		return core.Refuse(core.CodeOverLimit, "remove tokens of machines that are gone", "there are %d tokens, which is all that there may be", len(all))
	}
	if slices.ContainsFunc(all, func(o Token) bool { return o.Name == t.Name }) {
		return core.Refuse(core.CodeConflict, "remove it first, or take another name", "there is a token %s already", t.Name)
	}
	left, _, err := d.administrators("")
	if err != nil || len(left) > 0 || (t.Role == core.Administrator && t.Expires.IsZero()) {
		return err
	}
	return noAdministrator(true)
}

// RemoveToken removes a token by its id or name; it is refused from then on. open reports
// that nobody is left, so that nobody has to say who they are any more.
func (d *Directory) RemoveToken(ctx context.Context, name, by string) (open bool, err error) {
	d.changing.Lock()
	defer d.changing.Unlock()
	all, err := d.Tokens()
	if err != nil {
		return false, err
	}
	at := slices.IndexFunc(all, func(t Token) bool { return t.ID == name || t.Name == name })
	if at < 0 {
		return false, core.Refuse(core.CodeUnknown, `list them with "twinleaf token list"`, "there is no token %.80q", name)
	}
	return d.removeOne(ctx, tokenPrefix+all[at].ID, by)
}

// token finds whose a text is.
func (d *Directory) token(text string) (core.Caller, error) {
	id, _, ok := strings.Cut(strings.TrimPrefix(text, tokenMark), "_")
	if !ok || len(id) != 12 || len(text) > 200 {
		return core.Caller{}, errNobody()
	}
	value, err := d.settings.Setting(tokenPrefix + id)
	if err != nil {
		return core.Caller{}, err
	}
	var t Token
	if value != nil {
		if t, err = decodeToken(id, value); err != nil {
			return core.Caller{}, err
		}
	}
	now := d.config.Now()
	right := subtle.ConstantTimeCompare([]byte(hashToken(text)), []byte(t.Hash)) == 1
	if !right || (!t.Expires.IsZero() && !now.Before(t.Expires)) {
		return core.Caller{}, errNobody()
	}
	d.used.put(now, id, now, now.Add(remembered))
	return core.Caller{Name: "token:" + t.Name, Role: t.Role}, nil
}

// remembered is how long the last use of a token is told.
const remembered = 10 * 365 * 24 * time.Hour

func errNobody() error {
	return core.Refuse(CodeUnauthorized, "log in again, or ask an administrator for a token", "the token or session is not known here, or has ended")
}
