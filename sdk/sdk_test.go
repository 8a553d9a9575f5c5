package sdk_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/sdk"
	"github.com/twinleaf-scan/twinleaf/sdk/plugintest"
)

type inner struct {
	Level int `json:"level,omitempty"`
}

type settings struct {
	Name  string            `json:"name" jsonschema:"what it is called"`
	Count int               `json:"count,omitempty"`
	Inner inner             `json:"inner,omitzero"`
	List  []inner           `json:"list,omitempty"`
	Map   map[string]string `json:"map,omitempty"`
}

func (s *settings) Validate() error {
	if s.Count > 9 {
		return &sdk.SettingsError{Path: "/count", Detail: "at most 9"}
	}
	return nil
}

func filter(fn func(context.Context, sdk.FilterRequest, settings) (sdk.Filtered, error)) sdk.Component {
	return sdk.Filter(fn)
}

func fine(context.Context, sdk.FilterRequest, settings) (sdk.Filtered, error) {
	return sdk.Filtered{Turn: 90}, nil
}

func TestSettingsAreReadStrictly(t *testing.T) {
	for raw, want := range map[string]string{
		`{"name":"x"}`: "",
		`{"name":"x","count":3,"inner":{"level":1},"list":[{"level":2}],"map":{"any":"key"}}`: "",
		``:                                   "settings: /name: is required",
		`null`:                               "settings: /name: is required",
		`{"name":"x","nmae":1}`:              "settings: /nmae: unknown field; known are count, inner, list, map, name",
		`{"name":"x","Name":"y"}`:            "settings: /Name: unknown field",
		`{"name":"x","inner":{"lvl":1}}`:     "settings: /inner/lvl: unknown field; known are level",
		`{"name":"x","list":[{},{"a":1}]}`:   "settings: /list/1/a: unknown field",
		`{"name":"x","a/b":1}`:               "settings: /a~1b: unknown field",
		`{"name":5}`:                         "settings: /name: a number cannot be a string",
		`{"name":"x","inner":{"level":"h"}}`: "settings: /inner/level: a string cannot be a int",
		`{"name":"x","count":10}`:            "settings: /count: at most 9",
		`{"name":"x"} {}`:                    "settings: not JSON: more than one value",
		`[1]`:                                "settings: ",
		`{`:                                  "settings: not JSON",
	} {
		_, err := filter(fine).Do(t.Context(), sdk.Call{Op: sdk.OpClean, Args: []byte("{}"), Settings: []byte(raw)})
		got := ""
		if err != nil {
			got = err.Error()
		}
		if (want == "") != (err == nil) || !strings.HasPrefix(got, want) {
			t.Errorf("settings %s: error = %q, want %q", raw, got, want)
		}
	}
}

func FuzzSettings(f *testing.F) {
	f.Add([]byte(`{"name":"x","inner":{"level":1},"list":[{"level":2}],"map":{"a":"b"}}`))
	f.Add([]byte(`{"name":null,"list":{}}`))
	component := filter(func(_ context.Context, _ sdk.FilterRequest, s settings) (sdk.Filtered, error) {
		if s.Count > 9 {
			panic("Validate was not asked")
		}
		return sdk.Filtered{}, nil
	})
	f.Fuzz(func(t *testing.T, raw []byte) {
		_, err := component.Do(context.Background(), sdk.Call{Op: sdk.OpClean, Args: []byte("{}"), Settings: raw})
		if e, ok := errors.AsType[*sdk.Error](err); err != nil && (!ok || e.Code != "settings") {
			t.Errorf("settings %q: %v", raw, err)
		}
	})
}

func TestTheManifestComesOutOfTheCode(t *testing.T) {
	reader := sdk.Reader(sdk.ReaderFuncs[struct{}]{
		Media: []string{"image/tiff"},
		Inspect: func(context.Context, sdk.InspectRequest, struct{}) (sdk.Inspection, error) {
			return sdk.Inspection{}, nil
		},
		Page: func(context.Context, sdk.PageRequest, struct{}) (sdk.PageImage, error) { return sdk.PageImage{}, nil },
	})
	m, err := sdk.Describe(sdk.Info{Name: "example.two", Version: "1.2.3"}, filter(fine).Named("fine"), reader)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	var back sdk.Manifest
	if err := json.Unmarshal(raw, &back); err != nil || !reflect.DeepEqual(back, m) {
		t.Errorf("manifest through JSON = %+v, %v, want %+v", back, err, m)
	}
	if m.Components[0].ID != "fine" || m.Components[1].ID != "reader" || !reflect.DeepEqual(m.Components[1].Ops, []string{"inspect", "page"}) {
		t.Errorf("components = %+v", m.Components)
	}
	for _, words := range []string{`"description":"what it is called"`, `"required":["name"]`, `"additionalProperties":false`} {
		if !strings.Contains(string(m.Components[0].Schema), words) {
			t.Errorf("schema lacks %s: %s", words, m.Components[0].Schema)
		}
	}
}

func TestAPluginThatCannotBeServedSaysWhy(t *testing.T) {
	good := sdk.Info{Name: "x", Version: "1.0.0"}
	for _, test := range []struct {
		info       sdk.Info
		components []sdk.Component
		want       string
	}{
		{good, nil, "has no components"},
		{sdk.Info{Name: "X Y", Version: "1.0.0"}, []sdk.Component{filter(fine)}, "lower-case"},
		{sdk.Info{Name: "x", Version: "v1"}, []sdk.Component{filter(fine)}, "want 1.2.3"},
		{good, []sdk.Component{filter(fine), filter(fine)}, "used twice"},
		{good, []sdk.Component{sdk.Reader(sdk.ReaderFuncs[settings]{})}, "needs Media, Inspect and Page"},
		{good, []sdk.Component{sdk.Filter(func(context.Context, sdk.FilterRequest, int) (sdk.Filtered, error) { return sdk.Filtered{}, nil })}, "a struct, not int"},
	} {
		if _, err := sdk.Describe(test.info, test.components...); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("error = %v, want … %s …", err, test.want)
		}
	}
}

func TestErrorsOfAHandlerKeepTheirMeaning(t *testing.T) {
	full := fmt.Errorf("write page: %w", syscall.ENOSPC)
	refused := sdk.Refuse("damaged", "scan again", "page %d is torn", 3)
	for _, test := range []struct {
		err  error
		want sdk.Error
	}{
		{refused, sdk.Error{Code: "damaged", Detail: "page 3 is torn", Remedy: "scan again"}},
		{sdk.Temporary(refused), sdk.Error{Code: "damaged", Detail: "page 3 is torn", Remedy: "scan again", Temporary: true}},
		{sdk.Temporary(fmt.Errorf("file x: %w", refused)), sdk.Error{Code: "damaged", Detail: "file x: page 3 is torn", Remedy: "scan again", Temporary: true}},
		{sdk.Temporary(full), sdk.Error{Detail: full.Error(), Temporary: true}},
	} {
		if got, ok := errors.AsType[*sdk.Error](test.err); !ok || *got != test.want {
			t.Errorf("error = %+v, want %+v", got, test.want)
		}
	}
	if sdk.Temporary(nil) != nil {
		t.Error("Temporary(nil) is an error")
	}
}

func TestAPanicIsAnErrorOfTheCall(t *testing.T) {
	c := filter(func(context.Context, sdk.FilterRequest, settings) (sdk.Filtered, error) { panic("boom") })
	_, err := plugintest.Call[sdk.FilterRequest, sdk.Filtered](t, c, sdk.OpClean, sdk.FilterRequest{}, settings{Name: "x"})
	if e, ok := errors.AsType[*sdk.Error](err); !ok || e.Code != "internal" || !strings.Contains(e.Detail, "boom") {
		t.Errorf("error = %v, want internal with the panic's words", err)
	}
}

func TestAHandlerHasOutputsScratchLogAndDeadline(t *testing.T) {
	var told []float64
	c := filter(func(ctx context.Context, r sdk.FilterRequest, s settings) (sdk.Filtered, error) {
		if _, ok := ctx.Deadline(); !ok {
			t.Error("no deadline")
		}
		sdk.Log(ctx).Info("working", "name", s.Name)
		sdk.Progress(ctx, 0.25)
		sdk.Progress(ctx, 0.5) // too soon to be told
		if err := os.WriteFile(filepath.Join(sdk.TempDir(ctx), "scratch"), nil, 0o600); err != nil {
			return sdk.Filtered{}, err
		}
		f := sdk.File{Path: sdk.Out(ctx, "../../page.png"), Name: "page.png"}
		return sdk.Filtered{Image: &f, Turn: 90}, os.WriteFile(f.Path, []byte("x"), 0o600)
	})
	out := t.TempDir()
	raw, err := c.Do(t.Context(), sdk.Call{
		Op: sdk.OpClean, Args: []byte("{}"), Settings: []byte(`{"name":"x"}`), Out: out, Temp: t.TempDir(),
		Deadline: time.Now().Add(time.Minute), Progress: func(f float64) { told = append(told, f) },
	})
	if err != nil {
		t.Fatal(err)
	}
	var got sdk.Filtered
	if err := json.Unmarshal(raw, &got); err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(out, "page.png"); got.Image == nil || got.Image.Path != want || got.Turn != 90 {
		t.Errorf("answer = %s, want an image at %s", raw, want)
	}
	if !reflect.DeepEqual(told, []float64{0.25}) {
		t.Errorf("progress = %v, want the first only", told)
	}
}

func TestAnAssemblerGetsTheDocumentOfTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "document.json")
	want := sdk.Document{Job: "j", Name: "scan", Pages: []sdk.DocPage{{Number: 1, Image: &sdk.PageImage{Width: 5}}}}
	raw, err := json.Marshal(want)
	if err == nil {
		err = os.WriteFile(path, raw, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	c := sdk.Assembler(func(_ context.Context, d sdk.Document, _ struct{}) (sdk.Assembled, error) {
		if !reflect.DeepEqual(d, want) {
			t.Errorf("document = %+v, want %+v", d, want)
		}
		return sdk.Assembled{Outputs: []sdk.Output{{Kind: "pdf"}}}, nil
	})
	got, err := plugintest.Call[sdk.AssembleRequest, sdk.Assembled](t, c, sdk.OpAssemble, sdk.AssembleRequest{Document: sdk.File{Path: path}}, nil)
	if err != nil || len(got.Outputs) != 1 {
		t.Errorf("assembled = %+v, %v", got, err)
	}
}

func TestAnUnknownOperationIsRefused(t *testing.T) {
	_, err := filter(fine).Do(t.Context(), sdk.Call{Op: "fly"})
	if e, ok := errors.AsType[*sdk.Error](err); !ok || e.Code != "unsupported" {
		t.Errorf("error = %v, want unsupported", err)
	}
}
