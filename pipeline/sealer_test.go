package pipeline

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/twinleaf-scan/twinleaf/core"
)

// sealer seals the word hunter2, whatever is asked.
type sealer struct{ broken error }

const (
	clearSecret  = `"hunter2"`
	sealedSecret = `{"sealed":"v1:aHVudGVyMg=="}`
)

func (s sealer) Restore(_ context.Context, _ string, value, old []byte) ([]byte, error) {
	if bytes.Contains(value, []byte(core.Mask)) && !bytes.Contains(old, []byte(sealedSecret)) {
		return nil, core.Refuse(core.CodeBadRequest, "give it", "nothing to keep")
	}
	return bytes.ReplaceAll(value, []byte(`"`+core.Mask+`"`), []byte(clearSecret)), nil
}

func (s sealer) Seal(_ context.Context, _ string, value, _ []byte) ([]byte, error) {
	return bytes.ReplaceAll(value, []byte(clearSecret), []byte(sealedSecret)), s.broken
}

func TestSecretsOfSettingsAreJournaledSealed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked []string
		r := newRig(t, Config{
			Sealer: sealer{},
			CheckStep: func(_ context.Context, _ core.StepKind, s core.Step) error {
				asked = append(asked, string(s.Settings))
				return nil
			},
		}, 1)
		set := func(value string) {
			t.Helper()
			if err := r.SetSetting(t.Context(), "destination/x", []byte(value), "me"); err != nil {
				t.Fatal(err)
			}
		}
		set(`{"plugin":"p","settings":{"token":"hunter2"}}`)
		shown := `{"plugin":"p","settings":{"token":"********"}}`
		if got := string(r.Settings()["destination/x"]); got != shown {
			t.Errorf("shown: %s", got)
		}
		kept, revision := r.stored("destination/x")
		if want := `{"plugin":"p","settings":{"token":` + sealedSecret + `}}`; kept != want {
			t.Errorf("kept: %s, want %s", kept, want)
		}
		if err := r.CheckSettings(t.Context(), map[string][]byte{"destination/x": []byte(shown)}); err != nil {
			t.Errorf("check: %v", err)
		}
		set(shown)
		if again, now := r.stored("destination/x"); again != kept || now != revision {
			t.Errorf("what is shown, set again: %s, revision %d after %d; want no change", again, now, revision)
		}
		if want := `{"token":"hunter2"}`; strings.Join(asked, " ") != want+" "+want+" "+want {
			t.Errorf("the plug-in was asked about %q", asked)
		}
		wantCode(t, r.SetSetting(t.Context(), "destination/y", []byte(shown), "me"), core.CodeBadRequest)
		wantCode(t, r.SetSetting(t.Context(), "destination/y", []byte(`{`), "me"), core.CodeBadRequest)
		if err := r.SetSetting(t.Context(), "destination/x", nil, "me"); err != nil {
			t.Errorf("remove: %v", err)
		}
		r.end()
	})
}

func TestAProfileIsCheckedAsItIsSealed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Config{Sealer: sealer{}}, 1)
		big := `{"filters":[{"plugin":"p","settings":{"token":"hunter2","more":"` + strings.Repeat("x", 64<<10-40) + `"}}]}`
		wantCode(t, r.SetSetting(t.Context(), "profile/x", []byte(big), "me"), core.CodeBadRequest)
		if err := r.SetSetting(t.Context(), "profile/x", []byte(strings.Replace(big, "xxxxxxxxxx", "", 10)), "me"); err != nil {
			t.Errorf("a smaller one: %v", err)
		}
		r.end()
	})
}

func TestASettingThatCannotBeSealedIsNotSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("no plug-in to ask")
		r := newRig(t, Config{Sealer: sealer{broken}}, 1)
		if err := r.SetSetting(t.Context(), "destination/x", []byte(`{"plugin":"p"}`), "me"); !errors.Is(err, broken) {
			t.Errorf("got %v", err)
		}
		if got := r.Settings(); len(got) != 0 {
			t.Errorf("settings: %q", got)
		}
		r.end()
	})
}

// stored is a setting as it lies in the state.
func (r *rig) stored(key string) (value string, revision int) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	s, _ := r.state.Setting(key)
	return string(s.Value), s.Revision
}
