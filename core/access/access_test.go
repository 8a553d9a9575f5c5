package access

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
)

// shelf keeps settings in memory, as the journal's fold does.
type shelf struct {
	mu  sync.Mutex // guards all and err
	all map[string][]byte
	err error
}

func (s *shelf) Setting(key string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all[key], s.err
}

func (s *shelf) Settings(prefix string) (map[string][]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := maps.Clone(s.all)
	maps.DeleteFunc(out, func(k string, _ []byte) bool { return !strings.HasPrefix(k, prefix) })
	return out, s.err
}

func (s *shelf) SetSetting(_ context.Context, key string, value []byte, _ string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if value == nil {
		delete(s.all, key)
		return s.err
	}
	s.all[key] = value
	return s.err
}

// wax seals by writing the place before the text; another wax does not open it.
type wax string

func (w wax) Seal(place, clear string) (string, error) {
	return core.SealedPrefix + base64.StdEncoding.EncodeToString([]byte(string(w)+place+"\x00"+clear)), nil
}

func (w wax) Open(place, sealed string) (string, error) {
	raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(sealed, core.SealedPrefix))
	clear, ok := strings.CutPrefix(string(raw), string(w)+place+"\x00")
	if err != nil || !ok {
		return "", errors.New("another key")
	}
	return clear, nil
}

// clock is one that tests turn.
type clock struct{ now time.Time }

func (c *clock) turn(d time.Duration) { c.now = c.now.Add(d) }

// cheap hashes in no time.
var cheap = cost{memory: 64, time: 1, lanes: 1}

const words = "four quiet ducks swim"

// house is a directory with the administrator ada and the submitter sam.
func house(t *testing.T) (*Directory, *shelf, *clock) {
	t.Helper()
	c := &clock{time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)}
	s := &shelf{all: map[string][]byte{}}
	d := New(Config{cost: cheap, Now: func() time.Time { return c.now }}, s, wax("red"))
	set(t, d, "ada", core.Administrator)
	set(t, d, "sam", core.Submitter)
	return d, s, c
}

func set(t *testing.T, d *Directory, name string, role core.Role) {
	t.Helper()
	if _, err := d.SetUser(t.Context(), name, Change{role, words}, "test"); err != nil {
		t.Fatal(err)
	}
}

func logIn(t *testing.T, d *Directory, name string) Session {
	t.Helper()
	s, err := d.LogIn(t.Context(), name, words, "192.0.2.1")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func wantCode(t *testing.T, what string, err error, code string) {
	t.Helper()
	if err == nil || core.AsFailure(err).Code != code {
		t.Errorf("%s: got %v, want a failure of code %s", what, err, code)
	}
}

func TestTheFirstIsAnAdministratorAndOneRemains(t *testing.T) {
	ctx := t.Context()
	d := New(Config{cost: cheap}, &shelf{all: map[string][]byte{}}, wax("red"))
	_, err := d.SetUser(ctx, "sam", Change{core.Submitter, words}, "")
	wantCode(t, "a submitter first", err, core.CodeConflict)
	_, _, err = d.AddToken(ctx, Wanted{Name: "mfd", Role: core.Submitter}, "")
	wantCode(t, "a submitter's token first", err, core.CodeConflict)
	_, _, err = d.AddToken(ctx, Wanted{Name: "mfd", Role: core.Administrator, Expires: time.Now().Add(time.Hour)}, "")
	wantCode(t, "a token that ends first", err, core.CodeConflict)
	if open, err := d.Open(); err != nil || !open {
		t.Errorf("open: got %v %v after refusals, want true", open, err)
	}

	set(t, d, "ada", core.Administrator)
	set(t, d, "sam", core.Submitter)
	if open, err := d.Open(); err != nil || open {
		t.Errorf("open: got %v %v with users, want false", open, err)
	}
	_, err = d.RemoveUser(ctx, "ada", "ada")
	wantCode(t, "removing the only administrator", err, core.CodeConflict)
	_, err = d.SetUser(ctx, "ada", Change{Role: core.Operator}, "ada")
	wantCode(t, "making the only administrator less", err, core.CodeConflict)

	if open, err := d.RemoveUser(ctx, "sam", "ada"); err != nil || open {
		t.Errorf("removing the other: got %v %v, want false", open, err)
	}
	if open, err := d.RemoveUser(ctx, "ada", "ada"); err != nil || !open {
		t.Errorf("removing the last: got %v %v, want true: it is open again", open, err)
	}
}

func TestTokens(t *testing.T) {
	ctx := t.Context()
	d, s, c := house(t)
	made, text, err := d.AddToken(ctx, Wanted{Name: "mfd-3", Role: core.Submitter, Expires: c.now.Add(time.Hour)}, "ada")
	if err != nil {
		t.Fatal(err)
	}
	got, err := d.Identify(text)
	if want := (core.Caller{Name: "token:mfd-3", Role: core.Submitter}); err != nil || got != want {
		t.Errorf("got %+v %v, want %+v", got, err, want)
	}
	for key, value := range s.all {
		if strings.Contains(string(value), strings.SplitN(text, "_", 3)[2]) {
			t.Errorf("setting %s holds the secret: %s", key, value)
		}
	}
	for _, wrong := range []string{text + "x", text[:len(text)-1], "twt_" + made.ID + "_", "twt_000000000000_x", "twt_", "", "Bearer"} {
		_, err := d.Identify(wrong)
		wantCode(t, wrong, err, CodeUnauthorized)
	}
	_, _, err = d.AddToken(ctx, Wanted{Name: "mfd-3", Role: core.Operator}, "ada")
	wantCode(t, "the same name again", err, core.CodeConflict)
	if list, err := d.Tokens(); err != nil || len(list) != 1 || !list[0].Used.Equal(c.now) {
		t.Errorf("got %+v %v, want one token that was used now", list, err)
	}
	c.turn(time.Hour)
	_, err = d.Identify(text)
	wantCode(t, "after its end", err, CodeUnauthorized)
	c.turn(-time.Minute)
	if _, err := d.RemoveToken(ctx, "mfd-3", "ada"); err != nil {
		t.Fatal(err)
	}
	_, err = d.Identify(text)
	wantCode(t, "after its removal", err, CodeUnauthorized)
	_, err = d.RemoveToken(ctx, "mfd-3", "ada")
	wantCode(t, "removed twice", err, core.CodeUnknown)
}

func TestNamesRolesAndPasswordsAreChecked(t *testing.T) {
	d, _, c := house(t)
	for _, name := range []string{"", "Ada", "a/b", "-a", "token:a", strings.Repeat("a", 65), "a b", "ä"} {
		_, err := d.SetUser(t.Context(), name, Change{core.Operator, words}, "ada")
		wantCode(t, "name "+name, err, core.CodeBadRequest)
	}
	for _, change := range []Change{{"king", words}, {core.Worker, words}, {core.Operator, "short"}, {core.Operator, strings.Repeat("a", 300)}, {core.Operator, ""}, {"", words}, {core.Operator, "\xff\xfe and more text"}} {
		_, err := d.SetUser(t.Context(), "new", change, "ada")
		wantCode(t, fmt.Sprintf("%.40v", change), err, core.CodeBadRequest)
	}
	_, _, err := d.AddToken(t.Context(), Wanted{Name: "old", Role: core.Operator, Expires: c.now.Add(-time.Second)}, "ada")
	wantCode(t, "a token of the past", err, core.CodeBadRequest)
}

func TestPasswordsAndKeysAreNotInTheSettings(t *testing.T) {
	d, s, _ := house(t)
	logIn(t, d, "ada")
	var form struct{ Key any }
	if err := json.Unmarshal(s.all[sessionKey], &form); err != nil {
		t.Fatal(err)
	}
	if _, sealed := core.Sealed(form.Key); !sealed {
		t.Errorf("the session key is not sealed: %s", s.all[sessionKey])
	}
	for key, value := range s.all {
		if strings.Contains(string(value), words) {
			t.Errorf("%s holds a password: %s", key, value)
		}
		if !Private(key) {
			t.Errorf("%s is shown with the other settings", key)
		}
	}
	if Private("profile/x") || Private("users/x") {
		t.Error("other settings are hidden")
	}
}

func TestPasswordsAreHashedAsOWASPRecommends(t *testing.T) {
	d := New(Config{}, &shelf{all: map[string][]byte{}}, wax("red"))
	set(t, d, "ada", core.Administrator)
	u, err := d.user("ada")
	if err != nil || !strings.HasPrefix(u.Password, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("got %+v %v", u, err)
	}
	if _, err := d.LogIn(t.Context(), "ada", words, "192.0.2.1"); err != nil {
		t.Error(err)
	}
}

func TestAHashInTheSettingsCannotAskForMuch(t *testing.T) {
	good := hashed{present, make([]byte, 16), make([]byte, 32)}.String()
	if _, err := parseHash(good); err != nil {
		t.Fatal(err)
	}
	for _, cost := range []cost{{1 << 30, 2, 1}, {19 << 10, 1000, 1}, {19 << 10, 2, 200}, {0, 2, 1}, {64, 0, 1}} {
		if _, err := parseHash(hashed{cost, make([]byte, 16), make([]byte, 32)}.String()); err == nil {
			t.Errorf("%+v is taken", cost)
		}
	}
}
