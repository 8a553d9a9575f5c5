package main

import (
	"context"

	"github.com/twinleaf-scan/twinleaf/console"
	"github.com/twinleaf-scan/twinleaf/console/api"
	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/access"
	"github.com/twinleaf-scan/twinleaf/pipeline"
)

// kept are the shared settings and the box that seals as the directory of users and
// tokens sees them; both are away while the data service is.
type kept struct{ *live }

func (k kept) Setting(key string) ([]byte, error) {
	e, err := k.get()
	if err != nil {
		return nil, err
	}
	return e.pipe.Kept(key), nil
}

func (k kept) Settings(prefix string) (map[string][]byte, error) {
	e, err := k.get()
	if err != nil {
		return nil, err
	}
	return e.pipe.KeptUnder(prefix), nil
}

func (k kept) Seal(place, clear string) (string, error) {
	e, err := k.get()
	if err != nil {
		return "", err
	}
	return e.box.Seal(place, clear), nil
}

func (k kept) Open(place, sealed string) (string, error) {
	e, err := k.get()
	if err != nil {
		return "", err
	}
	return e.box.Open(place, sealed)
}

// settings are the shared settings as the console sees them: users, tokens and the key
// of their sessions have resources of their own.
type settings struct{ *live }

func (s settings) Settings(context.Context) (map[string][]byte, error) {
	e, err := s.get()
	if err != nil {
		return nil, err
	}
	all := e.pipe.Settings()
	for key := range all {
		if access.Private(key) {
			delete(all, key)
		}
	}
	return all, nil
}

func (s settings) SetSetting(ctx context.Context, key string, value []byte, user string) error {
	if err := shown(key); err != nil {
		return err
	}
	return s.live.SetSetting(ctx, key, value, user)
}

func (s settings) CheckSettings(ctx context.Context, values map[string][]byte) error {
	for key := range values {
		if err := shown(key); err != nil {
			return err
		}
	}
	return s.do(func(p *pipeline.Pipeline) error { return p.CheckSettings(ctx, values) })
}

func shown(key string) error {
	if access.Private(key) {
		return core.Refuse(core.CodeBadRequest, `use "twinleaf user" and "twinleaf token"`, "%s is not changed as a setting", key)
	}
	return nil
}

// accounts hands the directory of users and tokens to the console.
type accounts struct{ *access.Directory }

func (a accounts) Identify(text string) (console.Identity, error) {
	if !access.IsSession(text) {
		caller, err := a.Directory.Identify(text)
		return console.Identity{Caller: caller}, err
	}
	s, err := a.Session(text)
	if err != nil {
		return console.Identity{}, err
	}
	if s, err = a.Renew(s); err != nil {
		return console.Identity{}, err
	}
	session := sessionView(s)
	return console.Identity{Caller: s.Caller, Session: &session}, nil
}

func sessionView(s access.Session) api.Session {
	return api.Session{ID: s.ID, User: s.Caller.Name, Role: s.Caller.Role, Token: s.Text, Guard: s.Guard, Expires: s.Expires}
}

func (a accounts) LogIn(ctx context.Context, in api.LogIn, from string) (api.Session, error) {
	s, err := a.Directory.LogIn(ctx, in.User, in.Password, from)
	return sessionView(s), err
}

func (a accounts) LogOut(text string) {
	if s, err := a.Session(text); err == nil {
		a.Directory.LogOut(s)
	}
}

func (a accounts) ChangePassword(ctx context.Context, user string, p api.NewPassword, from string) error {
	return a.Directory.ChangePassword(ctx, user, p.Old, p.New, from)
}

func (a accounts) Users(context.Context) ([]api.User, error) {
	list, err := a.Directory.Users()
	out := make([]api.User, len(list))
	for i, u := range list {
		out[i] = userView(u)
	}
	return out, err
}

func userView(u access.User) api.User {
	return api.User{Name: u.Name, Role: u.Role, Created: u.Created, Changed: u.Changed}
}

func (a accounts) SetUser(ctx context.Context, name string, c api.UserChange, by string) (api.User, error) {
	u, err := a.Directory.SetUser(ctx, name, access.Change(c), by)
	return userView(u), err
}

func (a accounts) RemoveUser(ctx context.Context, name, by string) (api.Removed, error) {
	open, err := a.Directory.RemoveUser(ctx, name, by)
	return api.Removed{Open: open}, err
}

func (a accounts) Tokens(context.Context) ([]api.Token, error) {
	list, err := a.Directory.Tokens()
	out := make([]api.Token, len(list))
	for i, t := range list {
		out[i] = tokenView(t)
	}
	return out, err
}

func tokenView(t access.Token) api.Token {
	return api.Token{ID: t.ID, Name: t.Name, Role: t.Role, Created: t.Created, Expires: t.Expires, By: t.By, Used: t.Used}
}

func (a accounts) AddToken(ctx context.Context, n api.NewToken, by string) (api.MadeToken, error) {
	t, text, err := a.Directory.AddToken(ctx, access.Wanted(n), by)
	return api.MadeToken{Token: tokenView(t), Text: text}, err
}

func (a accounts) RemoveToken(ctx context.Context, name, by string) (api.Removed, error) {
	open, err := a.Directory.RemoveToken(ctx, name, by)
	return api.Removed{Open: open}, err
}
