package access

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
)

// GS5, and more than it asks: nobody logs in again after a failover.
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
