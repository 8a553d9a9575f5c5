package main

import (
	"context"
	"errors"
	"os"
	"strings"

	"github.com/twinleaf-scan/twinleaf/sdk"
)

// fingerprintKey names the file that says what a fingerprint does.
const fingerprintKey = "FAULT_FINGERPRINT"

// fingerprint is honest unless the file says otherwise: crash, hang, big, wide or fail.
// Its golden text is what it was given to keep, plus a dot.
func fingerprint(_ context.Context, r sdk.FingerprintRequest) (sdk.Fingerprint, error) {
	f := sdk.Fingerprint{Engine: "none", Version: "0", Libraries: map[string]string{"bad\x1b": "1"}, Data: map[string]string{"eng": "e"}}
	does, _ := os.ReadFile(os.Getenv(fingerprintKey)) // without it there is nothing to do
	switch strings.TrimSpace(string(does)) {
	case "crash":
		crash()
	case "hang":
		select {}
	case "fail":
		return f, errors.New("the engine is gone")
	case "big":
		f.Keep = []byte(`"` + strings.Repeat("x", sdk.MaxKeep) + `"`)
		return f, nil
	case "wide":
		for i := range 2000 {
			f.Data[strings.Repeat("x", i+1)] = "1"
		}
	}
	f.Golden = strings.Trim(string(r.Kept), `"`) + "."
	if r.Deep {
		f.Golden = "deep"
	}
	f.Keep = []byte(`"` + f.Golden + `"`)
	return f, nil
}
