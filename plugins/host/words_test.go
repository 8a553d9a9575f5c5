package host

import (
	"strings"
	"testing"

	"github.com/twinleaf-scan/twinleaf/core"
	pluginv2 "github.com/twinleaf-scan/twinleaf/sdk/proto/v2"
)

// The server acts on some codes: a plug-in that says data-down would have it believe that
// its own disk is full, and try for ever.
func TestAPluginCannotSpeakForTheServer(t *testing.T) {
	for said, want := range map[string]string{
		"damaged": "damaged", "no-language": "no-language", "timeout": "timeout", "internal": "internal", "my-own-2": "my-own-2",
		"data-down": core.CodePlugin, "maintenance": core.CodePlugin, "secret": core.CodePlugin, "conflict": core.CodePlugin, "interrupted": core.CodePlugin,
		"unknown": core.CodePlugin, "bad-request": core.CodePlugin, "key-reused": core.CodePlugin,
		"": core.CodePlugin, "done\nstate  finished": core.CodePlugin, "Data-Down": core.CodePlugin, "\x1b[2J": core.CodePlugin, strings.Repeat("a", 65): core.CodePlugin,
	} {
		f := core.AsFailure(refusal(&pluginv2.Error{Code: said}))
		if f.Code != want {
			t.Errorf("code %q became %q, want %q", said, f.Code, want)
		}
	}
}

func TestForeignWordsStayWords(t *testing.T) {
	for said, want := range map[string]string{
		"Müller, 日本\tA\nB": "Müller, 日本\tA\nB", "\x1b[2J\x00\r": "·[2J··", "a\u009b31mb": "a·31mb",
		"gpj.\u202efdp.evil": "gpj.·fdp.evil", "\u2066x\u2069\u200f": "·x··", "a\u2028b\u2029": "a·b·",
	} {
		if got := printable(said); got != want {
			t.Errorf("%q became %q, want %q", said, got, want)
		}
	}
}
