// Command paperless is the deliverer that gives PDFs to paperless-ngx, through its
// REST API in the versions 9 and 10. Each is consumed once: it comes under a file name
// that holds the delivery's key, by which a repetition finds the document or the task
// that is still at work on it.
package main

import (
	"context"
	"fmt"
	"net/url"
	"time"

	"github.com/twinleaf-scan/twinleaf/sdk"
	lib "github.com/twinleaf-scan/twinleaf/sdk/deliver"
)

// Settings say which paperless, and what it notes about the documents.
type Settings struct {
	URL           string   `json:"url" grant:"net" jsonschema:"address of paperless-ngx as in a browser, https://host"`
	Token         string   `json:"token" secret:"true" jsonschema:"API token of a paperless user who may add documents and view documents and tasks"`
	Correspondent string   `json:"correspondent,omitempty" jsonschema:"name of a correspondent that paperless has"`
	Type          string   `json:"type,omitempty" jsonschema:"name of a document type that paperless has"`
	StoragePath   string   `json:"storagePath,omitempty" jsonschema:"name of a storage path that paperless has"`
	Tags          []string `json:"tags,omitempty" jsonschema:"names of tags that paperless has"`
	CA            string   `json:"ca,omitempty" jsonschema:"certificates in PEM to trust instead of the system's"`
	Plain         bool     `json:"plain,omitempty" jsonschema:"allow http:// to other machines, which everybody on the way can read"`
	Wait          int      `json:"wait,omitempty" jsonschema:"seconds that paperless may take for one document in one try; default 300, at most 3600"`
}

const (
	defaultWait = 300
	maxWait     = 3600
	maxTags     = 50
)

// Validate is part of the strict reading of settings.
func (s *Settings) Validate() error {
	u, err := url.Parse(s.URL)
	_, trusted := lib.Roots(s.CA)
	switch {
	case err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http"):
		return wrong("/url", "not an address such as https://paperless.example.org")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return wrong("/url", "carries more than host and path")
	case u.Scheme == "http" && !s.Plain && !lib.Loopback(u.Hostname()):
		return wrong("/url", "http to another machine shows documents and token to everybody on the way; write https, or plain: true where the network is trusted")
	case s.Token == "" || !printable(s.Token):
		return wrong("/token", "is no token; make one in paperless under My Profile")
	case !trusted:
		return wrong("/ca", "holds no certificate in PEM")
	case s.Wait < 0 || s.Wait > maxWait:
		return wrong("/wait", "%d is not between 1 and %d seconds", s.Wait, maxWait)
	case len(s.Tags) > maxTags:
		return wrong("/tags", "%d tags are more than %d", len(s.Tags), maxTags)
	}
	return nil
}

func wrong(path, format string, a ...any) error {
	return &sdk.SettingsError{Path: path, Detail: fmt.Sprintf(format, a...)}
}

func printable(s string) bool {
	for _, r := range s {
		if r <= ' ' || r > '~' {
			return false
		}
	}
	return true
}

func main() {
	sdk.Serve(sdk.Info{Name: "paperless", Version: "1.0.0", Summary: "gives documents to paperless-ngx", License: "Apache-2.0"}, component(lib.Pause))
}

// component makes the deliverer; rest waits between two looks at a task.
func component(rest func(context.Context, time.Duration) error) sdk.Component {
	return sdk.Deliverer(func(ctx context.Context, r sdk.DeliverRequest, s Settings) (sdk.Receipt, error) {
		return deliver(ctx, r, s, rest)
	})
}
