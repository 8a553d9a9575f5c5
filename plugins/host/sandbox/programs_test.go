package sandbox

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestProgramsAreFoundByPlainNamesOnly(t *testing.T) {
	dir := t.TempDir()
	for name, mode := range map[string]os.FileMode{"tool": 0o755, "text": 0o644} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, mode); err != nil {
			t.Fatal(err)
		}
	}
	path := "relative:/nowhere:" + dir
	if got, err := Resolve("tool", path); err != nil || got != filepath.Join(dir, "tool") {
		t.Errorf("tool: %q, %v", got, err)
	}
	for _, bad := range []string{"", ".", "..", "text", "missing", "/bin/sh", "../tool"} {
		if got, err := Resolve(bad, path); err == nil {
			t.Errorf("%q: found %q", bad, got)
		}
	}
}

func TestAScriptBringsWhatRunsIt(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
		return path
	}
	inner := write("inner", "#! /bin/sh -e\n")
	env := write("env", "")
	for text, want := range map[string][]string{
		"#!" + inner + "\n":                           {inner, real(t, "/bin/sh")},
		"#!" + env + " -S A=1 inner -x\nprint(1)\n":   {env, inner, real(t, "/bin/sh")},
		"#!" + env + " nothing-of-this-name-exists\n": {env},
		"#!relative\n":                                nil,
		"#!":                                          nil,
		"plain":                                       nil,
		"":                                            nil,
	} {
		script := write("script", text)
		got := Spec{Path: script, Env: []string{"PATH=" + dir}}.runnable()
		for _, path := range append(want, script) {
			if !slices.Contains(got, path) {
				t.Errorf("%q: %v lacks %s", text, got, path)
			}
		}
		if len(want) == 0 && len(got) != 1 {
			t.Errorf("%q: %v, want the script alone", text, got)
		}
	}
}

func TestADynamicProgramBringsItsLoader(t *testing.T) {
	got := Spec{Path: "/bin/sh"}.runnable()
	if len(got) != 2 || !slices.Contains(got, real(t, "/bin/sh")) {
		t.Errorf("/bin/sh needs %v, want itself and its loader", got)
	}
}

func TestScriptsThatRunEachOtherEnd(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	for path, next := range map[string]string{a: b, b: a} {
		if err := os.WriteFile(path, []byte("#!"+next+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if got := (Spec{Path: a}).runnable(); !slices.Equal(got, []string{a, b}) {
		t.Errorf("got %v, want both once", got)
	}
}

func real(t *testing.T, path string) string {
	t.Helper()
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		t.Fatal(err)
	}
	return path
}
