package secret

import (
	"cmp"
	"errors"
	"slices"
	"strings"

	"github.com/twinleaf-scan/twinleaf/core"
)

// Hidden are secrets that were opened for a call. They are taken out of whatever the
// plug-in says about it.
type Hidden []string

// hiding puts the longest first: it may contain a shorter one.
func hiding(secrets []string) Hidden {
	slices.SortFunc(secrets, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), strings.Compare(a, b)) })
	return secrets
}

// leastHidden is the length in bytes below which a secret is not looked for in texts:
// it would be found in every word.
const leastHidden = 4

// Text is a text without the secrets.
func (h Hidden) Text(text string) string {
	for _, s := range h {
		if len(s) >= leastHidden {
			text = strings.ReplaceAll(text, s, core.Mask)
		}
	}
	return text
}

// Error is an error without the secrets; what else it says, and whether it is a
// [core.Failure], stays.
func (h Hidden) Error(err error) error {
	if err == nil || h.Text(err.Error()) == err.Error() {
		return err
	}
	if f, ok := errors.AsType[*core.Failure](err); ok {
		return &core.Failure{Code: h.Text(f.Code), Detail: h.Text(f.Detail), Remedy: h.Text(f.Remedy), Permanent: f.Permanent}
	}
	return errors.New(h.Text(err.Error()))
}

// At gives the strings at JSON pointers of a decoded JSON value.
func At(value any, pointers []string) Hidden {
	var found Hidden
	_, _ = rewrite(value, "", func(at string, node any) (any, bool, error) {
		if s, ok := node.(string); ok && slices.Contains(pointers, at) {
			found = append(found, s)
		}
		return node, false, nil
	})
	return hiding(found)
}
