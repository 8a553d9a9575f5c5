// Command webdav is the deliverer that puts documents into a folder of a WebDAV
// server, as Nextcloud, NAS boxes and document systems offer one, exactly once for
// each idempotency key.
package main

import (
	"context"
	"fmt"
	"net/url"
	"path"
	"strings"

	"github.com/twinleaf-scan/twinleaf/sdk"
	"github.com/twinleaf-scan/twinleaf/sdk/deliver"
)

// Settings say where documents go and who we are there.
type Settings struct {
	URL      string `json:"url" grant:"net" jsonschema:"the folder's address, e.g. https://cloud.example.org/remote.php/dav/files/USER/Scans"`
	User     string `json:"user,omitempty" jsonschema:"name to log in with; none: without login"`
	Password string `json:"password,omitempty" secret:"true" jsonschema:"password of the user; for Nextcloud an app password"`
	CA       string `json:"ca,omitempty" jsonschema:"certificate (PEM) of the authority that signed the server's, where that is one of your own"`
	Create   *bool  `json:"create,omitempty" jsonschema:"make the folder when it is missing; default true"`
	Plain    bool   `json:"plain,omitempty" jsonschema:"allow http:// to other machines, which everybody on the way can read"`
}

// Validate is part of the strict reading of settings.
func (s *Settings) Validate() error {
	refuse := func(field, format string, a ...any) error {
		return &sdk.SettingsError{Path: "/" + field, Detail: fmt.Sprintf(format, a...)}
	}
	u, err := url.Parse(s.URL)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return refuse("url", "is not the address of a folder such as https://cloud.example.org/dav/scans")
	case u.User != nil:
		return refuse("url", "give user and password in their own fields")
	case u.RawQuery != "" || u.Fragment != "":
		return refuse("url", "is the address of a folder: without ? and #")
	case u.Scheme == "http" && !s.Plain && !deliver.Loopback(u.Hostname()):
		return refuse("url", "http to another machine shows documents and password to everybody on the way; write https, or plain: true where the network is trusted")
	case s.Password != "" && s.User == "":
		return refuse("user", "say whose password it is")
	}
	if _, ok := deliver.Roots(s.CA); !ok {
		return refuse("ca", "is not a certificate in PEM, from BEGIN CERTIFICATE to END CERTIFICATE")
	}
	return nil
}

func main() {
	sdk.Serve(sdk.Info{Name: "webdav", Version: "1.0.0", Summary: "puts documents into a folder of a WebDAV server", License: "Apache-2.0"}, component(nil))
}

func component(reached func(step string)) sdk.Component {
	return sdk.Deliverer(func(ctx context.Context, r sdk.DeliverRequest, s Settings) (sdk.Receipt, error) {
		receipt, err := send(ctx, r, s, reached)
		return receipt, explain(ctx, err, s)
	})
}

func send(ctx context.Context, r sdk.DeliverRequest, s Settings, reached func(string)) (sdk.Receipt, error) {
	to, err := newClient(ctx, s)
	if err != nil {
		return sdk.Receipt{}, err
	}
	defer to.http.CloseIdleConnections()
	if err := to.makeFolders(ctx, s.Create == nil || *s.Create); err != nil {
		return sdk.Receipt{}, err
	}
	plan, err := deliver.Once(ctx, deliver.Delivery{Request: r, To: to, Reached: reached})
	if err != nil {
		return sdk.Receipt{}, err
	}
	return sdk.Receipt{Location: to.target(plan.Main()), Detail: fmt.Sprintf("%d files", len(plan.Files))}, nil
}

// makeFolders makes the destination's folder where that is wanted, and the private one.
func (c *client) makeFolders(ctx context.Context, create bool) error {
	private, err := c.stat(ctx, deliver.Private+"/")
	if err == nil && private.folder || err != nil && !missing(err) {
		return err
	}
	if create {
		if err := c.makeParents(ctx); err != nil {
			return err
		}
	}
	return c.makeFolder(ctx, c.base.Path+deliver.Private+"/")
}

// makeParents makes the folders of the path that are missing, from the top.
func (c *client) makeParents(ctx context.Context) error {
	var absent []string
	for at := c.base.Path; at != "/"; at = path.Dir(strings.TrimSuffix(at, "/")) + "/" {
		at = "/" + strings.TrimLeft(at, "/")
		_, err := c.statPath(ctx, at)
		if err == nil {
			break
		}
		if !missing(err) {
			return err
		}
		absent = append(absent, at)
	}
	for i := len(absent) - 1; i >= 0; i-- {
		if err := c.makeFolder(ctx, absent[i]); err != nil {
			return err
		}
	}
	return nil
}
