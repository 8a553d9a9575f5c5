package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/twinleaf-scan/twinleaf/console/api"
	"github.com/twinleaf-scan/twinleaf/core"
)

func TestStepsAreWrittenShortly(t *testing.T) {
	parse := func(data []byte) (any, error) {
		p, err := core.ParseProfile(data)
		return api.OfProfile(p), err
	}
	k := kind{word: "profile", lists: []string{"filters", "split", "split.at"}, parse: parse}
	for text, want := range map[string]string{
		"filters=leptonica,acme/clean":                       `{"filters":[{"plugin":"leptonica"},{"plugin":"acme","component":"clean"}]}`,
		`filters=[leptonica, {plugin: x, settings: {a: 1}}]`: `{"filters":[{"plugin":"leptonica"},{"plugin":"x","settings":{"a":1}}]}`,
		"recognizer=tess":                                    `{"recognizer":{"plugin":"tess"}}`,
		"recognizer.settings.psm=6 recognizer.plugin=tess":   `{"recognizer":{"plugin":"tess","settings":{"psm":6}}}`,
		"split=blank": `{"split":{"at":["blank"]}}`,
		"split.at=blank,separator split.keep=true filters=s": `{"filters":[{"plugin":"s"}],"split":{"at":["blank","separator"],"keep":true}}`,
	} {
		fields := strings.Fields(text)
		if strings.Contains(text, "[") {
			fields = []string{text}
		}
		form, err := k.form(fields, nil)
		if err != nil {
			t.Fatal(err)
		}
		v, err := k.check(form)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got, err := json.Marshal(v); err != nil || string(got) != want {
			t.Errorf("%s:\n got %s, %v\nwant %s", text, got, err, want)
		}
	}
	form, err := k.form([]string{"filters=[{plugin: x, setings: {}}]"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.check(form); code(err) != exitUsage || !strings.Contains(fmt.Sprint(err), "setings") {
		t.Errorf("got %v, want a usage error", err)
	}
}

func TestPlacesOfParts(t *testing.T) {
	for path, want := range map[string]string{"out.pdf": "out-002.pdf", "dir/a.b.PDF": "dir/a.b-002.PDF", "out": "out-002"} {
		if got := partPath(path, 2); got != want {
			t.Errorf("%s: got %s, want %s", path, got, want)
		}
	}
}

func TestTheListOfJobsSaysWhy(t *testing.T) {
	failure := core.Failure{Code: core.CodeDamaged, Detail: "it is torn\nin two\x1b[31m"}
	for _, c := range []struct {
		job  api.Job
		want string
	}{
		{api.Job{State: core.Completed}, ""},
		{api.Job{State: core.Held, Reason: "held by a person"}, "held by a person"},
		{api.Job{State: core.Failed, Error: &failure}, "damaged: it is torn"},
		{api.Job{State: core.Partial, Failures: []core.PageFailure{{Page: 7, Failure: failure}}}, "page 7: damaged: it is torn"},
		{api.Job{State: core.Partial, Unindexed: []core.IndexFailure{{Indexer: "dates", Failure: failure}}}, "indexer dates: it is torn"},
		{api.Job{Error: &core.Failure{Code: "x", Detail: strings.Repeat("ü", 200)}}, "x: " + strings.Repeat("ü", 96) + "…"},
	} {
		if got := why(c.job); got != c.want {
			t.Errorf("got %q, want %q", got, c.want)
		}
	}
}
