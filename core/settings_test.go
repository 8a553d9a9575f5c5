package core_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	. "github.com/twinleaf-scan/twinleaf/core"
)

// GS36: what is newer is never overwritten, whoever tells of it later.
func TestHighestRevisionOfASettingCounts(t *testing.T) {
	s := newStory()
	s.tell("", SettingChanged{Key: "profile/a", Value: []byte(`{"mode":"redo"}`), Revision: 2},
		SettingChanged{Key: "profile/a", Value: []byte(`{}`), Revision: 1})
	if v, _ := s.Setting("profile/a"); string(v.Value) != `{"mode":"redo"}` || v.Revision != 2 {
		t.Errorf("got %s, revision %d", v.Value, v.Revision)
	}
	s.tell("", SettingChanged{Key: "profile/a", Revision: 3}, SettingChanged{Key: "profile/b", Value: []byte(`{}`), Revision: 1})
	if _, ok := s.Setting("profile/a"); ok || s.Revision("profile/a") != 3 {
		t.Errorf("a removed setting is there, or its revision is %d, want 3", s.Revision("profile/a"))
	}
	if got := slices.Collect(s.Settings("profile/")); len(got) != 1 || got[0].Key != "profile/b" {
		t.Errorf("settings: %v", got)
	}
}

func TestSubmissionIsResolved(t *testing.T) {
	s := newStory()
	s.tell("",
		SettingChanged{Key: "profile/bills", Revision: 1, Value: []byte(`{"languages":["deu+eng"],"destinations":["archive","archive"],"limits":{"pageTimeout":"90s","jobTimeout":1000}}`)},
		SettingChanged{Key: "destination/archive", Revision: 1, Value: []byte(`{"plugin":"folder","settings":{"dir":"/x"}}`)},
		SettingChanged{Key: "profile/lost", Revision: 1, Value: []byte(`{"destinations":["nowhere"]}`)})
	have := Defaults{Destinations: map[string]Destination{DefaultDestination: {Plugin: "folder"}}}

	c, err := s.Resolve(Submission{Profile: "bills"}, have)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(c.Options.Languages, []string{"deu", "eng"}) || !slices.Equal(c.Destinations, []string{"archive"}) ||
		c.Options.Limits.PageTimeout != 90*time.Second || c.Options.Limits.JobTimeout != 1000 || c.Options.Mode != ModeSkip {
		t.Errorf("bills: got %+v", c)
	}
	c, err = s.Resolve(Submission{Languages: []string{"fra"}, Override: func(o *Options) { o.PDFA = "1b" }}, have)
	if err != nil || c.Profile != "default" || !slices.Equal(c.Destinations, []string{"delivered"}) || c.Options.PDFA != "1b" || c.Options.Languages[0] != "fra" {
		t.Errorf("default: got %+v, %v", c, err)
	}

	for _, bad := range []struct {
		name string
		sub  Submission
		code string
		says string
	}{
		{"unknown profile", Submission{Profile: "nix"}, CodeUnknown, "known profiles: bills, default, lost"},
		{"unknown destination", Submission{Destinations: []string{"nix"}}, CodeUnknown, "known destinations: archive, delivered"},
		{"profile names an unknown destination", Submission{Profile: "lost"}, CodeUnknown, `profile "lost": there is no destination "nowhere"`},
		{"language is a path", Submission{Languages: []string{"../eng"}}, CodeBadRequest, "../eng"},
		{"language is an option", Submission{Languages: []string{"-l"}}, CodeBadRequest, "-l"},
		{"too many languages", Submission{Languages: []string{"a+b+c+d+e+f+g+h+i+j+k+l+m+n+o+p+q"}}, CodeBadRequest, "17"},
		{"mode", Submission{Override: func(o *Options) { o.Mode = "maybe" }}, CodeBadRequest, "known are: skip, redo, force"},
		{"deliver what is not made", Submission{Override: func(o *Options) { o.Outputs = []string{"text"} }}, CodeBadRequest, "pdf"},
	} {
		_, err := s.Resolve(bad.sub, have)
		var f *Failure
		if !errors.As(err, &f) || f.Code != bad.code || !strings.Contains(f.Error(), bad.says) {
			t.Errorf("%s: got %v, want code %s and %q", bad.name, err, bad.code, bad.says)
		}
	}
}

func TestProfileAndDestinationAreReadStrictly(t *testing.T) {
	for _, bad := range []string{`{"mood":"skip"}`, `{"limits":{"page":1}}`, `{} {}`, `[]`, ``, `{"limits":{"pageTimeout":"soon"}}`, `{"limits":{"pages":-1}}`} {
		if p, err := ParseProfile([]byte(bad)); err == nil {
			t.Errorf("profile %s: got %+v, want an error", bad, p)
		}
	}
	for _, bad := range []string{`{"plugin":""}`, `{"plugin":"folder","dir":"x"}`, `null`} {
		if d, err := ParseDestination([]byte(bad)); err == nil {
			t.Errorf("destination %s: got %+v, want an error", bad, d)
		}
	}
	for name, want := range map[string]bool{"a": true, "Bills-2.x_y": true, "": false, "../x": false, "a/b": false, ".x": false, strings.Repeat("a", 65): false} {
		if got := CheckName(name) == nil; got != want {
			t.Errorf("name %q: got %v, want %v", name, got, want)
		}
	}
}

func TestResultOfAnotherStageIsRefused(t *testing.T) {
	if r, err := (Task{Stage: Clean}).Complete(PageRasterized{}, 0); err == nil {
		t.Errorf("got %v", r)
	}
	if r, err := (Task{Stage: Ingest}).Complete(nil, 0); err == nil {
		t.Errorf("got %v", r)
	}
}
