package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/twinleaf-scan/twinleaf/sdk"
)

// busy is the answer of a receiver that wants to be asked later.
type busy struct {
	err  *sdk.Error
	wait time.Duration // 0: it did not say how long
}

func (b *busy) Error() string { return b.err.Error() }
func (b *busy) Unwrap() error { return b.err }

// answered makes of an answer a receipt or an error.
func (d *delivery) answered(resp *http.Response) (sdk.Receipt, error) {
	if d.settings.succeeded(resp.StatusCode) {
		return d.receipt(resp), nil
	}
	e := &sdk.Error{
		Code:   "destination",
		Detail: fmt.Sprintf("%s answered %s%s", d.settings.place(), status(resp.StatusCode), d.said(resp)),
	}
	e.Remedy, e.Temporary = verdict(resp.StatusCode)
	if !e.Temporary {
		return sdk.Receipt{}, e
	}
	wait := retryAfter(resp.Header.Get("Retry-After"), time.Now())
	if wait > 0 {
		e.Detail += fmt.Sprintf(", and wants to be asked again in %v", wait)
	}
	return sdk.Receipt{}, &busy{e, wait}
}

func (d *delivery) receipt(resp *http.Response) sdk.Receipt {
	r := sdk.Receipt{Location: d.settings.place(), Detail: fmt.Sprintf("%s, %d files", status(resp.StatusCode), len(d.request.Files))}
	if at, err := resp.Location(); err == nil && resp.StatusCode == http.StatusCreated {
		r.Location = d.quote(at.Redacted())
	}
	return r
}

// verdict says what to do about a status, and whether time may heal it.
func verdict(code int) (remedy string, temporary bool) {
	switch {
	case code >= 300 && code <= 399:
		return "redirects are not followed; set url to the address that really takes the documents", false
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		return "look at token and secret, here and at the receiver", false
	case code == http.StatusNotFound || code == http.StatusGone:
		return "look at url: the receiver does not know it (any more)", false
	case code == http.StatusMethodNotAllowed:
		return "set method to what the receiver takes, POST or PUT", false
	case code == http.StatusRequestEntityTooLarge:
		return "raise the receiver's limit for a request, or deliver fewer kinds", false
	case code == http.StatusUnsupportedMediaType:
		return "set body to what the receiver takes, multipart or raw", false
	case code == http.StatusUnprocessableEntity:
		return "ask the receiver's people; some answer so when one key comes with other content", false
	case code >= 200 && code <= 299:
		return "add the code to success if it means that the documents have arrived", false
	case code == http.StatusRequestTimeout, code == http.StatusConflict, code == http.StatusTooEarly, code == http.StatusTooManyRequests, code >= 500:
		return "look at the receiver; it is asked again", true // 409: under this key another request is still at work
	}
	return "ask the receiver's people what is wrong with the request", false
}

// unanswered makes an error of a request that got no answer.
func (d *delivery) unanswered(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err // without the address, whose path may be a secret
	}
	if own, ok := errors.AsType[*sdk.Error](err); ok {
		return &sdk.Error{Code: own.Code, Detail: d.quote(own.Detail), Remedy: own.Remedy, Temporary: own.Temporary}
	}
	e := &sdk.Error{
		Code: "destination", Temporary: true, Detail: fmt.Sprintf("no answer from %s: %s", d.settings.place(), d.quote(err.Error())),
		Remedy: "look whether the receiver runs and this machine reaches it; it is asked again",
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		e.Temporary, e.Remedy = false, "renew the receiver's certificate, or set ca to the certificate of who signed it"
	}
	if errors.Is(err, context.DeadlineExceeded) {
		e.Code = "timeout"
	}
	return e
}

// maxSaid bounds how much of an answer goes into an error, in bytes.
const maxSaid = 300

// maxTalk is how long a receiver may take for the words of a refusal.
const maxTalk = 5 * time.Second

// said is the beginning of an answer's words, as far as they come in time.
func (d *delivery) said(resp *http.Response) string {
	if at, err := resp.Location(); err == nil {
		return ", pointing at " + d.quote(at.Scheme+"://"+at.Host)
	}
	late := time.AfterFunc(maxTalk, func() { _ = resp.Body.Close() })
	defer late.Stop()
	raw, _ := io.ReadAll(io.LimitReader(resp.Body, maxSaid)) // the status alone will do
	text := d.quote(string(raw))
	if text == "" || strings.HasPrefix(text, "<") {
		return "" // a page for browsers says nothing here
	}
	return ": " + text
}

// quote makes a stranger's words fit for a log, without our secrets in them.
func (d *delivery) quote(s string) string {
	for _, secret := range []string{d.settings.Token, d.settings.Secret, d.settings.PreviousSecret} {
		if secret != "" {
			s = strings.ReplaceAll(s, secret, "***")
		}
	}
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
	return clip(strings.Join(strings.Fields(s), " "), maxSaid)
}

func status(code int) string {
	return strings.TrimSpace(strconv.Itoa(code) + " " + http.StatusText(code))
}

// retryAfter reads the header of that name: seconds, or a date.
func retryAfter(value string, now time.Time) time.Duration {
	const most = 24 * time.Hour
	if seconds, err := strconv.Atoi(value); err == nil && seconds > 0 {
		return min(time.Duration(min(seconds, int(most/time.Second)))*time.Second, most)
	}
	if at, err := http.ParseTime(value); err == nil && at.After(now) {
		return min(at.Sub(now).Round(time.Second), most)
	}
	return 0
}

// clip cuts a text to at most n bytes, between characters.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
