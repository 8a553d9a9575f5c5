package farm

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/twinleaf-scan/twinleaf/core"
)

var ref = core.Ref(strings.Repeat("5e", 32))

func aTask() Task {
	c := core.RecognizeCall{
		Job: "north-1", Step: core.Step{Plugin: "tesseract", Settings: json.RawMessage(`{"mode":"fast"}`)},
		Image: core.Source{File: core.File{Name: "p.jpg", Ref: ref, Size: 9, Media: "image/jpeg"}, Path: "/here"}, DPI: 300,
		Options: core.Options{Languages: []string{"deu", "eng"}, Limits: core.Limits{Pixels: 9}, Mode: core.ModeForce},
	}
	return taskOf(c, "engine.files")
}

// A task says what a recognizer sees, and nothing of this machine.
func TestATaskComesOverAsItIs(t *testing.T) {
	raw, err := json.Marshal(aTask())
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"/here", "files", "force"} {
		if bytes.Contains(raw, []byte(secret)) {
			t.Errorf("%s tells %s", raw, secret)
		}
	}
	if back, err := DecodeTask(raw); err != nil || !reflect.DeepEqual(back, aTask()) {
		t.Errorf("got %+v, %v\nwant %+v", back, err, aTask())
	}
	for _, change := range []func(*Task){
		func(t *Task) { t.Image.Ref = "../x" }, func(t *Task) { t.Basis = "" }, func(t *Task) { t.Options.Languages = make([]string, 101) },
	} {
		bad := aTask()
		change(&bad)
		raw, _ := json.Marshal(bad)
		if _, err := DecodeTask(raw); err == nil {
			t.Errorf("%s was taken", raw)
		}
	}
}

func TestRefusalsComeOver(t *testing.T) {
	for _, why := range []error{ErrBasis, ErrBusy} {
		if err := FromFailure(AsFailure(why)); !errors.Is(err, why) {
			t.Error(err)
		}
	}
	if err := FromFailure(AsFailure(context.Canceled)); !errors.Is(err, context.Canceled) || errors.Is(err, ErrBasis) {
		t.Error(err)
	}
}

// Whatever is taken as an answer is written the same way again, and means the same.
func FuzzAnswer(f *testing.F) {
	a := Answer{Text: core.PageText{Text: core.File{Name: "page.json"}, Words: 1, Confidence: 90, By: "tesseract 1"}, Page: pageJSON()}
	raw, err := a.Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add([]byte("{}\n"))
	f.Add([]byte(`{"text":{"name":"../x"},"more":1}` + "\nx"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		a, err := DecodeAnswer(raw)
		if err != nil {
			return
		}
		again, err := a.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if back, err := DecodeAnswer(again); err != nil || !reflect.DeepEqual(a, back) {
			t.Errorf("%+v became %+v, %v", a, back, err)
		}
		dir := t.TempDir()
		if text, err := accept(a, core.RecognizeCall{Dir: dir}); err == nil && !plain(text.Text.Name) {
			t.Errorf("a file %q was laid down", text.Text.Name)
		}
	})
}

// Whatever is taken as a task is within bounds, and the same when it is sent on.
func FuzzTask(f *testing.F) {
	raw, _ := json.Marshal(aTask())
	f.Add(raw)
	f.Add([]byte(`{"basis":"x","image":{"ref":"` + string(ref) + `"},"step":{"settings":{}}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		task, err := DecodeTask(raw)
		if err != nil {
			return
		}
		again, err := json.Marshal(task)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := DecodeTask(again); err != nil || len(task.Image.Ref) != maxRef || len(task.Options.Languages) > maxLanguages {
			t.Errorf("%s became %s, %v", raw, again, err)
		}
	})
}
