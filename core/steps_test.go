package core

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

func TestProfileNamesItsPlugins(t *testing.T) {
	got, err := ParseProfile([]byte(`{
		"readers": ["dicom"],
		"filters": ["leptonica", "acme.clean/despeckle", {"plugin": "separator", "settings": { "patch" : ["T"] }}],
		"recognizer": {"settings": {"psm": 6}}, "assembler": "pdf",
		"indexers": [{"plugin": "dates", "settings": null}],
		"split": ["blank", "separator"]}`))
	if err != nil {
		t.Fatal(err)
	}
	want := Options{
		Readers:    []string{"dicom"},
		Filters:    []Step{{Plugin: "leptonica"}, {Plugin: "acme.clean", Component: "despeckle"}, {Plugin: "separator", Settings: json.RawMessage(`{"patch":["T"]}`)}},
		Recognizer: &Step{Settings: json.RawMessage(`{"psm":6}`)}, Assembler: &Step{Plugin: "pdf"},
		Indexers: []Step{{Plugin: "dates"}},
		Split:    &Split{At: []string{SplitBlank, SplitSeparator}},
	}
	if !reflect.DeepEqual(got.Options, want) {
		t.Errorf("got %+v\nwant %+v", got.Options, want)
	}
	var named []string
	for kind, s := range got.Steps() {
		named = append(named, fmt.Sprintf("%s %s", kind, s))
	}
	if text, want := strings.Join(named, "; "), "reader dicom; filter leptonica; filter acme.clean/despeckle; filter separator; recognizer the server's own; indexer dates; assembler pdf"; text != want {
		t.Errorf("steps:\n got %s\nwant %s", text, want)
	}
	stored, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	again, err := ParseProfile(stored)
	if err != nil || !reflect.DeepEqual(again, got) {
		t.Errorf("what is stored comes back as %+v, %v", again, err)
	}
}

func TestProfilesThatCannotBe(t *testing.T) {
	for text, want := range map[string]string{
		`{"filters": [{"plugin": "a", "setings": {}}]}`:      "setings",
		`{"filters": ["a/"]}`:                                "step",
		`{"filters": [""]}`:                                  "step",
		`{"filters": ["../evil"]}`:                           "name",
		`{"filters": ["a b"]}`:                               "name",
		`{"filters": [{"plugin": "a", "settings": [1]}]}`:    "no object",
		`{"filters": ["a","a","a","a","a","a","a","a","a"]}`: "too many",
		`{"readers": [""]}`:                                  "without a name",
		`{"indexers": [7]}`:                                  "step",
		`{"split": "page"}`:                                  "no place",
		`{"split": []}`:                                      "where",
		`{"split": {"at": ["blank"], "kepp": true}}`:         "kepp",
		`{"split": "separator"}`:                             "filter must find them",
		`{"recognizer": ["a"]}`:                              "step",
		`{"filters": [{"plugin": "a", "settings": {"x":"` + strings.Repeat("x", maxStepSettings) + `"}}]}`: "limit",
	} {
		_, err := ParseProfile([]byte(text))
		if f := AsFailure(err); err == nil || f.Code != CodeBadRequest || !strings.Contains(f.Detail, want) || f.Remedy == "" {
			t.Errorf("%.80s: got %v (hint %q), want %q", text, err, f.Remedy, want)
		}
	}
	for _, text := range []string{`{"split": {"at": ["blank"], "keep": true}}`, `{"split": "separator", "filters": ["separator"]}`, `{"filters": []}`} {
		if _, err := ParseProfile([]byte(text)); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func FuzzParseProfile(f *testing.F) {
	for _, seed := range []string{`{"filters":["a/b",{"plugin":"c","settings":{"x":1}}],"split":{"at":["blank"]}}`, `{"limits":{"pageTimeout":"90s"}}`, `{"split":"blank"}`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := ParseProfile(data)
		if err != nil {
			return
		}
		stored, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParseProfile(stored)
		if err != nil {
			t.Fatalf("%s is stored as %s, which is refused: %v", data, stored, err)
		}
		if second, err := json.Marshal(again); err != nil || string(second) != string(stored) {
			t.Fatalf("%s becomes %s: %v", stored, second, err)
		}
	})
}
