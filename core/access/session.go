package access

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
)

const (
	sessionMark = "tws_" // begins every session's text: tws_CLAIMS.MAC
	keyPrefix   = "access/"
	sessionKey  = keyPrefix + "session-key"
	keyPlace    = sessionKey + "#/key"
	maxEnded    = 10_000
	maxSession  = 1 << 10 // bytes of a session's text

	// renewAfter is how old a session's text is when its user gets a new one.
	renewAfter = time.Minute
	// skew is how far ahead the peer's clock may be.
	skew = time.Minute
)

// claims are what a session's text says, and what is signed. There is no role among
// them: it is always the one that the user has at the moment.
type claims struct {
	ID         string `json:"id"` // the same in all texts of one session
	User       string `json:"user"`
	Generation string `json:"gen"`
	Began      int64  `json:"began"`  // the log-in; Unix time
	Issued     int64  `json:"issued"` // this text
	Expires    int64  `json:"exp"`    // this text
}

// Session is the time of a user between logging in and out.
type Session struct {
	Caller  core.Caller
	ID      string    // the same in all texts of one session; no secret
	Text    string    // what the user sends with each request
	Guard   string    // what a browser's page sends besides, to show that it is ours
	Expires time.Time // if it is not used until then

	claims claims
}

// savedKey is the key's setting.
type savedKey struct {
	Key     json.RawMessage `json:"key"` // sealed
	Created time.Time       `json:"created"`
}

// key is the key that signs sessions; nil: there is none yet.
func (d *Directory) key() ([]byte, error) {
	value, err := d.settings.Setting(sessionKey)
	if err != nil || value == nil {
		return nil, err
	}
	var saved savedKey
	var form any
	if err := json.Unmarshal(value, &saved); err != nil {
		return nil, fmt.Errorf("setting of the session key: %w", err)
	}
	if err := json.Unmarshal(saved.Key, &form); err != nil {
		return nil, fmt.Errorf("setting of the session key: %w", err)
	}
	sealed, ok := core.Sealed(form)
	if !ok {
		return nil, fmt.Errorf("setting of the session key: it is not sealed")
	}
	clear, err := d.sealer.Open(keyPlace, sealed)
	if err != nil {
		return nil, &core.Failure{Code: core.CodeSecret, Detail: "the key that signs sessions does not open: " + err.Error(),
			Remedy: "bring back the server's secret key; or let an administrator change a password with a token, which makes a new session key"}
	}
	return []byte(clear), nil
}

// ensureKey makes a key where there is none that opens. changing is held.
func (d *Directory) ensureKey(ctx context.Context, by string) error {
	key, err := d.key()
	if key != nil || (err != nil && core.AsFailure(err).Code == core.CodeDataDown) {
		return err
	}
	clear, err := d.word(sha256.Size)
	if err != nil {
		return err
	}
	sealed, err := d.sealer.Seal(keyPlace, clear)
	if err != nil {
		return err
	}
	form, err := json.Marshal(core.SealedForm(sealed))
	if err != nil {
		return err
	}
	return d.write(ctx, sessionKey, savedKey{Key: form, Created: d.config.Now().UTC().Truncate(time.Second)}, by)
}

// issue signs a session's text that holds from now on.
func (d *Directory) issue(key []byte, c claims, role core.Role) (Session, error) {
	now := d.config.Now()
	c.Issued = now.Unix()
	c.Expires = min(now.Add(d.config.Idle).Unix(), time.Unix(c.Began, 0).Add(d.config.Life).Unix())
	body, err := json.Marshal(c)
	if err != nil {
		return Session{}, err
	}
	payload := base64.RawURLEncoding.EncodeToString(body)
	return d.sessionOf(key, c, role, sessionMark+payload+"."+mac(key, "session", payload)), nil
}

func (d *Directory) sessionOf(key []byte, c claims, role core.Role, text string) Session {
	return Session{
		Caller: core.Caller{Name: c.User, Role: role}, ID: c.ID, Text: text, Guard: mac(key, "guard", c.ID)[:22],
		Expires: time.Unix(c.Expires, 0).UTC(), claims: c,
	}
}

// mac authenticates text for one purpose: what is signed for one is never right for another.
func mac(key []byte, purpose, text string) string {
	h := hmac.New(sha256.New, key)
	h.Write([]byte("twinleaf " + purpose + " 1\x00" + text))
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

// Session reads a session's text. It is refused when it was changed, has ended, or the
// user has: removed, with another password or role, or logged out.
func (d *Directory) Session(text string) (Session, error) {
	rest, ok := strings.CutPrefix(text, sessionMark)
	payload, signature, cut := strings.Cut(rest, ".")
	if !ok || !cut || len(text) > maxSession {
		return Session{}, errNobody()
	}
	key, err := d.key()
	if err != nil {
		return Session{}, err
	}
	if key == nil || subtle.ConstantTimeCompare([]byte(mac(key, "session", payload)), []byte(signature)) != 1 {
		return Session{}, errNobody()
	}
	var c claims
	body, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil || json.Unmarshal(body, &c) != nil {
		return Session{}, errNobody()
	}
	u, err := d.user(c.User)
	if err != nil {
		return Session{}, err
	}
	if u == nil || u.Generation != c.Generation || !d.holds(c) {
		return Session{}, errNobody()
	}
	return d.sessionOf(key, c, u.Role, text), nil
}

// holds reports whether a session goes on now.
func (d *Directory) holds(c claims) bool {
	now := d.config.Now()
	_, ended := d.ended.get(now, c.ID)
	return !ended && now.Unix() < c.Expires && now.Add(skew).Unix() >= c.Issued
}

// Renew gives a session that was used a text that holds longer, or the same one where it
// is new enough or cannot hold longer.
func (d *Directory) Renew(s Session) (Session, error) {
	age := d.config.Now().Sub(time.Unix(s.claims.Issued, 0))
	if age < renewAfter || s.claims.Expires >= time.Unix(s.claims.Began, 0).Add(d.config.Life).Unix() {
		return s, nil
	}
	key, err := d.key()
	if err != nil || key == nil {
		return s, err
	}
	return d.issue(key, s.claims, s.Caller.Role)
}

// LogOut ends a session on this server. The other one would take its last text until that
// expires.
func (d *Directory) LogOut(s Session) {
	now := d.config.Now()
	d.ended.put(now, s.claims.ID, struct{}{}, time.Unix(s.claims.Began, 0).Add(d.config.Life))
}

// IsSession reports whether a text looks like a session's and not like a token.
func IsSession(text string) bool { return strings.HasPrefix(text, sessionMark) }
