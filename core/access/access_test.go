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

func TestASessionHoldsOnBothServers(t *testing.T) {
	d, s, c := house(t)
	session := logIn(t, d, "sam")
	peer := New(Config{cost: cheap, Now: func() time.Time { return c.now }}, s, wax("red"))
	got, err := peer.Identify(session.Text)
	if want := (core.Caller{Name: "sam", Role: core.Submitter}); err != nil || got != want {
		t.Errorf("the other server: got %+v %v, want %+v", got, err, want)
	}
	stranger := New(Config{cost: cheap}, &shelf{all: map[string][]byte{}}, wax("red"))
	_, err = stranger.Identify(session.Text)
	wantCode(t, "another pair", err, CodeUnauthorized)
}

func TestASessionEndsWhenItIsNotUsedAndAfterTwelveHours(t *testing.T) {
	d, _, c := house(t)
	began := c.now
	first := logIn(t, d, "sam")
	session := first
	for c.now.Sub(began) < 12*time.Hour-20*time.Minute {
		c.turn(20 * time.Minute)
		if _, err := d.Session(session.Text); err != nil {
			t.Fatalf("after %v: %v", c.now.Sub(began), err)
		}
		var err error
		if session, err = d.Renew(session); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := d.Session(first.Text); err == nil {
		t.Error("a text that was not renewed holds for hours")
	}
	c.turn(21 * time.Minute)
	_, err := d.Session(session.Text)
	wantCode(t, "after twelve hours", err, CodeUnauthorized)

	idle := logIn(t, d, "sam")
	c.turn(30 * time.Minute)
	_, err = d.Session(idle.Text)
	wantCode(t, "after thirty idle minutes", err, CodeUnauthorized)
}

func TestWhatEndsASession(t *testing.T) {
	for name, end := range map[string]func(*Directory, Session) error{
		"another password": func(d *Directory, _ Session) error {
			_, err := d.SetUser(context.Background(), "sam", Change{Password: "nine loud geese fly"}, "ada")
			return err
		},
		"another role": func(d *Directory, _ Session) error {
			_, err := d.SetUser(context.Background(), "sam", Change{Role: core.Operator}, "ada")
			return err
		},
		"removal": func(d *Directory, _ Session) error {
			_, err := d.RemoveUser(context.Background(), "sam", "ada")
			return err
		},
		"removal and another user of the name": func(d *Directory, _ Session) error {
			_, err := d.RemoveUser(context.Background(), "sam", "ada")
			_, err2 := d.SetUser(context.Background(), "sam", Change{core.Submitter, words}, "ada")
			return errors.Join(err, err2)
		},
		"logging out": func(d *Directory, s Session) error { d.LogOut(s); return nil },
	} {
		d, _, _ := house(t)
		session := logIn(t, d, "sam")
		if err := end(d, session); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		_, err := d.Identify(session.Text)
		wantCode(t, name, err, CodeUnauthorized)
		if _, err := d.Identify(logIn(t, d, "ada").Text); err != nil {
			t.Errorf("%s: another user's session ended: %v", name, err)
		}
	}
}

func TestAChangedByteEndsASession(t *testing.T) {
	d, _, _ := house(t)
	text := logIn(t, d, "sam").Text
	for i := range len(text) {
		b := []byte(text)
		b[i] ^= 1
		if _, err := d.Identify(string(b)); err == nil {
			t.Errorf("byte %d of a session's text may be changed", i)
		}
	}
}

func TestALostSecretKeyCostsSessionsOnly(t *testing.T) {
	d, s, c := house(t)
	session := logIn(t, d, "ada")
	restored := New(Config{cost: cheap, Now: func() time.Time { return c.now }}, s, wax("blue"))
	_, err := restored.Identify(session.Text)
	wantCode(t, "the old session", err, core.CodeSecret)
	if _, err := restored.Identify(logIn(t, restored, "ada").Text); err != nil {
		t.Errorf("a new log-in: %v", err)
	}
}

func TestNobodyLearnsWhoIsAUser(t *testing.T) {
	d, _, _ := house(t)
	_, unknown := d.LogIn(t.Context(), "nobody", words, "192.0.2.1")
	_, wrong := d.LogIn(t.Context(), "sam", "not the four ducks", "192.0.2.1")
	_, odd := d.LogIn(t.Context(), "No/Name", words, "192.0.2.1")
	wantCode(t, "unknown user", unknown, CodeUnauthorized)
	if unknown.Error() != wrong.Error() || odd.Error() != wrong.Error() {
		t.Errorf("told apart: %q, %q, %q", unknown, wrong, odd)
	}
}

func TestLogInsThatFailTooOftenHaveToWait(t *testing.T) {
	d, _, c := house(t)
	d.config.Now = func() time.Time { return c.now }
	for i := range 5 {
		_, err := d.LogIn(t.Context(), "sam", "wrong words again", "192.0.2.1")
		wantCode(t, fmt.Sprint("try ", i), err, CodeUnauthorized)
	}
	_, err := d.LogIn(t.Context(), "sam", words, "192.0.2.1")
	wantCode(t, "the sixth try, though it is right", err, CodeTooMany)
	if _, err := d.LogIn(t.Context(), "sam", words, "192.0.2.9"); err != nil {
		t.Errorf("from another address: %v; nobody may lock a user out", err)
	}
	c.turn(30 * time.Second)
	if _, err := d.LogIn(t.Context(), "sam", words, "192.0.2.1"); err != nil {
		t.Errorf("after the wait: %v", err)
	}
}

func TestTheLimiterStaysSmallAndCountsAddresses(t *testing.T) {
	l := newLimiter(300)
	now := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	passed := 0
	for i := range 2000 {
		if l.take(now, fmt.Sprint("name-", i), "192.0.2.1") == 0 {
			passed++
		}
	}
	if passed != rateAddress.burst {
		t.Errorf("%d tries from one address, want %d", passed, rateAddress.burst)
	}
	for i := range 2000 {
		l.take(now, "sam", network(fmt.Sprintf("198.51.%d.%d", i/256, i%256)))
	}
	if n := len(l.free.all); n > 300 {
		t.Errorf("%d entries, want at most 300", n)
	}
	if l.take(now, "sam", "203.0.113.1") == 0 {
		t.Error("a name may be tried from everywhere without end")
	}
	for range 50 {
		l.take(now, "eve", "2001:db8::/64")
		l.forget(now, "eve", "2001:db8::/64")
	}
	if wait := l.take(now, "eve", "2001:db8::/64"); wait != 0 {
		t.Errorf("right log-ins count: wait %v", wait)
	}
}

func TestOneCustomersNetworkIsOneAddress(t *testing.T) {
	for from, want := range map[string]string{
		"192.0.2.7": "192.0.2.7", "::ffff:192.0.2.7": "192.0.2.7", "2001:db8:1:2:3::4": "2001:db8:1:2::/64", "fe80::1%eth0": "fe80::/64", "pipe": "",
	} {
		if got := network(from); got != want {
			t.Errorf("%s: got %q, want %q", from, got, want)
		}
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
	for _, change := range []Change{{"king", words}, {core.Operator, "short"}, {core.Operator, strings.Repeat("a", 300)}, {core.Operator, ""}, {"", words}, {core.Operator, "\xff\xfe and more text"}} {
		_, err := d.SetUser(t.Context(), "new", change, "ada")
		wantCode(t, fmt.Sprintf("%.40v", change), err, core.CodeBadRequest)
	}
	_, _, err := d.AddToken(t.Context(), Wanted{Name: "old", Role: core.Operator, Expires: c.now.Add(-time.Second)}, "ada")
	wantCode(t, "a token of the past", err, core.CodeBadRequest)
}

func TestUsersChangeTheirOwnPasswords(t *testing.T) {
	d, _, _ := house(t)
	wantCode(t, "wrong old one", d.ChangePassword(t.Context(), "sam", "no ducks at all", "nine loud geese fly", "192.0.2.1"), CodeUnauthorized)
	if err := d.ChangePassword(t.Context(), "sam", words, "nine loud geese fly", "192.0.2.1"); err != nil {
		t.Fatal(err)
	}
	_, err := d.LogIn(t.Context(), "sam", words, "192.0.2.1")
	wantCode(t, "the old password", err, CodeUnauthorized)
	if _, err := d.LogIn(t.Context(), "sam", "nine loud geese fly", "192.0.2.1"); err != nil {
		t.Error(err)
	}
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

func TestWithoutItsSettingsNothingIsDecided(t *testing.T) {
	d, s, _ := house(t)
	session := logIn(t, d, "ada")
	s.err = &core.Failure{Code: core.CodeDataDown, Detail: "no disk"}
	_, err := d.Identify(session.Text)
	wantCode(t, "a session", err, core.CodeDataDown)
	_, err = d.LogIn(t.Context(), "ada", words, "192.0.2.1")
	wantCode(t, "a log-in", err, core.CodeDataDown)
	if open, err := d.Open(); open || err == nil {
		t.Errorf("open: got %v %v, want an error", open, err)
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

func FuzzCredentials(f *testing.F) {
	c := &clock{time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)}
	d := New(Config{cost: cheap, Now: func() time.Time { return c.now }}, &shelf{all: map[string][]byte{}}, wax("red"))
	if _, err := d.SetUser(f.Context(), "ada", Change{core.Administrator, words}, ""); err != nil {
		f.Fatal(err)
	}
	session, err := d.LogIn(f.Context(), "ada", words, "192.0.2.1")
	if err != nil {
		f.Fatal(err)
	}
	_, token, err := d.AddToken(f.Context(), Wanted{Name: "mfd", Role: core.Submitter}, "ada")
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{"twt_000000000000_x", "tws_e30.x", "tws_.", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		caller, err := d.Identify(text)
		if err == nil && text != session.Text && text != token {
			t.Errorf("%q is %+v", text, caller)
		}
	})
}

func FuzzHash(f *testing.F) {
	f.Add(hashed{present, make([]byte, 16), make([]byte, 32)}.String())
	f.Add("$argon2id$v=19$m=8,t=1,p=1$$")
	f.Fuzz(func(t *testing.T, text string) {
		h, err := parseHash(text)
		if err == nil && (h.String() != text || !h.cost.bearable()) {
			t.Errorf("%q is read as %q", text, h)
		}
	})
}
