package delivertest

import (
	"errors"
	"strings"
	"testing"

	"github.com/twinleaf-scan/twinleaf/sdk"
)

// WantError checks an error's fate, that it has a remedy, that detail and remedy hold the
// words, and that they give away none of the secrets.
func WantError(t testing.TB, err error, temporary bool, words []string, secrets ...string) {
	t.Helper()
	e, ok := errors.AsType[*sdk.Error](err)
	if !ok {
		t.Fatalf("error %v is none of the sdk", err)
	}
	if e.Temporary != temporary || e.Remedy == "" {
		t.Errorf("%q: temporary = %v, remedy = %q; want %v and a remedy", err, e.Temporary, e.Remedy, temporary)
	}
	for _, w := range words {
		if !strings.Contains(err.Error()+e.Remedy, w) {
			t.Errorf("%q, %q does not say %q", err, e.Remedy, w)
		}
	}
	for _, s := range secrets {
		if strings.Contains(err.Error()+e.Remedy, s) {
			t.Errorf("%q gives away %q", err, s)
		}
	}
}
