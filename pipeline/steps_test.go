package pipeline

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/twinleaf-scan/twinleaf/core"
)

func TestAProfileNamesWhatIsThere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Config{CheckStep: func(_ context.Context, kind core.StepKind, s core.Step) error {
			if s.Plugin == "gone" || strings.Contains(string(s.Settings), "wrong") {
				return core.Refuse(core.CodeBadRequest, "r", "no %s called %s", kind, s.Plugin)
			}
			return nil
		}}, 1)
		for key, value := range map[string]string{
			"profile/a":     `{"filters":["leptonica","gone"]}`,
			"profile/b":     `{"indexers":[{"plugin":"dates","settings":{"wrong":1}}]}`,
			"profile/c":     `{"readers":["gone"]}`,
			"destination/x": `{"plugin":"folder","settings":{"wrong":1}}`,
		} {
			wantCode(t, r.SetSetting(t.Context(), key, []byte(value), "me"), core.CodeBadRequest)
		}
		wantCode(t, r.SetSetting(t.Context(), "profile/d", []byte(`{"destinations":["delivered","archive"]}`), "me"), core.CodeUnknown)

		both := map[string][]byte{"profile/d": []byte(`{"destinations":["archive"]}`), "destination/archive": []byte(`{"plugin":"folder"}`)}
		if err := r.CheckSettings(t.Context(), both); err != nil {
			t.Errorf("set together: %v", err)
		}
		both["destination/archive"] = nil
		wantCode(t, r.CheckSettings(t.Context(), both), core.CodeUnknown)
		removed := map[string][]byte{"profile/e": []byte(`{"destinations":["here"]}`), "destination/here": nil}
		if err := r.SetSetting(t.Context(), "destination/here", []byte(`{"plugin":"folder"}`), "me"); err != nil {
			t.Fatal(err)
		}
		wantCode(t, r.CheckSettings(t.Context(), removed), core.CodeUnknown)
		name := core.DefaultDestination // one that is built in comes back where it is removed
		if err := r.SetSetting(t.Context(), core.DestinationKey(name), []byte(`{"plugin":"folder"}`), "me"); err != nil {
			t.Fatal(err)
		}
		removed = map[string][]byte{"profile/e": []byte(`{"destinations":["` + name + `"]}`), core.DestinationKey(name): nil}
		if err := r.CheckSettings(t.Context(), removed); err != nil {
			t.Errorf("its own setting removed: %v", err)
		}
		for _, key := range []string{"destination/archive", "profile/d"} {
			value := map[string]string{"destination/archive": `{"plugin":"folder"}`, "profile/d": `{"destinations":["archive"],"filters":["leptonica"]}`}[key]
			if err := r.SetSetting(t.Context(), key, []byte(value), "me"); err != nil {
				t.Errorf("%s: %v", key, err)
			}
		}
		err := r.SetSetting(t.Context(), "destination/archive", nil, "me")
		if wantCode(t, err, core.CodeConflict); !strings.Contains(fmt.Sprint(err), "profile d") {
			t.Errorf("got %v, want the profile that uses it", err)
		}
		for _, profile := range []string{"", `{"destinations":["delivered"]}`} {
			both = map[string][]byte{"profile/d": []byte(profile), "destination/archive": nil}
			if err := r.CheckSettings(t.Context(), both); err != nil {
				t.Errorf("with the profile as %q: %v", profile, err)
			}
		}
		_ = r.end()
	})
}

func TestTheStageIsToldThatItIsTheLastAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Config{}, 1)
		r.stages.failWith(on(core.Assemble, 0, errCrash))
		r.wait(r.submit(core.Submission{}), core.Failed)
		var last []bool
		for _, b := range r.stages.starts(core.Assemble) {
			last = append(last, b.task.Last)
		}
		if len(last) != 3 || last[0] || last[1] || !last[2] {
			t.Errorf("the attempts were told %v", last)
		}
		_ = r.end()
	})
}

func TestOutputsOfAPartAreAskedForByItsNumber(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Config{}, 1)
		id := r.submit(core.Submission{})
		r.wait(id, core.Completed)
		for part, want := range map[int]bool{0: true, 1: true, 2: false} {
			if _, err := r.Output(id, core.OutputPDF, part); (err == nil) != want {
				t.Errorf("part %d of a whole document: %v", part, err)
			}
		}
		r.stages.split = 2
		id = r.submit(core.Submission{})
		r.wait(id, core.Completed)
		for part, want := range map[int]string{1: "1.pdf", 2: "2.pdf"} {
			if f, err := r.Output(id, core.OutputPDF, part); err != nil || f.Name != want {
				t.Errorf("part %d: got %v, %v", part, f, err)
			}
		}
		for _, part := range []int{0, 3} {
			_, err := r.Output(id, core.OutputPDF, part)
			wantCode(t, err, core.CodeUnknown)
			if !strings.Contains(err.Error(), "2") {
				t.Errorf("part %d: %v does not say how many there are", part, err)
			}
		}
		_ = r.end()
	})
}
