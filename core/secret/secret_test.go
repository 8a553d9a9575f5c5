package secret

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twinleaf-scan/twinleaf/core"
)

// fields is a Finder that calls the same pointers secret of every plug-in.
type fields []string

func (f fields) Secrets(context.Context, core.StepKind, core.Step) ([]string, error) { return f, nil }

// Reach takes the field url to name a host.
func (f fields) Reach(_ context.Context, _ core.StepKind, s core.Step) ([]string, error) {
	var set struct{ URL string }
	if err := json.Unmarshal(s.Settings, &set); err != nil {
		return nil, err
	}
	u, err := url.Parse(set.URL)
	if err != nil || u.Host == "" {
		return nil, err
	}
	return []string{u.Host}, nil
}

func keeper(t *testing.T, secrets ...string) *Keeper {
	t.Helper()
	k, err := NewKeeper(Key{1}, fields(secrets))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestASealedSecretOpensInItsPlaceAlone(t *testing.T) {
	box, err := NewBox(Key{1})
	if err != nil {
		t.Fatal(err)
	}
	sealed := box.Seal("a", "hunter2")
	if sealed == box.Seal("a", "hunter2") {
		t.Error("sealed twice it is the same: the nonce is not random")
	}
	if got, err := box.Open("a", sealed); got != "hunter2" || err != nil {
		t.Errorf("opened: %q, %v", got, err)
	}
	other, err := NewBox(Key{2})
	if err != nil {
		t.Fatal(err)
	}
	other1 := "A"
	if sealed[20] == 'A' {
		other1 = "B"
	}
	changed := sealed[:20] + other1 + sealed[21:]
	for name, open := range map[string]func() (string, error){
		"another place":   func() (string, error) { return box.Open("b", sealed) },
		"another key":     func() (string, error) { return other.Open("a", sealed) },
		"changed":         func() (string, error) { return box.Open("a", changed) },
		"cut":             func() (string, error) { return box.Open("a", sealed[:20]) },
		"nothing":         func() (string, error) { return box.Open("a", "v1:") },
		"not Base64":      func() (string, error) { return box.Open("a", "v1:!") },
		"unknown sealing": func() (string, error) { return box.Open("a", "v2"+sealed[2:]) },
	} {
		if got, err := open(); err == nil || got != "" {
			t.Errorf("%s: got %q, %v, want an error", name, got, err)
		}
	}
}

const (
	destination = `{"plugin":"webhook","settings":{"url":"https://a.example/x","token":"hunter2","n":12345678901234567890}}`
	key         = "destination/archive"
)

func seal(t *testing.T, k *Keeper, key, value, old string) string {
	t.Helper()
	got, err := k.Seal(t.Context(), key, []byte(value), []byte(old))
	if err != nil {
		t.Fatal(err)
	}
	return string(got)
}

func settingsOf(t *testing.T, value string) json.RawMessage {
	t.Helper()
	var v struct{ Settings json.RawMessage }
	if err := json.Unmarshal([]byte(value), &v); err != nil {
		t.Fatal(err)
	}
	return v.Settings
}

func TestADestinationIsSealedMaskedAndOpened(t *testing.T) {
	k := keeper(t, "/token")
	sealed := seal(t, k, key, destination, "")
	if strings.Contains(sealed, "hunter2") || !strings.Contains(sealed, `"sealed":"v1:`) || !strings.Contains(sealed, "12345678901234567890") {
		t.Fatalf("sealed: %s", sealed)
	}
	want := `{"plugin":"webhook","settings":{"n":12345678901234567890,"token":"********","url":"https://a.example/x"}}`
	if got := string(core.MaskSecrets([]byte(sealed))); got != want {
		t.Errorf("masked: %s", got)
	}
	clear, hidden, err := k.OpenDestination("archive", settingsOf(t, sealed))
	if err != nil || string(clear) != `{"n":12345678901234567890,"token":"hunter2","url":"https://a.example/x"}` {
		t.Errorf("opened: %s, %v", clear, err)
	}
	if got := hidden.Text("sign-in with hunter2 failed"); got != "sign-in with ******** failed" {
		t.Errorf("hidden: %q", got)
	}
	_, _, err = k.OpenDestination("other", settingsOf(t, sealed))
	f, ok := errors.AsType[*core.Failure](err)
	if !ok || f.Code != core.CodeSecret || f.Permanent || !strings.Contains(f.Detail, "/token") || !strings.Contains(f.Remedy, "destination set other") {
		t.Errorf("under another name: %+v", err)
	}
}

func TestWhatIsNotSecretIsLeftAsItIs(t *testing.T) {
	k := keeper(t)
	if got := seal(t, k, key, destination, ""); got != destination {
		t.Errorf("no secret field: %s", got)
	}
	if got := seal(t, keeper(t, "/token"), "other/thing", destination, ""); got != destination {
		t.Errorf("no settings of a plug-in: %s", got)
	}
	step := core.Step{Plugin: "p", Settings: json.RawMessage(`{ "a": 1 }`)}
	if got, hidden, err := k.OpenStep(core.StepFilter, step); string(got.Settings) != `{ "a": 1 }` || hidden != nil || err != nil {
		t.Errorf("opened: %+v, %v, %v", got, hidden, err)
	}
}

func TestTheMaskKeepsASecret(t *testing.T) {
	k := keeper(t, "/token")
	old := seal(t, k, key, destination, "")
	shown := string(core.MaskSecrets([]byte(old)))
	moved := strings.Replace(shown, "/x", "/y", 1)
	back, err := k.Restore(t.Context(), key, []byte(moved), []byte(old))
	if err != nil || !strings.Contains(string(back), `"token":"hunter2"`) || !strings.Contains(string(back), "/y") {
		t.Fatalf("restored: %s, %v", back, err)
	}
	again := seal(t, k, key, string(back), old)
	if settingsOf(t, again) == nil || !strings.Contains(again, old[strings.Index(old, "v1:"):strings.Index(old, `"},"url`)]) {
		t.Errorf("an unchanged secret was sealed anew: %s, before %s", again, old)
	}
	// Even when the plug-in's schema forgets that it is one.
	if got := seal(t, keeper(t), key, string(back), old); strings.Contains(got, "hunter2") {
		t.Errorf("a sealed secret came to light: %s", got)
	}
}

func TestAMaskWithoutASecretIsRefused(t *testing.T) {
	k := keeper(t, "/token")
	old := seal(t, k, key, destination, "")
	shown := string(core.MaskSecrets([]byte(old)))
	otherKey, err := NewKeeper(Key{9}, fields{"/token"})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		keeper     *Keeper
		value, old string
		words      string
	}{
		"nothing was set":  {k, shown, "", "/settings/token"},
		"another plug-in":  {k, strings.Replace(shown, "webhook", "pigeon", 1), old, "none for this plug-in"},
		"another field":    {k, strings.Replace(shown, `"token"`, `"password"`, 1), old, "/settings/password"},
		"a sealed one":     {k, old, old, "only the server writes"},
		"the key was lost": {otherKey, shown, old, "cannot be kept"},
		"sent elsewhere":   {k, strings.Replace(shown, "a.example", "evil.example", 1), old, "now names evil.example"},
		"not a secret":     {k, strings.Replace(shown, "https://a.example/x", core.Mask, 1), old, "/settings/url"},
	} {
		got, err := c.keeper.Restore(t.Context(), key, []byte(c.value), []byte(c.old))
		if f := core.AsFailure(err); err == nil || f.Code != core.CodeBadRequest || !strings.Contains(f.Detail, c.words) || f.Remedy == "" {
			t.Errorf("%s: got %s, %v", name, got, err)
		}
	}
}

func TestItemsOfAListKeepTheirOwnSecrets(t *testing.T) {
	k := keeper(t, "/to/0/token", "/to/1/token")
	value := `{"plugin":"p","settings":{"to":[{"url":"a","token":"first"},{"url":"b","token":"second"}]}}`
	old := seal(t, k, key, value, "")
	back, err := k.Restore(t.Context(), key, []byte(`{"plugin":"p","settings":{"to":[{"url":"b","token":"********"}]}}`), []byte(old))
	if want := `{"plugin":"p","settings":{"to":[{"token":"second","url":"b"}]}}`; err != nil || string(back) != want {
		t.Errorf("first item removed: %s, %v, want %s", back, err, want)
	}
	if got, err := k.Restore(t.Context(), key, []byte(`{"plugin":"p","settings":{"to":[{"url":"c","token":"********"}]}}`), []byte(old)); err == nil {
		t.Errorf("an item that was not there: %s, want a refusal", got)
	}
}

func TestStepsOfAProfileGoIntoJobs(t *testing.T) {
	k := keeper(t, "/token")
	value := `{"filters":["leptonica",{"plugin":"f","settings":{"token":"one"}},{"plugin":"f","component":"c","settings":{"token":"two"}}],` +
		`"recognizer":{"plugin":"r","settings":{"token":"three"}},"indexers":[{"plugin":"i","settings":{"token":"four"}}],"assembler":{"plugin":"a","settings":{"token":"five"}}}`
	sealed := seal(t, k, "profile/x", value, "")
	profile, err := core.ParseProfile([]byte(sealed))
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(sealed, `"sealed"`); n != 5 {
		t.Fatalf("%d sealed, want 5: %s", n, sealed)
	}
	var got []string
	for kind, step := range profile.Options.Steps() {
		clear, _, err := k.OpenStep(kind, step)
		got = append(got, fmt.Sprintf("%s %s %s", kind, clear.Settings, errorText(err)))
	}
	want := `filter  ,filter {"token":"one"} ,filter {"token":"two"} ,recognizer {"token":"three"} ,indexer {"token":"four"} ,assembler {"token":"five"} `
	if strings.Join(got, ",") != want {
		t.Errorf("opened %q, want %q", strings.Join(got, ","), want)
	}
	wrong := profile.Filters[1]
	wrong.Plugin = "thief"
	if _, _, err := k.OpenStep(core.StepFilter, wrong); core.AsFailure(err).Code != core.CodeSecret {
		t.Errorf("given to another plug-in: %v", err)
	}
	// Steps that changed places keep their secrets.
	swapped := `{"filters":[{"plugin":"f","component":"c","settings":{"token":"********"}},{"plugin":"f","settings":{"token":"********"}}]}`
	back, err := k.Restore(t.Context(), "profile/x", []byte(swapped), []byte(sealed))
	if want := `{"filters":[{"component":"c","plugin":"f","settings":{"token":"two"}},{"plugin":"f","settings":{"token":"one"}}]}`; err != nil || string(back) != want {
		t.Errorf("swapped: %s, %v", back, err)
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestErrorsDoNotTellSecrets(t *testing.T) {
	h := hiding([]string{"hunter2", "hunter2-long", "abc"})
	err := h.Error(fmt.Errorf("call: %w", &core.Failure{Code: "x", Detail: "no hunter2-long, no hunter2, abc", Remedy: "drop hunter2", Permanent: true}))
	f, ok := errors.AsType[*core.Failure](err)
	if want := (core.Failure{Code: "x", Detail: "no ********, no ********, abc", Remedy: "drop ********", Permanent: true}); !ok || *f != want {
		t.Errorf("got %+v, want %+v", err, want)
	}
	if err := h.Error(errors.New("hunter2")); err.Error() != core.Mask {
		t.Errorf("plain error: %v", err)
	}
	if h.Error(nil) != nil || h.Error(context.Canceled) != context.Canceled {
		t.Error("what tells nothing was changed")
	}
}

func TestTheKeyIsMadeOnceAndFound(t *testing.T) {
	data, none := t.TempDir(), func(string) string { return "" }
	first, err := Load(data, none)
	if err != nil || first == (Key{}) {
		t.Fatalf("first: %v, %v", first == (Key{}), err)
	}
	path := filepath.Join(data, "secret.key")
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 || info.Size() != 32 {
		t.Errorf("file: %v, %v", info, err)
	}
	if again, err := Load(data, none); err != nil || again != first {
		t.Errorf("again: another key, %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(data, ".secret*")); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	if got := fmt.Sprintf("%v %s %+v %#v", first, first, first, first); got != "******** ******** ******** ********" {
		t.Errorf("a key prints as %s", got)
	}
	if imported, err := Import(first.Export() + "\n"); err != nil || imported != first {
		t.Errorf("export and import: %v", err)
	}
	if _, err := Import("c2hvcnQ="); err == nil {
		t.Error("a short key was imported")
	}
}

func TestWhereTheKeyMayLie(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, b byte, n int) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(strings.Repeat(string(b), n)), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	named, short := write("named", 'n', 32), write("short", 's', 31)
	write("twinleaf-secret-key", 'c', 32)
	open := filepath.Join(t.TempDir(), "secret.key")
	if err := os.WriteFile(open, []byte(strings.Repeat("o", 32)), 0o644); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		env  map[string]string
		data string
		want byte // of the key; 0: an error
	}{
		"named by the environment":     {map[string]string{FileKey: named, credentialsKey: dir}, t.TempDir(), 'n'},
		"credential of systemd":        {map[string]string{credentialsKey: dir}, t.TempDir(), 'c'},
		"named but not there":          {map[string]string{FileKey: filepath.Join(dir, "none")}, t.TempDir(), 0},
		"too short":                    {map[string]string{FileKey: short}, t.TempDir(), 0},
		"readable by others":           {nil, filepath.Dir(open), 0},
		"credentials of somebody else": {map[string]string{credentialsKey: filepath.Dir(open)}, dir + "/new", 1},
	} {
		key, err := Load(c.data, func(name string) string { return c.env[name] })
		switch {
		case c.want == 0 && err == nil, c.want > 0 && err != nil, c.want > 1 && key[0] != c.want:
			t.Errorf("%s: key begins with %q, %v", name, key[0], err)
		}
	}
}

func FuzzRestore(f *testing.F) {
	k, err := NewKeeper(Key{1}, fields{"/token"})
	if err != nil {
		f.Fatal(err)
	}
	old, err := k.Seal(f.Context(), key, []byte(destination), nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(destination))
	f.Add(core.MaskSecrets(old))
	f.Add([]byte(`{"plugin":"webhook","settings":{"token":["********",{"sealed":"v1:"}]}}`))
	f.Fuzz(func(t *testing.T, value []byte) {
		if !json.Valid(value) {
			return
		}
		back, err := k.Restore(t.Context(), key, value, old)
		if err != nil {
			return
		}
		sealed, err := k.Seal(t.Context(), key, back, old)
		if err != nil || !json.Valid(sealed) {
			t.Errorf("%s: sealed %s, %v", back, sealed, err)
		}
	})
}
