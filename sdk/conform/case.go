package conform

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/twinleaf-scan/twinleaf/sdk"
	pluginv2 "github.com/twinleaf-scan/twinleaf/sdk/proto/v2"
)

// Case is one call and what must come of it. In a folder it is request.json (Component,
// Op, Settings, Args), in/ (Files), want.json (Want) and out/ (Outputs).
type Case struct {
	Name      string          `json:"-"`
	Component string          `json:"component"`          // empty: the first that has the operation
	Op        string          `json:"op"`                 // clean, recognize …
	Settings  json.RawMessage `json:"settings,omitempty"` // of the component

	// Args is the operation's request; a path in it that begins with in/ means one of
	// Files. Of assemble it is the Document itself. Where page and text have no info,
	// the document is inspected first.
	Args  json.RawMessage   `json:"args"`
	Files map[string][]byte `json:"-"` // by name

	// Want is what the answer must hold: of objects these fields at least, anything else
	// alike. {"error":{"code":"damaged"}} wants a refusal. Nil: any right answer will do.
	Want    json.RawMessage   `json:"-"`
	Outputs map[string][]byte `json:"-"` // files of the answer, by name, byte for byte

	builtin bool
}

// maxCase bounds one file of a case.
const maxCase = 64 << 20

// Load reads the cases of a folder, each a folder of its own, by name.
func Load(dir string) ([]Case, error) {
	folders, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("cases: %w", err)
	}
	var all []Case
	for _, f := range folders {
		if !f.IsDir() || strings.HasPrefix(f.Name(), ".") {
			continue
		}
		c, err := load(filepath.Join(dir, f.Name()))
		if err != nil {
			return nil, fmt.Errorf("case %s: %w", f.Name(), err)
		}
		all = append(all, c)
	}
	return all, nil
}

func load(dir string) (Case, error) {
	c := Case{}
	raw, err := os.ReadFile(filepath.Join(dir, "request.json"))
	if err != nil {
		return c, err
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&c); err != nil {
		return c, fmt.Errorf("request.json: %w", err)
	}
	c.Name = filepath.Base(dir)
	c.Want, err = os.ReadFile(filepath.Join(dir, "want.json"))
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return c, err
	}
	if c.Want != nil && !json.Valid(c.Want) {
		return c, errors.New("want.json is no JSON")
	}
	var errIn, errOut error
	c.Files, errIn = files(filepath.Join(dir, "in"))
	c.Outputs, errOut = files(filepath.Join(dir, "out"))
	return c, errors.Join(errIn, errOut)
}

func files(dir string) (map[string][]byte, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	all := map[string][]byte{}
	for _, e := range entries {
		if info, err := e.Info(); err != nil || !info.Mode().IsRegular() || info.Size() > maxCase {
			return nil, fmt.Errorf("%s/%s is no file of at most %d MB", filepath.Base(dir), e.Name(), maxCase>>20)
		}
		if all[e.Name()], err = os.ReadFile(filepath.Join(dir, e.Name())); err != nil {
			return nil, err
		}
	}
	return all, err
}

// componentOf is the component that a case is for.
func (s *suite) componentOf(k Case) (sdk.ComponentManifest, error) {
	for _, c := range s.manifest.Components {
		if (k.Component == "" || c.ID == k.Component) && slices.Contains(c.Ops, k.Op) {
			return c, nil
		}
	}
	return sdk.ComponentManifest{}, fail("request.json names the component and the operation", "no component %q has an operation %q", k.Component, k.Op)
}

func (s *suite) serves(c sdk.ComponentManifest, k Case) bool {
	found, err := s.componentOf(k)
	return err == nil && found.ID == c.ID
}

// prepare empties the folders of a process, places the files of a case and makes the job.
func (s *suite) prepare(p *process, k Case) (*pluginv2.Job, error) {
	c, err := s.componentOf(k)
	if err != nil {
		return nil, err
	}
	if err := p.place.clear(); err != nil {
		return nil, err
	}
	for name, content := range k.Files {
		if err := os.WriteFile(filepath.Join(p.place.In, filepath.Base(name)), content, 0o644); err != nil {
			return nil, err
		}
	}
	args, err := p.place.args(k)
	if err != nil {
		return nil, err
	}
	settings, err := s.settingsOf(c, k, p.place)
	if err != nil {
		return nil, err
	}
	p.calls++
	return &pluginv2.Job{
		Id: fmt.Sprintf("%s-%d", filepath.Base(p.place.Dir), p.calls), Component: c.ID, Op: k.Op,
		InDir: p.place.In, OutDir: p.place.Out, TmpDir: p.place.Tmp,
		ArgsJson: args, SettingsJson: settings, IdempotencyKey: key(args),
		DeadlineUnixNanos: time.Now().Add(s.CallTimeout).UnixNano(),
	}, nil
}

func key(args []byte) string {
	var r struct{ Key string }
	_ = json.Unmarshal(args, &r) // only deliverers have one
	return r.Key
}

// args is the request of a case with the true paths of its files.
func (p Place) args(k Case) ([]byte, error) {
	var tree any
	if err := json.Unmarshal(k.Args, &tree); err != nil {
		return nil, fmt.Errorf("args of case %s: %w", k.Name, err)
	}
	raw, err := json.Marshal(rooted(tree, p.In))
	if err != nil || k.Op != sdk.OpAssemble {
		return raw, err
	}
	document := filepath.Join(p.In, "document.json")
	if err := os.WriteFile(document, raw, 0o644); err != nil {
		return nil, err
	}
	return json.Marshal(sdk.AssembleRequest{Document: sdk.File{Path: document, Name: "document.json", Media: "application/json"}})
}

// rooted gives each path in/NAME of a request its place.
func rooted(tree any, in string) any {
	switch v := tree.(type) {
	case map[string]any:
		for name, value := range v {
			v[name] = rooted(value, in)
			if path, ok := value.(string); ok && name == "path" && strings.HasPrefix(path, "in/") {
				v[name] = filepath.Join(in, filepath.Base(path))
			}
		}
	case []any:
		for i := range v {
			v[i] = rooted(v[i], in)
		}
	}
	return tree
}

// inspected gives a page or text case the info that the reader itself has of the page;
// the error is inspect's.
func (s *suite) inspected(p *process, k Case, inspect func(Case) ([]byte, error)) (Case, error) {
	var args map[string]any
	if k.Op != sdk.OpPage && k.Op != sdk.OpText || json.Unmarshal(k.Args, &args) != nil || args["info"] != nil {
		return k, nil
	}
	first := k
	first.Op = sdk.OpInspect
	raw, err := json.Marshal(map[string]any{"input": args["input"], "mode": "skip", "limits": args["limits"], "password": args["password"]})
	if err != nil {
		return k, err
	}
	first.Args = raw
	answer, err := inspect(first)
	if err != nil {
		return k, err
	}
	var found struct{ Pages []any }
	if err := json.Unmarshal(answer, &found); err != nil || len(found.Pages) == 0 {
		return k, fail("", "inspect finds no page, so none can be asked for")
	}
	page, _ := args["page"].(float64)
	if n := int(page); n >= 1 && n <= len(found.Pages) {
		args["info"] = found.Pages[n-1]
	}
	k.Args, err = json.Marshal(args)
	return k, err
}
