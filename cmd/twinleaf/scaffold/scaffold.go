// Package scaffold writes the folder of a new plug-in, which builds and passes its
// tests as it is. `twinleaf plugin new` calls it.
//
// A Go plug-in gets the SDK's source beside it and a complete go.mod and go.sum, so it
// builds offline, from the module cache that building Twinleaf filled. A Python one
// gets the SDK's one file.
package scaffold

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"go/format"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"text/template"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"

	"github.com/twinleaf-scan/twinleaf/sdk"
)

//go:embed all:templates
var templates embed.FS

// sdkModule is the module that plug-ins import.
const sdkModule = "github.com/twinleaf-scan/twinleaf/sdk"

// Options say what is written.
type Options struct {
	Name string   // of the plug-in, as its manifest has it
	Kind sdk.Kind // what it does
	Lang string   // go, python or shell
	Dir  string   // the folder, which must not be there; default: the name
	Exec string   // shell: the program exec, which is put beside the script
	SDK  string   // version of the published SDK, e.g. v1.2.3; empty: its source is put beside the plug-in
}

// Kinds are the kinds there are.
func Kinds() []string {
	return []string{
		string(sdk.KindReader), string(sdk.KindFilter), string(sdk.KindRecognizer),
		string(sdk.KindIndexer), string(sdk.KindAssembler), string(sdk.KindDeliverer),
	}
}

// Langs are the languages there are.
func Langs() []string { return []string{"go", "python", "shell"} }

// scripted are the kinds that a shell script can be expected to do.
var scripted = []sdk.Kind{sdk.KindFilter, sdk.KindIndexer, sdk.KindDeliverer}

// Error is an order that cannot be carried out, with what helps.
type Error struct{ Text, Hint string }

func (e *Error) Error() string { return e.Text }

var validName = regexp.MustCompile(`^[a-z0-9]+([.-][a-z0-9]+)*$`)

// taken are the names of what comes with Twinleaf.
func taken() []string {
	return []string{"image", "pdf", "leptonica", "tesseract", "folder", "separator", "webhook", "email", "ftp", "sftp", "webdav", "s3", "paperless", "exec", "sdk"}
}

func (o Options) check() error {
	switch {
	case len(o.Name) > 60 || !validName.MatchString(o.Name):
		return &Error{fmt.Sprintf("%q is no name for a plug-in", o.Name), "use lower-case letters, digits, dots and dashes, e.g. acme.invoice"}
	case slices.Contains(taken(), o.Name):
		return &Error{fmt.Sprintf("%q is the name of a plug-in that comes with Twinleaf", o.Name), "put your own name before it, e.g. acme." + o.Name}
	case !slices.Contains(Kinds(), string(o.Kind)):
		return &Error{fmt.Sprintf("%q is no kind of plug-in", o.Kind), "known are: " + strings.Join(Kinds(), ", ")}
	case !slices.Contains(Langs(), o.Lang):
		return &Error{fmt.Sprintf("%q is no language that can be made here", o.Lang), "known are: " + strings.Join(Langs(), ", ") + "; PLUGINS.md tells how any other does it"}
	case o.Lang == "shell" && !slices.Contains(scripted, o.Kind):
		return &Error{fmt.Sprintf("a %s is not begun as a shell script", o.Kind), "filter, indexer and deliverer are; use --lang go or python for the others"}
	case o.SDK != "" && (o.Lang != "go" || !semver.IsValid(o.SDK)):
		return &Error{fmt.Sprintf("--sdk %s is no version of the Go SDK", o.SDK), "write it like v1.2.3, or leave it out: the SDK's source is put beside the plug-in"}
	}
	return nil
}

// Write makes the folder and gives its path. It writes all or nothing.
func Write(o Options) (string, error) {
	if err := o.check(); err != nil {
		return "", err
	}
	dir := o.Dir
	if dir == "" {
		dir = o.Name
	}
	if _, err := os.Lstat(dir); err == nil {
		return "", &Error{fmt.Sprintf("%s is there already", dir), "name another folder with --dir, or take this one away"}
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return "", fmt.Errorf("make the folder of the plug-in: %w", err)
	}
	files, err := o.files()
	if err != nil {
		return "", err
	}
	if err := os.Mkdir(dir, 0o755); err != nil {
		return "", fmt.Errorf("make the folder of the plug-in: %w", err)
	}
	if err := writeAll(dir, files); err != nil {
		return "", errors.Join(err, os.RemoveAll(dir))
	}
	return dir, nil
}

// file is one file of the folder.
type file struct {
	content []byte
	program bool
}

func writeAll(dir string, files map[string]file) error {
	for name, f := range files {
		to := filepath.Join(dir, filepath.FromSlash(name))
		mode := os.FileMode(0o644)
		if f.program {
			mode = 0o755
		}
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(to, f.content, mode); err != nil {
			return err
		}
	}
	return nil
}

// files are all files of the folder by their slash-separated paths.
func (o Options) files() (map[string]file, error) {
	files, err := o.templated()
	if err != nil {
		return nil, err
	}
	switch o.Lang {
	case "python":
		return files, o.python(files)
	case "shell":
		return files, o.program(files)
	}
	return files, o.module(files)
}

// values are what the templates may say.
type values struct {
	Name, Kind, File, SDK, SDKModule, Command string
}

// templated are the files made from the templates of the language and the kind.
func (o Options) templated() (map[string]file, error) {
	v := values{Name: o.Name, Kind: string(o.Kind), File: o.Name, SDK: o.SDK, SDKModule: sdkModule}
	all := map[string]file{}
	for _, dir := range []string{o.Lang, path.Join(o.Lang, string(o.Kind))} {
		entries, err := templates.ReadDir(path.Join("templates", dir))
		if err != nil {
			return nil, fmt.Errorf("templates of %s: %w", dir, err)
		}
		for _, e := range entries {
			name, ok := strings.CutSuffix(e.Name(), ".tmpl")
			if e.IsDir() || !ok || name == "conforms" {
				continue
			}
			content, err := fill(path.Join("templates", dir, e.Name()), v)
			if err != nil {
				return nil, err
			}
			all[place(o.Lang, name)] = file{content: content, program: name == "__main__.py"}
		}
	}
	return all, nil
}

// place is where a file of a template goes: a Python program is packed from src.
func place(lang, name string) string {
	if lang == "python" && (name == "plugin.py" || name == "__main__.py") {
		return "src/" + name
	}
	return name
}

func fill(name string, v values) ([]byte, error) {
	t, err := template.New(path.Base(name)).Delims("@{", "}@").ParseFS(templates, "templates/go/conforms.tmpl", name)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := t.ExecuteTemplate(&b, path.Base(name), v); err != nil {
		return nil, err
	}
	if strings.HasSuffix(name, ".go.tmpl") {
		return format.Source(b.Bytes())
	}
	return b.Bytes(), nil
}

// python adds the SDK's one file.
func (o Options) python(files map[string]file) error {
	content, err := fs.ReadFile(sdk.Source, "python/twinleaf_plugin.py")
	files["src/twinleaf_plugin.py"] = file{content: content}
	return err
}

// program adds the program that makes a plug-in of a script.
func (o Options) program(files map[string]file) error {
	content, err := os.ReadFile(o.Exec)
	if err != nil {
		return &Error{"the program exec, half of every plug-in in shell, is not there: " + err.Error(), "it lies in the plug-in folder as _exec; name that folder with --plugins"}
	}
	files[o.Name] = file{content: content, program: true}
	return nil
}

// module adds go.mod, go.sum and, where no published SDK is asked for, the SDK itself.
func (o Options) module(files map[string]file) error {
	raw, err := fs.ReadFile(sdk.Source, "go.mod")
	if err != nil {
		return err
	}
	sums, err := fs.ReadFile(sdk.Source, "go.sum")
	if err != nil {
		return err
	}
	mod, err := o.goMod(raw)
	if err != nil {
		return err
	}
	files["go.mod"], files["go.sum"] = file{content: mod}, file{content: sums}
	if o.SDK != "" {
		return nil
	}
	return fs.WalkDir(sdk.Source, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return skip(name, err)
		}
		if strings.HasSuffix(name, "_test.go") {
			return nil
		}
		content, err := fs.ReadFile(sdk.Source, name)
		files["sdk/"+name] = file{content: content}
		return err
	})
}

// skip leaves out what a Go plug-in has no use for.
func skip(name string, err error) error {
	if path.Base(name) == "testdata" || name == "python" {
		return fs.SkipDir
	}
	return err
}

// goMod is the go.mod of a plug-in: the SDK, and what the SDK requires as indirect.
func (o Options) goMod(raw []byte) ([]byte, error) {
	theirs, err := modfile.Parse("sdk/go.mod", raw, nil)
	if err != nil {
		return nil, err
	}
	version := o.SDK
	if version == "" {
		version = "v0.0.0"
	}
	m := new(modfile.File)
	if err := errors.Join(m.AddModuleStmt("example.org/"+o.Name), m.AddGoStmt(theirs.Go.Version)); err != nil {
		return nil, err
	}
	all := []*modfile.Require{{Mod: module.Version{Path: sdkModule, Version: version}}}
	for _, r := range theirs.Require {
		all = append(all, &modfile.Require{Mod: r.Mod, Indirect: true})
	}
	m.SetRequireSeparateIndirect(all)
	if o.SDK == "" {
		if err := m.AddReplace(sdkModule, "", "./sdk", ""); err != nil {
			return nil, err
		}
	}
	m.Cleanup()
	return m.Format()
}
