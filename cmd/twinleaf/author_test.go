package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twinleaf-scan/twinleaf/plugins/host/sandbox"
)

// A confined start goes through the program itself, which in tests is this one.
func TestMain(m *testing.M) {
	sandbox.Main()
	os.Exit(m.Run())
}

func TestANewPluginSaysWhatToTypeNext(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"plugin", "new", "acme.a"}, "  go test ./..."},
		{[]string{"plugin", "new", "acme.b", "--sdk", "v1.2.3"}, "  go mod tidy"},
		{[]string{"plugin", "new", "acme.c", "--lang", "python", "--kind", "indexer", "--dir", "deep/c"}, "  cd deep/c\n  python3 -m unittest"},
	} {
		exit, out, errs := typed(t, "", c.args...)
		if exit != 0 || errs != "" || !strings.Contains(out, c.want) {
			t.Errorf("%v: got exit %d, %q, output %q, want … %s …", c.args, exit, errs, out, c.want)
		}
	}
	for _, file := range []string{"acme.a/sdk/serve.go", "acme.b/main.go", "deep/c/src/twinleaf_plugin.py"} {
		if _, err := os.Stat(file); err != nil {
			t.Error(err)
		}
	}
}

func TestWhatCannotBeTestedIsRefused(t *testing.T) {
	t.Chdir(t.TempDir())
	program, err := filepath.Abs("program")
	if err != nil {
		t.Fatal(err)
	}
	write := func(path, content string, mode os.FileMode) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), mode); err != nil {
			t.Fatal(err)
		}
	}
	write(program, "#!/bin/sh\n", 0o755)
	write("plain", "", 0o644)
	write("bad/one/request.json", `{"opp": "clean"}`, 0o644)
	write("broken.json", "{", 0o644)
	for _, c := range []struct {
		args []string
		exit int
		want string
	}{
		{[]string{"plugin", "test", "no-such"}, 1, "no-such is no program"},
		{[]string{"plugin", "test", "plain"}, 1, "hint: build the plug-in first"},
		{[]string{"plugin", "test", program, "--cases", "bad"}, 2, `case one: request.json: json: unknown field "opp"`},
		{[]string{"plugin", "test", program, "--cases", "nowhere"}, 2, "cases: open nowhere"},
		{[]string{"plugin", "test", program, "--settings", "broken.json"}, 2, "broken.json is no JSON"},
		{[]string{"plugin", "test", program, "--calls", "0"}, 2, "--calls 0 makes none"},
		{[]string{"plugin", "test", program, "--sandbox", "strong"}, 2, `"strong" is no level`},
		{[]string{"plugin", "test"}, 2, "takes a plug-in's program"},
	} {
		exit, _, errs := typed(t, "", c.args...)
		if exit != c.exit || !strings.Contains(errs, c.want) {
			t.Errorf("%v: got exit %d, %q, want %d and … %s …", c.args, exit, errs, c.exit, c.want)
		}
	}
}
