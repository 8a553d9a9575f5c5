// Command folder is the deliverer that puts documents into a folder, exactly once
// for each idempotency key, also over crashes and whatever the folder's readers do.
package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"github.com/twinleaf-scan/twinleaf/sdk"
)

// Settings say where documents go.
type Settings struct {
	Dir    string `json:"dir" grant:"write" jsonschema:"folder that takes the documents; an absolute path"`
	Create *bool  `json:"create,omitempty" jsonschema:"make the folder when it is missing; default true. Say false for a share that may not be mounted"`
	Mode   string `json:"mode,omitempty" jsonschema:"permissions of delivered files in octal, narrowed by the umask; default 0644"`
}

// Validate is part of the strict reading of settings.
func (s *Settings) Validate() error {
	if !filepath.IsAbs(s.Dir) {
		return &sdk.SettingsError{Path: "/dir", Detail: fmt.Sprintf("%q is not an absolute path", s.Dir)}
	}
	if _, err := s.mode(); err != nil {
		return &sdk.SettingsError{Path: "/mode", Detail: err.Error()}
	}
	return nil
}

func (s *Settings) mode() (os.FileMode, error) {
	if s.Mode == "" {
		return 0o644, nil
	}
	m, err := strconv.ParseUint(s.Mode, 8, 32)
	if err != nil || m > 0o777 || m&0o600 != 0o600 {
		return 0, fmt.Errorf("%q is not an octal mode such as 0644 that lets the owner read and write", s.Mode)
	}
	return os.FileMode(m), nil
}

func main() {
	sdk.Serve(sdk.Info{Name: "folder", Version: "1.0.0", Summary: "puts documents into a folder", License: "Apache-2.0"}, component())
}

func component() sdk.Component {
	return sdk.Deliverer(func(ctx context.Context, r sdk.DeliverRequest, s Settings) (sdk.Receipt, error) {
		return handOver(ctx, r, s, func(string) {})
	})
}
