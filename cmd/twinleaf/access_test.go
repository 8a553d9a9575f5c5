package main

import (
	"strings"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
)

func TestUsersAndTokensAreNoSettings(t *testing.T) {
	s := settings{newLive()}
	for _, key := range []string{"user/ada", "token/0123", "access/session-key"} {
		for what, err := range map[string]error{
			"set":   s.SetSetting(t.Context(), key, []byte("{}"), "ada"),
			"check": s.CheckSettings(t.Context(), map[string][]byte{"profile/x": nil, key: nil}),
		} {
			if err == nil || core.AsFailure(err).Code != core.CodeBadRequest {
				t.Errorf("%s %s: got %v, want a refusal", what, key, err)
			}
		}
	}
	if err := s.SetSetting(t.Context(), "profile/x", nil, "ada"); err == nil || core.AsFailure(err).Code != core.CodeDataDown {
		t.Errorf("another setting: got %v, want that the data service is away", err)
	}
}

func TestTimesOfTokens(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"": {}, "24h": now.Add(24 * time.Hour), "2026-03-05": time.Date(2026, 3, 5, 23, 59, 59, 0, time.UTC),
	} {
		if got, err := parseEnd(text, now); err != nil || !got.Equal(want) {
			t.Errorf("%q: got %v %v, want %v", text, got, err, want)
		}
	}
	if _, err := parseEnd("tomorrow", now); code(err) != exitUsage {
		t.Errorf("got %v, want a usage error", err)
	}
}

func TestAPasswordIsTheFirstLineOfAPipe(t *testing.T) {
	for in, want := range map[string]string{"four ducks\n": "four ducks", "four ducks": "four ducks", " a b \r\nmore\n": " a b "} {
		a := &app{std: streams{in: strings.NewReader(in)}}
		if got, err := a.newPassword(t.Context(), "ada"); err != nil || got != want {
			t.Errorf("%q: got %q %v, want %q", in, got, err, want)
		}
	}
	a := &app{std: streams{in: strings.NewReader("\n")}}
	if _, err := a.password(t.Context(), "Password: "); code(err) != exitUsage {
		t.Errorf("nothing: got %v, want a usage error", err)
	}
}
