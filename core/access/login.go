package access

import (
	"context"
	"math"
	"net/netip"
	"strings"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
)

// LogIn begins a session. from is the address of whoever asks. A wrong name and a wrong
// password are told the same, and take the same time.
func (d *Directory) LogIn(ctx context.Context, name, password, from string) (Session, error) {
	u, err := d.prove(ctx, name, password, from)
	if err != nil {
		return Session{}, err
	}
	key, err := d.signingKey(ctx, name)
	if err != nil {
		return Session{}, err
	}
	id, err := d.word(12)
	if err != nil {
		return Session{}, err
	}
	return d.issue(key, claims{ID: id, User: u.Name, Generation: u.Generation, Began: d.config.Now().Unix()}, u.Role)
}

// ChangePassword lets a user change their own password. Their sessions end.
func (d *Directory) ChangePassword(ctx context.Context, name, old, password, from string) error {
	if err := CheckPassword(password); err != nil {
		return err
	}
	if _, err := d.prove(ctx, name, old, from); err != nil {
		return err
	}
	_, err := d.SetUser(ctx, name, Change{Password: password}, name)
	return err
}

// prove finds the user whose password it is.
func (d *Directory) prove(ctx context.Context, name, password, from string) (*User, error) {
	from = network(from)
	if CheckName(name) != nil {
		name = "" // nobody's; what is remembered of it stays small
	}
	if wait := d.tries.take(d.config.Now(), name, from); wait > 0 {
		return nil, tooMany(wait)
	}
	u, err := d.user(name)
	if err != nil {
		return nil, err
	}
	known := ""
	if u != nil {
		known = u.Password
	}
	right, err := d.matches(ctx, password, known)
	if err != nil {
		return nil, err
	}
	if !right {
		return nil, core.Refuse(CodeUnauthorized, "check both; an administrator can set another password", "the user's name or the password is wrong")
	}
	d.tries.forget(d.config.Now(), name, from)
	return u, nil
}

func tooMany(wait time.Duration) error {
	return &core.Failure{Code: CodeTooMany, Detail: "too many log-ins failed",
		Remedy: "try again in " + (time.Duration(math.Ceil(wait.Seconds())) * time.Second).String()}
}

// network is what counts as one address: of the sixth version the 64 bits that one
// customer gets.
func network(from string) string {
	a, err := netip.ParseAddr(from)
	if err != nil {
		return ""
	}
	if a = a.Unmap(); a.Is4() {
		return a.String()
	}
	p, err := a.WithZone("").Prefix(64)
	if err != nil {
		return ""
	}
	return p.String()
}

// signingKey is the session key; it is made where it is missing or does not open.
func (d *Directory) signingKey(ctx context.Context, by string) ([]byte, error) {
	key, err := d.key()
	if key != nil {
		return key, nil
	}
	if err != nil && core.AsFailure(err).Code != core.CodeSecret {
		return nil, err
	}
	d.changing.Lock()
	defer d.changing.Unlock()
	if err := d.ensureKey(ctx, by); err != nil {
		return nil, err
	}
	return d.key()
}

// Identify says whose a token or a session's text is.
func (d *Directory) Identify(text string) (core.Caller, error) {
	if strings.HasPrefix(text, tokenMark) {
		return d.token(text)
	}
	s, err := d.Session(text)
	return s.Caller, err
}
