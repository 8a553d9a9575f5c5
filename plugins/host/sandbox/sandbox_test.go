package sandbox

import (
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"
)

func TestMain(m *testing.M) {
	Main()
	if deed := os.Getenv(deedKey); deed != "" {
		os.Exit(inside(deed))
	}
	os.Exit(m.Run())
}

func TestLevelsAndPoliciesAreReadStrictly(t *testing.T) {
	for l := None; l <= Full; l++ {
		if got, err := ParseLevel(l.String()); err != nil || got != l {
			t.Errorf("ParseLevel(%q) = %v, %v", l, got, err)
		}
	}
	for _, bad := range []string{"", "Full", "full ", "rlimits"} {
		if got, err := ParseLevel(bad); err == nil {
			t.Errorf("ParseLevel(%q) = %v, want an error", bad, got)
		}
	}
	for name, want := range map[string]Policy{"": BestEffort, "best-effort": BestEffort, "require-landlock": RequireLandlock, "require-full": RequireFull} {
		if got, err := ParsePolicy(name); err != nil || got != want {
			t.Errorf("ParsePolicy(%q) = %q, %v, want %q", name, got, err, want)
		}
	}
	if got, err := ParsePolicy("require"); err == nil {
		t.Errorf("ParsePolicy(require) = %q, want an error", got)
	}
}

func TestAPolicyIsMetFromItsLevelOn(t *testing.T) {
	for policy, least := range map[Policy]Level{"": None, BestEffort: None, RequireLandlock: Landlock, RequireFull: Full} {
		for l := None; l <= Full; l++ {
			if got, want := policy.Met(l), l >= least; got != want {
				t.Errorf("%q met by %s: %v, want %v", policy, l, got, want)
			}
		}
	}
}

func TestASpecSurvivesTheEnvironment(t *testing.T) {
	want := Spec{
		Level: Full, Path: "/p", Args: []string{"a b"}, Env: []string{"K=\n\"v\""}, Dir: "/d", Read: []string{"/r"}, Write: []string{"/w"},
		Grants: []string{"/g"}, Exec: []string{"/e"}, SharedMem: true, Limits: Limits{1, 2, 3, 4, 5}, Nice: 6, UID: 7, GID: 8,
	}
	variable, err := want.encode()
	if err != nil {
		t.Fatal(err)
	}
	raw, ok := strings.CutPrefix(variable, specKey+"=")
	if !ok {
		t.Fatalf("the variable is %s", variable)
	}
	if got, err := decode(raw); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
}

func TestBadSpecsAreRefused(t *testing.T) {
	good := Spec{Level: None, Path: "/p", Args: []string{"p"}, Dir: "/d"}
	if _, err := Command(good); err != nil {
		t.Fatal(err)
	}
	for words, spoil := range map[string]func(*Spec){
		"is not one of the sandbox": func(s *Spec) { s.Level = Full + 1 },
		"level 0":                   func(s *Spec) { s.Level = 0 },
		"needs its name":            func(s *Spec) { s.Args = nil },
		`"p" is not a clean`:        func(s *Spec) { s.Path = "p" },
		`"/" is not a clean`:        func(s *Spec) { s.Read = []string{"/"} },
		`"/a/../b" is not a clean`:  func(s *Spec) { s.Write = []string{"/a/../b"} },
		`"" is not a clean`:         func(s *Spec) { s.Dir = "" },
		`"/x/" is not a clean`:      func(s *Spec) { s.Grants = []string{"/x/"} },
		`"/a\x00b" is not a clean`:  func(s *Spec) { s.Exec = []string{"/a\x00b"} },
		"not negative":              func(s *Spec) { s.UID = -1 },
		"more than 102400":          func(s *Spec) { s.Env = []string{strings.Repeat("x", maxSpec)} },
	} {
		s := good
		s.Level = max(good.Level, RLimit)
		spoil(&s)
		if _, err := Command(s); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%+v: %v, want … %s …", s, err, words)
		}
	}
}

func FuzzDecode(f *testing.F) {
	good, err := json.Marshal(Spec{Level: Full, Path: "/p", Args: []string{"p"}, Dir: "/d", Read: []string{"/r"}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(good))
	f.Add(string(good) + "{}")
	f.Add(`{"level":"best"}`)
	f.Add(`{"root":true}`)
	f.Fuzz(func(t *testing.T, raw string) {
		s, err := decode(raw)
		if err != nil {
			return
		}
		if err := s.check(); err != nil {
			t.Errorf("%q was taken: %v", raw, err)
		}
	})
}
