package console

import (
	"context"
	"net"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/twinleaf-scan/twinleaf/console/api"
	"github.com/twinleaf-scan/twinleaf/core"
)

// Access says who asks.
type Access interface {
	// Open reports whether nobody has to say who they are.
	Open() (bool, error)
	// Identify says whose a token or a session's text is; a [core.Failure] of code
	// unauthorized: nobody's.
	Identify(text string) (Identity, error)
}

// Identity is whose a credential is.
type Identity struct {
	core.Caller
	Session *api.Session // of a user who logged in, with a newer text where it is time for one; nil: a token
}

// Sessions lets users in and out.
type Sessions interface {
	// LogIn begins a session. from is the address of whoever asks.
	LogIn(ctx context.Context, in api.LogIn, from string) (api.Session, error)
	LogOut(text string)
	ChangePassword(ctx context.Context, user string, p api.NewPassword, from string) error
}

// Users are the people who may log in. by is who wants a change.
type Users interface {
	Users(context.Context) ([]api.User, error)
	SetUser(ctx context.Context, name string, c api.UserChange, by string) (api.User, error)
	RemoveUser(ctx context.Context, name, by string) (api.Removed, error)
}

// Tokens are what machines get in with. by is who wants a change.
type Tokens interface {
	Tokens(context.Context) ([]api.Token, error)
	AddToken(ctx context.Context, t api.NewToken, by string) (api.MadeToken, error)
	RemoveToken(ctx context.Context, name, by string) (api.Removed, error)
}

type accountInput struct {
	Name string `path:"name" maxLength:"64"`
}

type sessionOutput struct {
	Cookie string `header:"Set-Cookie"`
	Store  string `header:"Cache-Control"`
	Body   api.Session
}

// logIn gives a session, as a text for programs and as a cookie for browsers.
func (s *Server) logIn(ctx context.Context, in *struct{ Body api.LogIn }) (*sessionOutput, error) {
	if s.parts.Sessions == nil {
		return nil, missing("its users")
	}
	from := requestOf(ctx).from
	session, err := s.parts.Sessions.LogIn(ctx, in.Body, from)
	if err != nil {
		s.log.Warn("log-in refused", "user", printable(in.Body.User), "from", from, "code", core.AsFailure(err).Code)
		return nil, s.problemOf(ctx, "log in", err)
	}
	s.log.Info("logged in", "user", session.User, "role", session.Role, "from", from)
	return &sessionOutput{Cookie: sessionCookie(ctx, session).String(), Store: "no-store", Body: session}, nil
}

// logOut ends the session of whoever asks; it is no error to have none.
func (s *Server) logOut(ctx context.Context, _ *struct{}) (*struct {
	Cookie string `header:"Set-Cookie"`
}, error) {
	if text := requestOf(ctx).credential; text != "" && s.parts.Sessions != nil {
		whose, err := s.known(text)
		s.parts.Sessions.LogOut(text)
		if err == nil && whose.Session != nil && whose.Session.ID != "" && s.parts.SessionEnded != nil {
			s.parts.SessionEnded(personal(whose.Session))
		}
	}
	return &struct {
		Cookie string `header:"Set-Cookie"`
	}{endCookie(ctx).String()}, nil
}

// whoAmI tells who asks and what they may do.
func (s *Server) whoAmI(ctx context.Context, _ *struct{}) (*struct{ Body api.Session }, error) {
	rq := requestOf(ctx)
	out := api.Session{User: rq.caller.Name, Role: rq.caller.Role}
	if rq.session != nil {
		out.Guard, out.Expires = rq.session.Guard, rq.session.Expires
	}
	return &struct{ Body api.Session }{out}, nil
}

// ownPassword changes the password of whoever asks. Their sessions end.
func (s *Server) ownPassword(ctx context.Context, in *struct{ Body api.NewPassword }) (*struct{}, error) {
	rq := requestOf(ctx)
	if s.parts.Sessions == nil || rq.session == nil {
		return nil, api.NewProblem(http.StatusForbidden, api.CodeForbidden, "log in with the name and the old password first", "only a user who has logged in has a password to change")
	}
	if err := s.parts.Sessions.ChangePassword(ctx, rq.caller.Name, in.Body, rq.from); err != nil {
		return nil, s.problemOf(ctx, "change the password", err)
	}
	s.log.Info("password changed", "user", rq.caller.Name, "by", rq.caller.Name)
	return nil, nil
}

func (s *Server) listUsers(ctx context.Context, _ *struct{}) (*struct{ Body []api.User }, error) {
	if s.parts.Users == nil {
		return nil, missing("its users")
	}
	list, err := s.parts.Users.Users(ctx)
	if err != nil {
		return nil, s.problemOf(ctx, "list the users", err)
	}
	return &struct{ Body []api.User }{append([]api.User{}, list...)}, nil
}

func (s *Server) putUser(ctx context.Context, in *struct {
	Name string `path:"name" maxLength:"64"`
	Body api.UserChange
}) (*struct{ Body api.User }, error) {
	if s.parts.Users == nil {
		return nil, missing("its users")
	}
	by := callerOf(ctx).Name
	u, err := s.parts.Users.SetUser(ctx, in.Name, in.Body, by)
	if err != nil {
		return nil, s.problemOf(ctx, "set the user", err)
	}
	s.log.Info("user set", "user", u.Name, "role", u.Role, "password", in.Body.Password != "", "by", by)
	return &struct{ Body api.User }{u}, nil
}

func (s *Server) deleteUser(ctx context.Context, in *accountInput) (*struct{ Body api.Removed }, error) {
	if s.parts.Users == nil {
		return nil, missing("its users")
	}
	by := callerOf(ctx).Name
	out, err := s.parts.Users.RemoveUser(ctx, in.Name, by)
	return s.removed(ctx, "user", in.Name, by, out, err)
}

func (s *Server) listTokens(ctx context.Context, _ *struct{}) (*struct{ Body []api.Token }, error) {
	if s.parts.Tokens == nil {
		return nil, missing("its tokens")
	}
	list, err := s.parts.Tokens.Tokens(ctx)
	if err != nil {
		return nil, s.problemOf(ctx, "list the tokens", err)
	}
	return &struct{ Body []api.Token }{append([]api.Token{}, list...)}, nil
}

func (s *Server) postToken(ctx context.Context, in *struct{ Body api.NewToken }) (*struct {
	Status int
	Store  string `header:"Cache-Control"`
	Body   api.MadeToken
}, error) {
	if s.parts.Tokens == nil {
		return nil, missing("its tokens")
	}
	by := callerOf(ctx).Name
	t, err := s.parts.Tokens.AddToken(ctx, in.Body, by)
	if err != nil {
		return nil, s.problemOf(ctx, "make the token", err)
	}
	s.log.Info("token made", "token", t.Name, "id", t.ID, "role", t.Role, "by", by)
	return &struct {
		Status int
		Store  string `header:"Cache-Control"`
		Body   api.MadeToken
	}{http.StatusCreated, "no-store", t}, nil
}

func (s *Server) deleteToken(ctx context.Context, in *accountInput) (*struct{ Body api.Removed }, error) {
	if s.parts.Tokens == nil {
		return nil, missing("its tokens")
	}
	by := callerOf(ctx).Name
	out, err := s.parts.Tokens.RemoveToken(ctx, in.Name, by)
	return s.removed(ctx, "token", in.Name, by, out, err)
}

func (s *Server) removed(ctx context.Context, what, name, by string, out api.Removed, err error) (*struct{ Body api.Removed }, error) {
	if err != nil {
		return nil, s.problemOf(ctx, "remove the "+what, err)
	}
	s.log.Info(what+" removed", what, name, "by", by)
	if out.Open {
		s.log.Warn("there is no user or token any more: nobody has to say who they are")
	}
	return &struct{ Body api.Removed }{out}, nil
}

func (s *Server) routeAccess(a huma.API) {
	operation(a, "log-in", http.MethodPost, "/v1/session", "Log in; browsers get a cookie, programs a token", s.logIn)
	operation(a, "log-out", http.MethodDelete, "/v1/session", "Log out", s.logOut)
	operation(a, "who-am-i", http.MethodGet, "/v1/session", "Who is asking, and what they may do", s.whoAmI)
	operation(a, "put-own-password", http.MethodPut, "/v1/session/password", "Change one's own password; one's sessions end", s.ownPassword)
	operation(a, "list-users", http.MethodGet, "/v1/users", "The users", s.listUsers)
	operation(a, "put-user", http.MethodPut, "/v1/users/{name}", "Make a user, or change role or password; their sessions end", s.putUser)
	operation(a, "delete-user", http.MethodDelete, "/v1/users/{name}", "Remove a user; their sessions end", s.deleteUser)
	operation(a, "list-tokens", http.MethodGet, "/v1/tokens", "The tokens of machines", s.listTokens)
	operation(a, "post-token", http.MethodPost, "/v1/tokens", "Make a token; its text is shown this once", s.postToken)
	operation(a, "delete-token", http.MethodDelete, "/v1/tokens/{name}", "Remove a token, by its id or name", s.deleteToken)
}

// printable keeps what a stranger typed from being more than a word in the log.
func printable(s string) string {
	return CleanName(s, "-")
}

func host(address string) string {
	h, _, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	return h
}
