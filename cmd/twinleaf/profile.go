package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"github.com/twinleaf-scan/twinleaf/console/api"
	"github.com/twinleaf-scan/twinleaf/core"
)

// maxForm bounds a profile or destination that is read from a file.
const maxForm = 1 << 20

// kind is profiles or destinations: shared settings with a form of their own.
type kind struct {
	word  string   // profile
	path  string   // resource of the API
	lists []string // fields that are lists, in key=value

	parse func(json []byte) (any, error) // what goes to the server, or what is wrong with it
}

func newProfile(a *app) *cobra.Command {
	lists := []string{"languages", "outputs", "deliver", "destinations", "readers", "filters", "indexers", "split", "split.at"}
	parse := func(data []byte) (any, error) {
		p, err := core.ParseProfile(data)
		return api.OfProfile(p), err
	}
	return a.kindCommands(kind{"profile", "profiles", lists, parse},
		"profile set invoices languages=deu,eng destinations=archive limits.pages=500")
}

func newDestination(a *app) *cobra.Command {
	parse := func(data []byte) (any, error) { return core.ParseDestination(data) }
	return a.kindCommands(kind{"destination", "destinations", nil, parse}, "destination set archive plugin=folder settings.dir=/srv/archive")
}

func (a *app) kindCommands(k kind, example string) *cobra.Command {
	list := &cobra.Command{Use: "list", Short: "List the " + k.path, Args: exactly(0, "no arguments"), RunE: func(c *cobra.Command, _ []string) error {
		var names []string
		if err := a.get(c.Context(), k.path, &names); err != nil {
			return fmt.Errorf("list %s: %w", k.path, err)
		}
		for _, n := range names {
			fmt.Fprintln(a.std.out, n)
		}
		return nil
	}}
	show := &cobra.Command{Use: "show NAME", Short: "Print a " + k.word, Args: exactly(1, "a name"), RunE: func(c *cobra.Command, args []string) error {
		var v any
		if err := a.get(c.Context(), k.path+"/"+args[0], &v); err != nil {
			return fmt.Errorf("show %s %s: %w", k.word, args[0], err)
		}
		return writeJSON(a.std.out, v)
	}}
	set := &cobra.Command{
		Use: "set NAME FILE|-|FIELD=VALUE...", Short: "Set a " + k.word + " from YAML or JSON, or from fields", Example: "  twinleaf " + example,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) < 2 {
				return usage("for example: twinleaf "+example, "%s takes a name and a file, or a name and fields", c.CommandPath())
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error { return a.setKind(c.Context(), k, args[0], args[1:]) },
	}
	remove := &cobra.Command{Use: "remove NAME", Short: "Remove a " + k.word, Args: exactly(1, "a name"), RunE: func(c *cobra.Command, args []string) error {
		cl, err := a.client()
		if err != nil {
			return err
		}
		return wrap("remove "+k.word+" "+args[0], cl.Delete(c.Context(), k.path+"/"+args[0]))
	}}
	return group(k.word, "The server's "+k.path, list, show, set, remove)
}

func (a *app) get(ctx context.Context, resource string, v any) error {
	cl, err := a.client()
	if err != nil {
		return err
	}
	return cl.Get(ctx, resource, v)
}

func (a *app) setKind(ctx context.Context, k kind, name string, values []string) error {
	if err := core.CheckName(name); err != nil {
		return usage("", "%s", err)
	}
	v, err := k.form(values, a.std.in)
	if err != nil {
		return err
	}
	if v, err = k.check(v); err != nil {
		return err
	}
	cl, err := a.client()
	if err != nil {
		return err
	}
	return wrap("set "+k.word+" "+name, cl.Put(ctx, k.path+"/"+name, v))
}

// check finds a field that cannot be before a server is asked, and gives the one
// spelling that the server knows.
func (k kind) check(v any) (any, error) {
	raw, err := json.Marshal(v)
	if err == nil {
		v, err = k.parse(raw)
	}
	if err != nil {
		return nil, usage("", "%s", strings.Replace(err.Error(), "json: ", "", 1))
	}
	return v, nil
}

// form reads a file, or fields.
func (k kind) form(values []string, stdin io.Reader) (any, error) {
	if len(values) == 1 && !strings.Contains(values[0], "=") {
		data, err := readForm(values[0], stdin)
		if err != nil {
			return nil, err
		}
		return parseYAML(values[0], data)
	}
	m := map[string]any{}
	for _, f := range values {
		key, v, ok := strings.Cut(f, "=")
		if !ok || key == "" {
			return nil, usage("write FIELD=VALUE", "%q is no field", f)
		}
		if err := k.assign(m, key, v); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// assign sets a field; dots lead into a group. What looks like YAML's own lists and
// groups is read as such.
func (k kind) assign(m map[string]any, key, text string) error {
	field := key
	for {
		group, rest, nested := strings.Cut(field, ".")
		if !nested {
			break
		}
		in, ok := m[group].(map[string]any)
		if !ok {
			in = map[string]any{}
			m[group] = in
		}
		m, field = in, rest
	}
	if slices.Contains(k.lists, key) && !strings.HasPrefix(text, "[") && !strings.HasPrefix(text, "{") {
		m[field] = strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == '+' })
		return nil
	}
	v, err := parseYAML(key, []byte(text))
	if err != nil {
		return err
	}
	if _, scalar := v.(string); !scalar && key == "pdfa" {
		v = text
	}
	m[field] = v
	return nil
}

func readForm(p string, stdin io.Reader) ([]byte, error) {
	r := stdin
	if p != "-" {
		f, err := os.Open(p)
		if err != nil {
			return nil, unreadable(p, err)
		}
		defer f.Close() // read only
		r = f
	}
	data, err := io.ReadAll(io.LimitReader(r, maxForm+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", p, err)
	}
	if len(data) > maxForm {
		return nil, usage("", "%s is longer than a megabyte", p)
	}
	return data, nil
}

// parseYAML reads one YAML or JSON value.
func parseYAML(name string, data []byte) (any, error) {
	var v any
	if err := yaml.Unmarshal(data, &v); err != nil {
		return nil, usage("docs/operations.md has examples", "%s is no YAML: %s", name, plainYAML(err))
	}
	return v, nil
}

// plainYAML leaves the library's name and Go's types out of its errors.
func plainYAML(err error) string {
	text := err.Error()
	var te *yaml.TypeError
	if errors.As(err, &te) {
		text = strings.Join(te.Errors, "; ")
	}
	text, _, _ = strings.Cut(strings.ReplaceAll(strings.TrimPrefix(text, "yaml: "), "\n", " "), " in type ")
	return text
}

// parseProfile reads a profile as core knows it from YAML or JSON.
func parseProfile(name string, data []byte) (core.Profile, error) {
	v, err := parseYAML(name, data)
	if err != nil {
		return core.Profile{}, err
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return core.Profile{}, usage("", "%s: %s", name, err)
	}
	p, err := core.ParseProfile(raw)
	if err != nil {
		return p, usage("", "%s: %s", name, err)
	}
	return p, nil
}
