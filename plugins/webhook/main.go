// Command webhook is the deliverer that posts documents to a web address: signed in
// the form of Standard Webhooks, and under a key by which the receiver recognises a
// repetition. A receiver that honours the key has every document once.
package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"

	"github.com/twinleaf-scan/twinleaf/sdk"
	"github.com/twinleaf-scan/twinleaf/sdk/deliver"
)

// Settings say where documents go.
type Settings struct {
	URL            string            `json:"url" grant:"net" jsonschema:"address that takes the documents, https://host/path"`
	Method         string            `json:"method,omitempty" jsonschema:"POST (default) or PUT"`
	Body           string            `json:"body,omitempty" jsonschema:"multipart (default): metadata as JSON and all files; raw: the one file alone"`
	Secret         string            `json:"secret,omitempty" secret:"true" jsonschema:"signs each request, as whsec_ and base64 of 24 to 64 bytes; empty: no signature"`
	PreviousSecret string            `json:"previousSecret,omitempty" secret:"true" jsonschema:"signs as well, while the receiver changes over from it"`
	Token          string            `json:"token,omitempty" secret:"true" jsonschema:"sent as Authorization: Bearer TOKEN"`
	TokenHeader    string            `json:"tokenHeader,omitempty" jsonschema:"send the token bare in this header instead, e.g. X-Api-Key"`
	Headers        map[string]string `json:"headers,omitempty" jsonschema:"further headers; nothing secret, everybody who may read settings sees them"`
	Success        []int             `json:"success,omitempty" jsonschema:"status codes that mean the receiver has the documents; default 200 to 299"`
	CA             string            `json:"ca,omitempty" jsonschema:"certificates in PEM to trust instead of the system's"`
	Plain          bool              `json:"plain,omitempty" jsonschema:"allow http:// to other machines, which everybody on the way can read"`
	Wait           int               `json:"wait,omitempty" jsonschema:"seconds that the receiver may take to answer once it has everything; default 60, at most 600"`
}

// Kinds of body.
const (
	bodyMultipart = "multipart"
	bodyRaw       = "raw"
)

const (
	defaultWait = 60
	maxWait     = 600
	maxHeaders  = 50
)

// Validate is part of the strict reading of settings.
func (s *Settings) Validate() error {
	for _, check := range []func() error{s.checkURL, s.checkRequest, s.checkSecrets, s.checkHeaders, s.checkAnswer} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func wrong(path, format string, a ...any) error {
	return &sdk.SettingsError{Path: path, Detail: fmt.Sprintf(format, a...)}
}

func (s *Settings) checkURL() error {
	u, err := url.Parse(s.URL)
	switch {
	case err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http"):
		return wrong("/url", "not an address such as https://host/path")
	case u.User != nil:
		return wrong("/url", "carries a user name; what proves who we are goes into token")
	case u.Fragment != "":
		return wrong("/url", "has a part after #, which no server ever sees")
	case u.Scheme == "http" && !s.Plain && !deliver.Loopback(u.Hostname()):
		return wrong("/url", "http to another machine shows the documents to everybody on the way; write https, or plain: true where the network is trusted")
	}
	return nil
}

func (s *Settings) checkRequest() error {
	if s.Method != "" && s.Method != http.MethodPost && s.Method != http.MethodPut {
		return wrong("/method", "%q is neither POST nor PUT", s.Method)
	}
	if s.Body != "" && s.Body != bodyMultipart && s.Body != bodyRaw {
		return wrong("/body", "%q is neither multipart nor raw", s.Body)
	}
	if _, ok := deliver.Roots(s.CA); !ok {
		return wrong("/ca", "holds no certificate in PEM")
	}
	return nil
}

func (s *Settings) checkSecrets() error {
	for path, secret := range map[string]string{"/secret": s.Secret, "/previousSecret": s.PreviousSecret} {
		if secret == "" {
			continue
		}
		if _, err := signingKey(secret); err != nil {
			return wrong(path, "%s", err)
		}
	}
	switch {
	case s.PreviousSecret != "" && s.Secret == "":
		return wrong("/previousSecret", "there is no secret that follows it")
	case !httpguts.ValidHeaderFieldValue(s.Token):
		return wrong("/token", "has characters that no header can carry")
	case s.TokenHeader != "" && s.Token == "":
		return wrong("/tokenHeader", "there is no token to send in it")
	case s.TokenHeader != "":
		return checkHeader("/tokenHeader", s.TokenHeader)
	}
	return nil
}

func (s *Settings) checkHeaders() error {
	if len(s.Headers) > maxHeaders {
		return wrong("/headers", "%d headers are more than %d", len(s.Headers), maxHeaders)
	}
	for name, value := range s.Headers {
		path := "/headers/" + name
		if err := checkHeader(path, name); err != nil {
			return err
		}
		if !httpguts.ValidHeaderFieldValue(value) {
			return wrong(path, "has characters that no header can carry")
		}
		if strings.EqualFold(name, "Authorization") {
			return wrong(path, "is a secret; it goes into token")
		}
	}
	return nil
}

// checkHeader refuses names that are no names and those that are ours or the protocol's.
func checkHeader(path, name string) error {
	if !httpguts.ValidHeaderFieldName(name) {
		return wrong(path, "%q is not the name of a header", name)
	}
	ours := []string{
		"Content-Type", "Content-Length", "Content-Disposition", "Transfer-Encoding", "Connection", "Host", "Expect", "Trailer", "Te", "Upgrade",
		headerKey, http.CanonicalHeaderKey(headerID), http.CanonicalHeaderKey(headerTime), http.CanonicalHeaderKey(headerSignature),
	}
	if slices.Contains(ours, http.CanonicalHeaderKey(name)) {
		return wrong(path, "the deliverer sets this header itself")
	}
	return nil
}

func (s *Settings) checkAnswer() error {
	for _, code := range s.Success {
		if code < 200 || code > 299 {
			return wrong("/success", "%d is not between 200 and 299", code)
		}
	}
	if s.Wait < 0 || s.Wait > maxWait {
		return wrong("/wait", "%d is not between 1 and %d seconds", s.Wait, maxWait)
	}
	return nil
}

// succeeded reports whether a status says that the receiver has the documents.
func (s *Settings) succeeded(status int) bool {
	if len(s.Success) > 0 {
		return slices.Contains(s.Success, status)
	}
	return status >= 200 && status <= 299
}

// place is the receiver as errors and receipts name it. The path is left out: with
// many services it is what nobody else may know.
func (s *Settings) place() string {
	u, err := url.Parse(s.URL)
	if err != nil {
		return "the receiver"
	}
	return u.Scheme + "://" + u.Host
}

func main() {
	sdk.Serve(sdk.Info{Name: "webhook", Version: "1.0.0", Summary: "posts documents to a web address, signed", License: "Apache-2.0"}, component(deliver.Pause))
}

// component makes the deliverer; rest waits between tries.
func component(rest func(context.Context, time.Duration) error) sdk.Component {
	return sdk.Deliverer(func(ctx context.Context, r sdk.DeliverRequest, s Settings) (sdk.Receipt, error) {
		d := &delivery{request: r, settings: s, rest: rest}
		return d.run(ctx)
	})
}
