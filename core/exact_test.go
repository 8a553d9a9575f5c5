package core

import (
	"strings"
	"testing"
)

// What is sealed of a setting is found by the names of its fields as they are written.
func TestASettingHasEachFieldOnceAndByItsVeryName(t *testing.T) {
	for bad, words := range map[string]string{
		`{"plugin":"p","Settings":{"token":"hunter2"}}`:                          `unknown field "Settings"`,
		`{"plugin":"p","ſettings":{"token":"hunter2"}}`:                          `unknown field`,
		`{"plugin":"p","settings":{"token":"hunter2"},"settings":{}}`:            "/settings is there twice",
		`{"plugin":"p","settings":{"token":"hunter2","token":""}}`:               "/settings/token is there twice",
		`{"plugin":"p","settings":{"to":[{},{"token":"hunter2","token":""}]}}`:   "/settings/to/1/token is there twice",
		`{"plugin":"p","settings":{"a":{"b":1,"c":[],"b":2}},"plugin":"folder"}`: "/settings/a/b is there twice",
	} {
		if _, err := ParseDestination([]byte(bad)); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%s: %v, want … %s …", bad, err, words)
		}
	}
	for _, bad := range []string{
		`{"filters":[{"plugin":"p","Settings":{"token":"hunter2"}}]}`, `{"Filters":[{"plugin":"p"}]}`, `{"assembler":{"PLUGIN":"p"}}`,
		`{"indexers":[{"plugin":"p","settings":{"token":"hunter2","token":""}}]}`, `{"limits":{"Pages":1}}`, `{"limits":{"pages":1},"limits":{}}`,
	} {
		if p, err := ParseProfile([]byte(bad)); err == nil {
			t.Errorf("%s: %+v, want an error", bad, p)
		}
	}
	good := `{"filters":["p",{"plugin":"p","component":"c","settings":{"A":{"a":1},"a":[{"x":1},{"x":2}]}}],"assembler":null,"split":"separator","limits":{"pages":1}}`
	if _, err := ParseProfile([]byte(good)); err != nil {
		t.Errorf("%s: %v", good, err)
	}
}

func FuzzExact(f *testing.F) {
	f.Add(`{"plugin":"p","settings":{"a":[1,{"b":null}]}}`)
	f.Add(`{"plugin":"p","plugin":"q"}`)
	f.Add(`{"a":{`)
	f.Fuzz(func(t *testing.T, value string) {
		if d, err := ParseDestination([]byte(value)); err == nil && d.Plugin == "" {
			t.Errorf("%s names no plug-in", value)
		}
	})
}
