// Command ftp is the deliverer that puts documents into a folder of an FTP server, with
// TLS (FTPS) unless the operator says otherwise, exactly once for each idempotency key.
package main

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/twinleaf-scan/twinleaf/sdk"
	"github.com/twinleaf-scan/twinleaf/sdk/deliver"
)

// Settings say where documents go and who we are there.
type Settings struct {
	Address  string `json:"address" grant:"host" jsonschema:"host:port of the server, e.g. files.example.org:21; its other ports from 1024 on are used for the files"`
	User     string `json:"user" jsonschema:"name to log in with"`
	Password string `json:"password,omitempty" secret:"true" jsonschema:"password of the user"`
	TLS      string `json:"tls,omitempty" jsonschema:"explicit (default; a server without it gets nothing), implicit (mostly port 990), or none"`
	CA       string `json:"ca,omitempty" jsonschema:"certificates in PEM to trust instead of the system's: the server's own, or that of the authority that signed it"`
	Dir      string `json:"dir,omitempty" jsonschema:"folder on the server, absolute or below the one that the user starts in; default: that one"`
	Create   *bool  `json:"create,omitempty" jsonschema:"make the folder when it is missing; default true"`
}

// Ways of encrypting the connections.
const (
	tlsExplicit = "explicit"
	tlsImplicit = "implicit"
	tlsNone     = "none"
)

// Validate is part of the strict reading of settings.
func (s *Settings) Validate() error {
	refuse := func(field, format string, a ...any) error {
		return &sdk.SettingsError{Path: "/" + field, Detail: fmt.Sprintf(format, a...)}
	}
	if !deliver.IsAddress(s.Address) {
		return refuse("address", "%q is not host:port such as files.example.org:21", s.Address)
	}
	switch {
	case s.User == "":
		return refuse("user", "say which user logs in")
	case strings.ContainsAny(s.User, "\r\n\x00"):
		return refuse("user", "%.100q is no user's name", s.User)
	case strings.ContainsAny(s.Password, "\r\n\x00"):
		return refuse("password", "has a line end in it, which FTP cannot carry")
	case !slices.Contains([]string{"", tlsExplicit, tlsImplicit, tlsNone}, s.TLS):
		return refuse("tls", "%q is none of explicit, implicit and none", s.TLS)
	case strings.ContainsAny(s.Dir, "\r\n\x00") || len(s.Dir) > 1000:
		return refuse("dir", "%.100q is no folder's name", s.Dir)
	}
	if _, ok := deliver.Roots(s.CA); !ok {
		return refuse("ca", "is not a certificate in PEM, from BEGIN CERTIFICATE to END CERTIFICATE")
	}
	return nil
}

func main() {
	sdk.Serve(sdk.Info{Name: "ftp", Version: "1.0.0", Summary: "puts documents into a folder of an FTP or FTPS server", License: "Apache-2.0"}, component(nil, usual))
}

func component(reached func(step string), p pace) sdk.Component {
	return sdk.Deliverer(func(ctx context.Context, r sdk.DeliverRequest, s Settings) (sdk.Receipt, error) {
		receipt, err := send(ctx, r, s, reached, p)
		return receipt, explain(ctx, err, s)
	})
}

func send(ctx context.Context, r sdk.DeliverRequest, s Settings, reached func(string), p pace) (sdk.Receipt, error) {
	to, err := open(ctx, s, p)
	if err != nil {
		return sdk.Receipt{}, err
	}
	defer to.close()
	plan, err := deliver.Once(ctx, deliver.Delivery{Request: r, To: to, Reached: reached})
	if err != nil {
		return sdk.Receipt{}, err
	}
	scheme := "ftps://"
	if s.TLS == tlsNone {
		scheme = "ftp://"
	}
	return sdk.Receipt{
		Location: scheme + s.Address + path.Join("/", s.Dir, plan.Main()),
		Detail:   fmt.Sprintf("%d files", len(plan.Files)),
	}, nil
}
