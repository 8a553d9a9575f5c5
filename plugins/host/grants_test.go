package host

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/plugins/host/egress"
)

// grantSchemaText has marks at every depth.
const grantSchemaText = `{
	"type": "object",
	"properties": {
		"url":     {"type": "string", "x-grant": "net"},
		"files":   {"type": "string", "x-grant": "host"},
		"mirrors": {"type": ["null", "array"], "items": {"type": "string"}, "x-grant": "net"},
		"mail":    {"type": "object", "properties": {"host": {"type": "string", "x-grant": "net"}, "port": {"type": "integer"}}},
		"dir":     {"type": "string", "x-grant": "write"},
		"title":   {"type": "string"},
		"sites":   {"type": "array", "items": {"type": "object", "properties": {
			"at":     {"type": "string", "x-grant": "net"},
			"into":   {"type": "string", "x-grant": "write"},
			"create": {"type": ["null", "boolean"]}}}},
		"named":   {"type": "object", "additionalProperties": {"$ref": "#/$defs/box"}},
		"either":  {"anyOf": [{"type": "integer"}, {"type": "string", "x-grant": "net"}]},
		"odd":     {"type": "string", "x-grant": "everything"}
	},
	"additionalProperties": false,
	"$defs": {"box": {"properties": {"host": {"x-grant": "net"}, "more": {"$ref": "#/$defs/box"}}}}
}`

func TestGrantsAreCollectedFromSettings(t *testing.T) {
	for settings, want := range map[string]grants{
		``:                     {},
		`{}`:                   {},
		`{"title":"http://x"}`: {},
		`{"url":""}`:           {},
		`{"url":"https://nas.lan/dav","title":"evil:1"}`:                       {net: []egress.Address{{Host: "nas.lan", Port: 443}}},
		`{"url":"a:1","mirrors":["a:1","b:2"]}`:                                {net: []egress.Address{{Host: "a", Port: 1}, {Host: "b", Port: 2}}},
		`{"mirrors":null}`:                                                     {},
		`{"files":"ftp://nas.lan/in"}`:                                         {net: []egress.Address{{Host: "nas.lan", Port: egress.High}, {Host: "nas.lan", Port: 21}}},
		`{"mail":{"host":"mail.lan","port":587}}`:                              {net: []egress.Address{{Host: "mail.lan", Port: 587}}},
		`{"dir":"/srv/out/"}`:                                                  {writes: []folder{{"/srv/out", false}}},
		`{"sites":[{"at":"10.0.0.1:22","into":"/b"},{"into":"/a"}]}`:           {net: []egress.Address{{Host: "10.0.0.1", Port: 22}}, writes: []folder{{"/a", true}, {"/b", true}}},
		`{"sites":[{"into":"/a","create":false},{"into":"/b","create":true}]}`: {writes: []folder{{"/a", false}, {"/b", true}}},
		`{"sites":[{"into":"/a","create":false},{"into":"/a/"}]}`:              {writes: []folder{{"/a", true}}},
		`{"named":{"x":{"host":"h:1","more":{"host":"i:2"}}}}`:                 {net: []egress.Address{{Host: "h", Port: 1}, {Host: "i", Port: 2}}},
		`{"mirrors":[5,["a:1"],null],"url":{"host":"a:1"}}`:                    {},
		`{"either":5}`:        {},
		`{"either":"e:5"}`:    {net: []egress.Address{{Host: "e", Port: 5}}},
		`{"unknown":"u:1"}`:   {},
		`{"sites":"a:1"}`:     {},
		`["a:1"]`:             {},
		`{"mail":{"port":1}}`: {},
	} {
		got, err := grantsOf(json.RawMessage(grantSchemaText), json.RawMessage(settings))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, %v, want %+v", settings, got, err, want)
		}
	}
}

func TestGrantsThatMakeNoSenseAreNamed(t *testing.T) {
	many := `"a:1"`
	for n := range maxGrants {
		many += `,"h:` + string(rune('1'+n%9)) + string(rune('0'+n/9)) + `"`
	}
	for settings, want := range map[string]string{
		`{"url":"nas.lan"}`:                 `/url: "nas.lan" does not say which port`,
		`{"mirrors":["a:1","127.1:80"]}`:    "/mirrors/1:",
		`{"dir":"srv/out"}`:                 `/dir: "srv/out" is not an absolute path`,
		`{"sites":[{"into":"../x"}]}`:       "/sites/0/into:",
		`{"dir":"/a\u0000b"}`:               "/dir:",
		`{"mail":{"host":"m","port":"25"}}`: "/mail/host:",
		`{"mail":{"host":"m","port":0}}`:    "/mail/host:",
		`{"odd":"x"}`:                       `/odd: the plug-in asks for an unknown grant "everything"`,
		`{"mirrors":[` + many + `]}`:        "more than 64",
		`{"mirrors":[` + many[:strings.LastIndex(many, ",")] + `],"files":"f:1"}`: "more than 64",
		`{`: "not JSON",
	} {
		if got, err := grantsOf(json.RawMessage(grantSchemaText), json.RawMessage(settings)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.80s: %+v, %v, want … %s …", settings, got, err, want)
		}
	}
	deep := json.RawMessage(strings.Repeat(`{"named":{"x":`, 1) + strings.Repeat(`{"more":`, 40) + `{"host":"h:1"}` + strings.Repeat(`}`, 42))
	if _, err := grantsOf(json.RawMessage(grantSchemaText), deep); err == nil || !strings.Contains(err.Error(), "too deep") {
		t.Errorf("endless nesting: %v", err)
	}
	tree := json.RawMessage(`{"$ref":"#/$defs/a","$defs":{"a":{"allOf":[{"$ref":"#/$defs/a"},{"$ref":"#/$defs/a"}],"x-grant":""}}}`)
	within(t, 5*time.Second, "a schema that names itself twice", func() {
		if _, err := grantsOf(tree, json.RawMessage(`{"a":1}`)); err == nil || !strings.Contains(err.Error(), "too deep") {
			t.Errorf("a schema that names itself twice: %v", err)
		}
	})
	loop := json.RawMessage(`{"$ref":"#/$defs/a","$defs":{"a":{"$ref":"#/$defs/a","x-grant":""}}}`)
	if _, err := grantsOf(loop, json.RawMessage(`{"a":1}`)); err == nil || !strings.Contains(err.Error(), "too deep") {
		t.Errorf("a schema that names itself: %v", err)
	}
}

func FuzzGrants(f *testing.F) {
	f.Add(grantSchemaText, `{"url":"a:1","sites":[{"into":"/b"}]}`)
	f.Add(`{"x-grant":"write"}`, `"/etc"`)
	f.Add(`{"items":{"x-grant":"host"}}`, `["h:1","h:2"]`)
	f.Add(`{"anyOf":[true,{"$ref":"#/$defs/a"}],"$defs":{"a":{"items":{"x-grant":"net"}}}}`, `["h:1",null]`)
	f.Fuzz(func(t *testing.T, schema, settings string) {
		g, err := grantsOf(json.RawMessage(schema), json.RawMessage(settings))
		if err != nil {
			return
		}
		for i, w := range g.writes {
			if !filepath.IsAbs(w.path) || filepath.Clean(w.path) != w.path || i > 0 && g.writes[i-1].path >= w.path {
				t.Fatalf("%s, %s: folders %v", schema, settings, g.writes)
			}
		}
		if len(g.net)+len(g.writes) > maxGrants {
			t.Fatalf("%d grants", len(g.net)+len(g.writes))
		}
	})
}

func TestFoldersOfTheServerAreNoGrants(t *testing.T) {
	base := t.TempDir()
	for _, name := range []string{"plugins", "spool", "run", "journal", "out"} {
		must(t, os.Mkdir(filepath.Join(base, name), 0o700))
	}
	must(t, os.Symlink("/etc", filepath.Join(base, "link")))
	must(t, os.Symlink(filepath.Join(base, "plugins"), filepath.Join(base, "out", "plugins")))
	h := &Host{config: Config{
		Dir: filepath.Join(base, "plugins"), Spool: filepath.Join(base, "spool"), Run: filepath.Join(base, "run"), Private: []string{filepath.Join(base, "journal")},
	}}
	for _, path := range []string{
		"/", "/etc", "/etc/ssl", "/usr/lib", "/proc/self", "/dev", base, filepath.Join(base, "plugins"), filepath.Join(base, "spool"), filepath.Join(base, "journal"),
		"/etc/new/er", filepath.Join(base, "link", "new"), filepath.Join(base, "journal", "new"), filepath.Join(base, "link"), filepath.Join(base, "out", "plugins"), filepath.Dir(base),
	} {
		wantFailure(t, h.ready(folder{path, true}), "settings", true, "no plug-in may write to "+path)
	}
	if _, err := os.Stat("/etc/new"); err == nil {
		t.Error("a folder was made that is refused")
	}
	must(t, h.ready(folder{path: filepath.Join(base, "out")}))
	must(t, h.ready(folder{path: filepath.Join(base, "out", "new", "er"), create: true}))
	wantFailure(t, h.ready(folder{path: filepath.Join(base, "missing")}), core.CodeDestination, false, "no such file")
	must(t, os.WriteFile(filepath.Join(base, "file"), nil, 0o600))
	wantFailure(t, h.ready(folder{path: filepath.Join(base, "file"), create: true}), core.CodeDestination, false, "not a directory")
}
