// Command sftp is the deliverer that puts documents into a folder of an SFTP server,
// exactly once for each idempotency key, and only where the server's host key is the
// one that the operator named.
package main

import (
	"context"
	"fmt"
	"os"
	"path"
	"strconv"
	"strings"

	"github.com/twinleaf-scan/twinleaf/sdk"
	"github.com/twinleaf-scan/twinleaf/sdk/deliver"
)

// Settings say where documents go and who we are there.
type Settings struct {
	Address    string `json:"address" grant:"net" jsonschema:"host:port of the server, e.g. files.example.org:22"`
	User       string `json:"user" jsonschema:"name to log in with"`
	Password   string `json:"password,omitempty" secret:"true" jsonschema:"password of the user; or give a privateKey"`
	PrivateKey string `json:"privateKey,omitempty" secret:"true" jsonschema:"private key of the user, as ssh-keygen writes it"`
	Passphrase string `json:"passphrase,omitempty" secret:"true" jsonschema:"passphrase of the private key"`
	HostKey    string `json:"hostKey,omitempty" jsonschema:"the server's host key: a fingerprint SHA256:… or a line of known_hosts; several on lines of their own. Without it nothing is delivered, and the error tells what the server shows"`
	Dir        string `json:"dir,omitempty" jsonschema:"folder on the server, absolute or below the user's own; default: the user's own"`
	Create     *bool  `json:"create,omitempty" jsonschema:"make the folder when it is missing; default true"`
	Mode       string `json:"mode,omitempty" jsonschema:"permissions of delivered files in octal, e.g. 0640; default: what the server gives new files"`
}

// Validate is part of the strict reading of settings.
func (s *Settings) Validate() error {
	refuse := func(field, format string, a ...any) error {
		return &sdk.SettingsError{Path: "/" + field, Detail: fmt.Sprintf(format, a...)}
	}
	if !deliver.IsAddress(s.Address) {
		return refuse("address", "%q is not host:port such as files.example.org:22", s.Address)
	}
	if s.User == "" {
		return refuse("user", "say which user logs in")
	}
	if s.Password == "" && s.PrivateKey == "" {
		return refuse("password", "give a password or a privateKey; without one nobody gets in")
	}
	if _, err := s.signer(); err != nil {
		return refuse("privateKey", "%s", err)
	}
	if _, err := parseHostKeys(s.HostKey); err != nil {
		return refuse("hostKey", "%s", err)
	}
	if strings.ContainsAny(s.Dir, "\x00\n") || len(s.Dir) > 1000 {
		return refuse("dir", "%.100q is no folder's name", s.Dir)
	}
	if _, err := s.mode(); err != nil {
		return refuse("mode", "%s", err)
	}
	return nil
}

// mode is 0 where the server shall choose.
func (s *Settings) mode() (os.FileMode, error) {
	if s.Mode == "" {
		return 0, nil
	}
	m, err := strconv.ParseUint(s.Mode, 8, 32)
	if err != nil || m > 0o777 || m&0o600 != 0o600 {
		return 0, fmt.Errorf("%q is not an octal mode such as 0640 that lets the owner read and write", s.Mode)
	}
	return os.FileMode(m), nil
}

func main() {
	sdk.Serve(sdk.Info{Name: "sftp", Version: "1.0.0", Summary: "puts documents into a folder of an SFTP server", License: "Apache-2.0"}, component(nil))
}

func component(reached func(step string)) sdk.Component {
	return sdk.Deliverer(func(ctx context.Context, r sdk.DeliverRequest, s Settings) (sdk.Receipt, error) {
		receipt, err := send(ctx, r, s, reached)
		return receipt, explain(ctx, err, s)
	})
}

func send(ctx context.Context, r sdk.DeliverRequest, s Settings, reached func(string)) (sdk.Receipt, error) {
	to, err := open(ctx, s)
	if err != nil {
		return sdk.Receipt{}, err
	}
	defer to.close()
	plan, err := deliver.Once(ctx, deliver.Delivery{Request: r, To: to, Reached: reached})
	if err != nil {
		return sdk.Receipt{}, err
	}
	return sdk.Receipt{
		Location: "sftp://" + s.Address + path.Join("/", to.dir, plan.Main()),
		Detail:   fmt.Sprintf("%d files", len(plan.Files)),
	}, nil
}
