// Command email is the deliverer that sends documents by e-mail, one message for each
// delivery, to all its recipients or to none.
//
// Mail knows no delivery that happens exactly once: where the connection breaks after
// the whole message was sent and before the server has said that it took it, nobody
// knows which of both happened, and the message is sent again. It then carries the
// same Message-ID, by which mail systems and people recognise it. Everything else is
// kept out of that moment: the message lies ready before the server is called, and
// what goes wrong after its word counts for nothing.
package main

import (
	"context"
	"fmt"
	"net"
	"net/mail"
	"slices"
	"strconv"
	"strings"

	"github.com/twinleaf-scan/twinleaf/sdk"
	lib "github.com/twinleaf-scan/twinleaf/sdk/deliver"
)

// Settings say who gets the documents, and by which server.
type Settings struct {
	Server   string   `json:"server" grant:"net" jsonschema:"the mail server as host:port; the port is 587 with most, 465 with tls: implicit"`
	TLS      string   `json:"tls,omitempty" jsonschema:"starttls (default; a server without it gets nothing), implicit, or none"`
	CA       string   `json:"ca,omitempty" jsonschema:"certificates in PEM to trust instead of the system's"`
	Auth     string   `json:"auth,omitempty" jsonschema:"plain, login, cram-md5, scram-sha-1 or scram-sha-256; default the best that the server offers"`
	User     string   `json:"user,omitempty" jsonschema:"user name at the server; empty: no authentication"`
	Password string   `json:"password,omitempty" secret:"true" jsonschema:"the user's password"`
	Hello    string   `json:"hello,omitempty" jsonschema:"how this machine calls itself to the server; default the host part of from"`
	From     string   `json:"from" jsonschema:"sender, as in Scans <scans@example.org>; failures come back there"`
	To       []string `json:"to,omitempty" jsonschema:"recipients"`
	CC       []string `json:"cc,omitempty" jsonschema:"recipients of a copy"`
	BCC      []string `json:"bcc,omitempty" jsonschema:"recipients of a copy whom the others do not see"`
	ReplyTo  string   `json:"replyTo,omitempty" jsonschema:"where answers go; default from"`
	Subject  string   `json:"subject,omitempty" jsonschema:"template of the subject with {{.Name}}, {{.Job}}, {{.Kinds}}, {{.Files}}, {{.Pages}}; default {{.Name}}"`
	Text     string   `json:"text,omitempty" jsonschema:"template of the text, like subject"`
	MaxMB    int      `json:"maxMB,omitempty" jsonschema:"largest message in MB as it goes over the line, a third more than its files; default 25, at most 100"`
}

// Ways of encrypting the connection.
const (
	tlsStart    = "starttls"
	tlsImplicit = "implicit"
	tlsNone     = "none"
)

const (
	defaultMB     = 25
	mostMB        = 100 // go-mail holds an encoded attachment in memory, up to three times
	maxRecipients = 100
)

// Validate is part of the strict reading of settings.
func (s *Settings) Validate() error {
	for _, check := range []func() error{s.checkServer, s.checkAuth, s.checkAddresses, s.checkMessage} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func wrong(path, format string, a ...any) error {
	return &sdk.SettingsError{Path: path, Detail: fmt.Sprintf(format, a...)}
}

func (s *Settings) checkServer() error {
	if !lib.IsAddress(s.Server) {
		return wrong("/server", "%q is not host:port, such as mail.example.org:587", s.Server)
	}
	if !slices.Contains([]string{"", tlsStart, tlsImplicit, tlsNone}, s.TLS) {
		return wrong("/tls", "%q is none of starttls, implicit and none", s.TLS)
	}
	if _, ok := lib.Roots(s.CA); !ok {
		return wrong("/ca", "holds no certificate in PEM")
	}
	if s.Hello != "" && !word(s.Hello) {
		return wrong("/hello", "%q is not the name of a machine", s.Hello)
	}
	return nil
}

// word reports whether a command can carry s as one of its words.
func word(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' })
}

func (s *Settings) host() string {
	host, _, err := net.SplitHostPort(s.Server)
	if err != nil {
		return s.Server
	}
	return host
}

func (s *Settings) checkAuth() error {
	m, ok := mechanismOf(s.Auth)
	switch {
	case s.Auth != "" && !ok:
		return wrong("/auth", "%q is none of %s", s.Auth, strings.Join(mechanismNames(), ", "))
	case s.Auth != "" && s.User == "":
		return wrong("/user", "is empty, and there is an auth to use it with")
	case s.User != "" && s.Password == "":
		return wrong("/password", "is empty; leave out user where the server asks for none")
	case s.User == "" && s.Password != "":
		return wrong("/user", "is empty, and there is a password for it")
	case ok && m.readable && !s.private():
		return wrong("/auth", "%s without TLS shows the password to everybody on the way", s.Auth)
	}
	return nil
}

// private reports whether nobody reads on the way to the server.
func (s *Settings) private() bool {
	return s.TLS != tlsNone || lib.Loopback(s.host())
}

func (s *Settings) checkAddresses() error {
	if _, err := address(s.From); err != nil {
		return wrong("/from", "%s", err)
	}
	if s.ReplyTo != "" {
		if _, err := address(s.ReplyTo); err != nil {
			return wrong("/replyTo", "%s", err)
		}
	}
	for path, list := range map[string][]string{"/to": s.To, "/cc": s.CC, "/bcc": s.BCC} {
		for i, a := range list {
			if _, err := address(a); err != nil {
				return wrong(path+"/"+strconv.Itoa(i), "%s", err)
			}
		}
	}
	switch n := len(s.To) + len(s.CC) + len(s.BCC); {
	case n == 0:
		return wrong("/to", "there is nobody to send to")
	case n > maxRecipients:
		return wrong("/to", "%d recipients are more than %d; a mailing list is the better way", n, maxRecipients)
	}
	return nil
}

// address reads one address, with or without a name.
func address(s string) (*mail.Address, error) {
	a, err := mail.ParseAddress(s)
	if err != nil {
		return nil, fmt.Errorf("%q is not an address such as Scans <scans@example.org>", s)
	}
	if strings.ContainsFunc(a.Address, func(r rune) bool { return r <= ' ' || r == 0x7f || strings.ContainsRune(`<>"`, r) }) {
		return nil, fmt.Errorf("%q holds a character that mail servers do not take", s)
	}
	return a, nil
}

func (s *Settings) checkMessage() error {
	for path, text := range map[string]string{"/subject": s.Subject, "/text": s.Text} {
		if _, err := fill(text, example()); err != nil {
			return wrong(path, "%s", err)
		}
	}
	if s.MaxMB < 0 || s.MaxMB > mostMB {
		return wrong("/maxMB", "%d is not between 1 and %d", s.MaxMB, mostMB)
	}
	return nil
}

// limit is the largest message in bytes.
func (s *Settings) limit() int64 {
	if s.MaxMB == 0 {
		return defaultMB * 1e6
	}
	return int64(s.MaxMB) * 1e6
}

func main() {
	sdk.Serve(sdk.Info{Name: "email", Version: "1.0.0", Summary: "sends documents by e-mail", License: "Apache-2.0"}, component())
}

func component() sdk.Component {
	return sdk.Deliverer(func(ctx context.Context, r sdk.DeliverRequest, s Settings) (sdk.Receipt, error) {
		return deliver(ctx, r, s)
	})
}
