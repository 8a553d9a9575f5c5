package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net/textproto"
	"slices"
	"strings"

	"github.com/jlaffaye/ftp"

	"github.com/twinleaf-scan/twinleaf/sdk"
)

// explain says what a person can do about an error. What only a person can cure is not tried
// again by itself: servers lock out who tries too often.
func explain(ctx context.Context, err error, s Settings) error {
	if err == nil {
		return nil
	}
	if told, ok := errors.AsType[*sdk.Error](err); ok && !told.Temporary {
		return err
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	out := &sdk.Error{Code: "destination", Detail: "deliver to " + s.Address + ": " + err.Error(), Temporary: true}
	out.Remedy = "see whether the server answers, and whether it wants TLS from the first byte (tls: implicit); the delivery is tried again by itself"
	if remedy := person(err, s); remedy != "" {
		out.Temporary, out.Remedy = false, remedy
		return out
	}
	answer, _ := errors.AsType[*textproto.Error](err)
	_, data := errors.AsType[*dataError](err)
	switch {
	case full(err):
		out.Remedy = "let the server take more connections at once, of this user and from this address; the delivery is tried again by itself"
	case errors.Is(err, errTurnOver) || errors.Is(err, errWaited):
		out.Remedy = "deliveries into one folder take turns, and the server is slow at them: see how busy it is, and how many files lie in " + s.where() + "; the delivery is tried again by itself"
	case data || answer != nil && answer.Code == ftp.StatusCanNotOpenDataConnection:
		out.Remedy = "files go over a port of their own: have the server's firewall let in its passive ports; the delivery is tried again by itself"
	case errors.Is(err, fs.ErrNotExist):
		out.Remedy = "make " + s.where() + " on " + s.Address + ", or say create: true in the settings"
	case answer != nil && (answer.Code == ftp.StatusExceededStorage || answer.Code == ftp.Status452):
		out.Remedy = "make room on the server, or raise the user's quota; the delivery is tried again by itself"
	case answer != nil && (answer.Code == ftp.StatusFileUnavailable || answer.Code == ftp.StatusBadFileName):
		out.Remedy = "see whether the user " + s.User + " may list, read, write, rename and delete in " + s.where() + "; the delivery is tried again by itself"
	}
	return out
}

// where names the destination's folder.
func (s *Settings) where() string {
	if s.Dir == "" {
		return "the folder that the user starts in"
	}
	return "the folder " + s.Dir
}

// person says what a person has to do before anything else helps; "" where there is no such
// thing.
func person(err error, s Settings) string {
	answer, _ := errors.AsType[*textproto.Error](err)
	if _, other := errors.AsType[x509.HostnameError](err); other {
		return "set address to the name that the server's certificate is for"
	}
	if _, bad := errors.AsType[*tls.CertificateVerificationError](err); bad {
		return "the server's certificate is not one to trust; where it is your own, or an authority of your own signed it, give that as ca"
	}
	if _, plain := errors.AsType[tls.RecordHeaderError](err); plain && s.TLS == tlsImplicit {
		return "the server does not begin with TLS; leave out tls, or say tls: explicit"
	}
	if full(err) {
		return ""
	}
	if _, no := errors.AsType[*noTLSError](err); no {
		return "the server offers no TLS, or turns everybody away; where the network is trusted, tls: none delivers without"
	}
	if _, no := errors.AsType[*loginError](err); no {
		return notLetIn(answer, err, s)
	}
	switch {
	case errors.Is(err, errHidden):
		return "let the user " + s.User + " list and read what it has written to " + s.where() + ", then retry the job"
	case answer != nil && answer.Code >= 500 && mentions(answer, "denied", "permission", "privilege", "not allowed", "read-only", "read only"):
		return "let the user " + s.User + " list, read, write, rename and delete in " + s.where() + ", then retry the job"
	}
	return ""
}

// full reports whether the server lets in nobody more at present. Some have the number of a
// wrong password for it.
func full(err error) bool {
	_, early := errors.AsType[*noTLSError](err)
	_, login := errors.AsType[*loginError](err)
	return (early || login) && mentions(err, "maximum number", "too many", "already connected", "sessions") && !mentions(err, "attempt", "fail", "incorrect")
}

// notLetIn says what helps against a no to a login, "" where time may help. Of some the
// library hands on the words alone.
func notLetIn(answer *textproto.Error, err error, s Settings) string {
	switch {
	case s.TLS == tlsNone && mentions(err, "tls", "ssl", "encrypt", "secure"):
		return "the server wants TLS: leave out tls: none, then retry the job"
	case answer == nil && !mentions(err, "denied", "incorrect", "not allowed"):
		return ""
	case answer == nil || slices.Contains([]int{ftp.StatusNotLoggedIn, ftp.StatusInvalidCredentials, ftp.StatusLoginNeedAccount, ftp.StatusStorNeedAccount}, answer.Code):
		return "see whether the user " + s.User + " gets in with this password, set them right, then retry the job"
	case answer.Code >= 500 && s.TLS != tlsNone:
		return "the server does not protect files with TLS; where the network is trusted, tls: none delivers without"
	}
	return ""
}

// mentions reports whether an error's words have one of these in them.
func mentions(err error, words ...string) bool {
	said := strings.ToLower(fmt.Sprint(err))
	for _, w := range words {
		if strings.Contains(said, w) {
			return true
		}
	}
	return false
}
