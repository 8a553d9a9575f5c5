package main

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"
	"net/url"

	"github.com/twinleaf-scan/twinleaf/sdk"
)

// explain says what a person can do about an error. What only a person can cure is
// not tried again by itself.
func explain(ctx context.Context, err error, s Settings) error {
	if err == nil {
		return nil
	}
	if _, told := errors.AsType[*sdk.Error](err); told {
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	host := s.URL
	if u, parseErr := url.Parse(s.URL); parseErr == nil {
		host = u.Host
	}
	out := &sdk.Error{
		Code: "destination", Detail: "deliver to " + host + ": " + err.Error(), Temporary: true,
		Remedy: "see whether " + s.URL + " opens in a WebDAV client; the delivery is tried again by itself",
	}
	if _, bad := errors.AsType[*tls.CertificateVerificationError](err); bad {
		out.Temporary = false
		out.Remedy = "the server's certificate is not one to trust; where an authority of your own signed it, give that as ca"
	}
	if status, ok := errors.AsType[*statusError](err); ok {
		explainStatus(status, s, out)
	}
	return out
}

func explainStatus(e *statusError, s Settings, out *sdk.Error) {
	switch e.status {
	case http.StatusUnauthorized:
		out.Temporary = false
		out.Remedy = "see whether the user " + s.User + " gets in with this password, set them right, then retry the job"
		if s.User == "" {
			out.Remedy = "the server wants to know who delivers: give user and password, then retry the job"
		}
	case http.StatusForbidden:
		out.Temporary = false
		out.Remedy = "let the user write to " + s.URL + ", then retry the job"
	case http.StatusNotFound, http.StatusConflict:
		out.Remedy = "make the folder " + s.URL + ", or say create: true in the settings"
	case http.StatusMethodNotAllowed, http.StatusNotImplemented:
		out.Temporary = false
		out.Remedy = "no WebDAV is spoken at " + s.URL + "; see which address the server offers it at"
	case http.StatusRequestEntityTooLarge:
		out.Temporary = false
		out.Remedy = "raise the largest upload that the server, or a proxy before it, lets through; then retry the job"
	case http.StatusInsufficientStorage:
		out.Remedy = "make room on the server, or raise the user's quota"
	case http.StatusBadGateway:
		out.Remedy = "the server may know itself by another address than " + s.URL + "; behind a proxy, tell it the address that clients use"
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		out.Temporary = false
		out.Remedy = "the server sends us elsewhere; set url to the address that it is to be reached at"
		if to, err := url.Parse(e.to); err == nil && to.Host != "" {
			out.Remedy += ", at " + to.Scheme + "://" + to.Host
		}
	}
}
