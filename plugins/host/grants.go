package host

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/plugins/host/egress"
	"github.com/twinleaf-scan/twinleaf/sdk"
)

// grants are what the operator's own settings allow the process of one call.
type grants struct {
	net    []egress.Address
	writes []folder // by path, each once
}

// folder is one that a plug-in may write to.
type folder struct {
	path   string // absolute and clean
	create bool   // made when it is missing
}

// paths are the folders' paths, in order.
func (g grants) paths() []string {
	var out []string
	for _, f := range g.writes {
		out = append(out, f.path)
	}
	return out
}

// Bounds of a walk through settings.
const (
	maxGrants = 64
	maxDepth  = 32
	maxVisits = 100_000 // a small schema can name itself twice at every turn
)

// grantsOf collects the grants of settings: the values of those fields that the schema
// marks with [sdk.GrantKeyword]. What is wrong comes back as an *[sdk.SettingsError]
// that names the place.
func grantsOf(schema, settings json.RawMessage) (grants, error) {
	if len(bytes.TrimSpace(settings)) == 0 || !bytes.Contains(schema, []byte(`"`+sdk.GrantKeyword+`"`)) {
		return grants{}, nil
	}
	var root grantSchema
	if err := json.Unmarshal(schema, &root); err != nil {
		return grants{}, fmt.Errorf("schema of the settings: %w", err)
	}
	var value any
	if err := json.Unmarshal(settings, &value); err != nil {
		return grants{}, &sdk.SettingsError{Detail: "not JSON: " + err.Error()}
	}
	w := &walk{root: &root}
	if err := w.visit(&root, value, "", sibling{}, 0); err != nil {
		return grants{}, err
	}
	return w.found, nil
}

// grantSchema is as much of a JSON Schema as grants need. true and false are schemas
// that mark nothing.
type grantSchema struct {
	Grant      string                  `json:"x-grant"`
	Ref        string                  `json:"$ref"`
	Defs       map[string]*grantSchema `json:"$defs"`
	Old        map[string]*grantSchema `json:"definitions"`
	Properties map[string]*grantSchema `json:"properties"`
	More       *grantSchema            `json:"additionalProperties"`
	Items      *grantSchema            `json:"items"`
	AllOf      []*grantSchema          `json:"allOf"`
	AnyOf      []*grantSchema          `json:"anyOf"`
	OneOf      []*grantSchema          `json:"oneOf"`
}

// UnmarshalJSON takes true and false, too.
func (s *grantSchema) UnmarshalJSON(raw []byte) error {
	if !bytes.HasPrefix(bytes.TrimSpace(raw), []byte("{")) {
		return nil
	}
	type plain grantSchema
	return json.Unmarshal(raw, (*plain)(s))
}

// walk goes through a schema and a value together.
type walk struct {
	root   *grantSchema
	found  grants
	visits int
}

// sibling is what the neighbours of a field say about it.
type sibling struct {
	port   uint16 // of a host: a field "port" beside it
	create bool   // of a folder: there is a field "create" beside it that does not say no
}

func (w *walk) visit(s *grantSchema, value any, at string, near sibling, depth int) error {
	if s == nil || value == nil {
		return nil
	}
	if w.visits++; depth > maxDepth || w.visits > maxVisits {
		return &sdk.SettingsError{Path: at, Detail: "nested too deep"}
	}
	if s.Grant != "" {
		return w.mark(s.Grant, value, at, near)
	}
	for _, also := range slices.Concat(w.resolve(s.Ref), s.AllOf, s.AnyOf, s.OneOf) {
		if err := w.visit(also, value, at, near, depth+1); err != nil {
			return err
		}
	}
	switch v := value.(type) {
	case map[string]any:
		return w.object(s, v, at, depth)
	case []any:
		for i, item := range v {
			if err := w.visit(s.Items, item, at+"/"+strconv.Itoa(i), sibling{}, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *walk) object(s *grantSchema, object map[string]any, at string, depth int) error {
	near := neighbours(s, object)
	for name, value := range object {
		field, known := s.Properties[name]
		if !known {
			field = s.More
		}
		if err := w.visit(field, value, at+"/"+pointer(name), near, depth+1); err != nil {
			return err
		}
	}
	return nil
}

func neighbours(s *grantSchema, object map[string]any) sibling {
	var near sibling
	if port, ok := object["port"].(float64); ok && port >= 1 && port <= 65535 {
		near.port = uint16(port)
	}
	if _, known := s.Properties["create"]; known {
		said, ok := object["create"].(bool)
		near.create = !ok || said
	}
	return near
}

// resolve finds what a local reference names.
func (w *walk) resolve(ref string) []*grantSchema {
	for prefix, defs := range map[string]map[string]*grantSchema{"#/$defs/": w.root.Defs, "#/definitions/": w.root.Old} {
		if name, ok := strings.CutPrefix(ref, prefix); ok && defs[name] != nil {
			return []*grantSchema{defs[name]}
		}
	}
	return nil
}

// mark takes the value of a marked field: a string, or a list of strings. Anything else
// grants nothing; it is for the plug-in to refuse.
func (w *walk) mark(kind string, value any, at string, near sibling) error {
	if word, ok := value.(string); ok {
		return w.add(kind, word, at, near)
	}
	list, _ := value.([]any)
	for i, item := range list {
		if word, ok := item.(string); ok {
			if err := w.add(kind, word, at+"/"+strconv.Itoa(i), near); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *walk) add(kind, value, at string, near sibling) error {
	if value == "" {
		return nil
	}
	if len(w.found.net)+len(w.found.writes) >= maxGrants {
		return &sdk.SettingsError{Path: at, Detail: fmt.Sprintf("more than %d hosts and folders", maxGrants)}
	}
	switch kind {
	case sdk.GrantNet:
		to, err := egress.OfValue(value, near.port)
		if err != nil {
			return &sdk.SettingsError{Path: at, Detail: err.Error()}
		}
		if !slices.Contains(w.found.net, to) {
			w.found.net = append(w.found.net, to)
		}
	case sdk.GrantWrite:
		if !filepath.IsAbs(value) || strings.ContainsRune(value, 0) {
			return &sdk.SettingsError{Path: at, Detail: quote(value) + " is not an absolute path"}
		}
		w.addFolder(folder{filepath.Clean(value), near.create})
	default:
		return &sdk.SettingsError{Path: at, Detail: "the plug-in asks for an unknown grant " + quote(kind)}
	}
	return nil
}

func (w *walk) addFolder(f folder) {
	i, known := slices.BinarySearchFunc(w.found.writes, f, func(a, b folder) int { return strings.Compare(a.path, b.path) })
	if known {
		w.found.writes[i].create = w.found.writes[i].create || f.create
		return
	}
	w.found.writes = slices.Insert(w.found.writes, i, f)
}

// pointer escapes a name for a JSON pointer.
func pointer(name string) string {
	return strings.NewReplacer("~", "~0", "/", "~1").Replace(name)
}

// grant finds out what the settings of a call allow, and makes its folders ready.
func (h *Host) grant(r request) (grants, error) {
	g, err := grantsOf(r.schema(), r.settings)
	if err != nil {
		return g, r.unsettled(err)
	}
	for _, f := range g.writes {
		if err := h.ready(f); err != nil {
			return g, err
		}
	}
	return g, nil
}

// hosts are those that the plug-in's author asked for.
func (p *plugin) hosts() []egress.Address {
	var out []egress.Address
	for _, s := range p.about.Permissions.Net {
		if a, err := egress.OfAuthor(s); err == nil { // the manifest was checked
			out = append(out, a)
		}
	}
	return out
}

// unsettled says that the settings of a call are wrong.
func (r request) unsettled(err error) error {
	place := ""
	if e, ok := errors.AsType[*sdk.SettingsError](err); ok && e.Path != "" {
		place = e.Path + ": "
		err = errors.New(e.Detail)
	}
	return &core.Failure{
		Code: "settings", Detail: brief(fmt.Sprintf("settings of plug-in %s: %s%v", r.plugin.name(), place, err)),
		Remedy: `"twinleaf plugin describe" shows the settings that it knows`, Permanent: true,
	}
}
