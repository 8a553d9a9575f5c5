package conform

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"

	"github.com/twinleaf-scan/twinleaf/sdk"
	pluginv2 "github.com/twinleaf-scan/twinleaf/sdk/proto/v2"
)

func TestAnswersAreComparedFieldByField(t *testing.T) {
	for _, c := range []struct{ want, got, differ string }{
		{`{"a":1}`, `{"a":1,"b":2}`, ""},
		{`{"a":null}`, `{"b":2}`, ""},
		{`{"a":{"b":[1,{"c":"x"}]}}`, `{"a":{"b":[1,{"c":"x","d":1}]}}`, ""},
		{`{"a":{"b":[1,{"c":"x"}]}}`, `{"a":{"b":[1,{"c":"y"}]}}`, `/a/b/1/c: got "y", want "x"`},
		{`{"a":[1]}`, `{"a":[1,2]}`, "/a: got [1,2], want [1]"},
		{`{"a":1}`, `[]`, "the answer: got [], want an object"},
		{`{"a":{"b":1}}`, `{"a":3}`, "/a: got 3, want an object"},
	} {
		var want, got any
		if json.Unmarshal([]byte(c.want), &want) != nil || json.Unmarshal([]byte(c.got), &got) != nil {
			t.Fatalf("bad case %+v", c)
		}
		if d := alike(want, got, ""); d != c.differ {
			t.Errorf("want %s, got %s: %q, want %q", c.want, c.got, d, c.differ)
		}
	}
}

func TestSettingsAreMadeUpFromTheSchema(t *testing.T) {
	var schema jsonschema.Schema
	if err := json.Unmarshal([]byte(`{"type":"object","additionalProperties":false,"required":["dir","url","mode","n","list"],"properties":{
		"dir":{"type":"string","x-grant":"write"},"url":{"type":"string","x-grant":"net"},"mode":{"type":"string","enum":["a","b"]},
		"n":{"type":["null","integer"],"minimum":4},"list":{"type":"array","minItems":1,"items":{"type":"boolean"}},"free":{"type":"string"}}}`), &schema); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"dir": "/granted", "url": "https://scan.invalid:443/", "mode": "a", "n": 4.0, "list": []any{false}}
	if got := madeUp(&schema, "/granted", false); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	want["free"] = "example"
	if got := madeUp(&schema, "/granted", true); !reflect.DeepEqual(got, want) {
		t.Errorf("all: got %v, want %v", got, want)
	}
}

func TestCasesAreReadFromFolders(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{
		"b/request.json": `{"op":"clean","args":{"image":{"path":"in/p.png"}}}`, "b/in/p.png": "png", "b/out/x.png": "x", "b/want.json": `{"blank":true}`,
		"a/request.json": `{"op":"index","component":"two","settings":{"x":1},"args":{}}`,
	} {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := Load(dir)
	want := []Case{
		{Name: "a", Op: "index", Component: "two", Settings: json.RawMessage(`{"x":1}`), Args: json.RawMessage(`{}`)},
		{
			Name: "b", Op: "clean", Args: json.RawMessage(`{"image":{"path":"in/p.png"}}`), Want: json.RawMessage(`{"blank":true}`),
			Files: map[string][]byte{"p.png": []byte("png")}, Outputs: map[string][]byte{"x.png": []byte("x")},
		},
	}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
}

func TestARefusalThatNobodyWantsIsShown(t *testing.T) {
	refused := outcome{answer: answer{refusal: &pluginv2.Error{Code: "damaged", Detail: "page 3 is torn", Remedy: "scan it again"}}}
	for want, says := range map[string]string{
		`{"blank":true}`: "refused: damaged page 3 is torn", `{"error":{"code":"damaged"}}`: "",
		`{"error":{"code":"encrypted"}}`: `/error/code: got "damaged", want "encrypted"`,
	} {
		var got string
		if err := new(suite).matches(Case{Want: json.RawMessage(want)}, refused); err != nil {
			got = err.Error()
		}
		if got != says {
			t.Errorf("wanted %s: %q, want %q", want, got, says)
		}
	}
}

func TestPathsOfARequestBecomeTrueOnes(t *testing.T) {
	p := Place{In: t.TempDir()}
	k := Case{Op: sdk.OpClean, Args: json.RawMessage(`{"image":{"path":"in/../../p.png","name":"in/p.png"},"other":[{"path":"elsewhere"}]}`)}
	got, err := p.args(k)
	want := `{"image":{"name":"in/p.png","path":"` + filepath.Join(p.In, "p.png") + `"},"other":[{"path":"elsewhere"}]}`
	if err != nil || string(got) != want {
		t.Errorf("got %s, %v, want %s", got, err, want)
	}
}

func FuzzHandshake(f *testing.F) {
	f.Add("1|2|unix|/run/x/s|grpc|")
	f.Add("1|2|unix|/run/x/../s|grpc|")
	f.Add("||||")
	f.Fuzz(func(t *testing.T, line string) {
		socket, err := handshake(line, "/run/x")
		if err == nil && filepath.Dir(socket) != "/run/x" {
			t.Errorf("%q names %q, outside its folder", line, socket)
		}
	})
}

// An answer that is taken names no file outside the output folder but inputs.
func FuzzAnswer(f *testing.F) {
	for _, op := range []string{sdk.OpInspect, sdk.OpPage, sdk.OpText, sdk.OpClean, sdk.OpIndex, sdk.OpAssemble, sdk.OpDeliver, "fly"} {
		f.Add(op, []byte(`{"pages":[{"w":1}]}`))
		f.Add(op, []byte(`{"image":{"path":"/etc/passwd"},"w":1,"h":1,"xdpi":1,"ydpi":1}`))
		f.Add(op, []byte(`{"outputs":[{"kind":"pdf","file":{"path":"/in/1"}}],"fields":{}}`))
	}
	dir := f.TempDir()
	p := Place{Dir: dir, In: filepath.Join(dir, "in"), Out: filepath.Join(dir, "out")}
	f.Fuzz(func(t *testing.T, op string, raw []byte) {
		taken, err := p.right(op, []byte(`{"image":{"path":"/in/1"}}`), raw)
		if err != nil {
			return
		}
		for name, path := range taken.files {
			if filepath.Dir(path) != p.Out || strings.Contains(name, "/") {
				t.Errorf("%s: took %q as %q", op, path, name)
			}
		}
	})
}
