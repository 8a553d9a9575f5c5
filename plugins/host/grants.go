package host

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/plugins/host/egress"
	"github.com/twinleaf-scan/twinleaf/plugins/host/sandbox"
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

// maxGrants is how many hosts and folders settings may grant.
const maxGrants = 64

// grantsOf collects the grants of settings: the values of those fields that the schema
// marks with [sdk.GrantKeyword]. What is wrong comes back as an *[sdk.SettingsError]
// that names the place.
func grantsOf(schema, settings json.RawMessage) (grants, error) {
	var g grants
	err := walkSettings(schema, settings, sdk.GrantKeyword, func(f field) (bool, error) {
		if f.schema.Grant == "" {
			return false, nil
		}
		return true, g.mark(f.schema.Grant, f.value, f.at, neighbours(f.owner, f.beside))
	})
	if err != nil {
		return grants{}, err
	}
	slices.SortFunc(g.net, func(a, b egress.Address) int { return strings.Compare(a.String(), b.String()) })
	return g, nil
}

// sibling is what the neighbours of a field say about it.
type sibling struct {
	port   uint16 // of a host: a field "port" beside it
	create bool   // of a folder: there is a field "create" beside it that does not say no
}

func neighbours(s *schemaNode, object map[string]any) sibling {
	var near sibling
	if s == nil {
		return near
	}
	if port, ok := object["port"].(float64); ok && port >= 1 && port <= 65535 {
		near.port = uint16(port)
	}
	if _, known := s.Properties["create"]; known {
		said, ok := object["create"].(bool)
		near.create = !ok || said
	}
	return near
}

// mark takes the value of a marked field: a string, or a list of strings. Anything else
// grants nothing; it is for the plug-in to refuse.
func (g *grants) mark(kind string, value any, at string, near sibling) error {
	if word, ok := value.(string); ok {
		return g.add(kind, word, at, near)
	}
	list, _ := value.([]any)
	for i, item := range list {
		if word, ok := item.(string); ok {
			if err := g.add(kind, word, at+"/"+strconv.Itoa(i), near); err != nil {
				return err
			}
		}
	}
	return nil
}

func (g *grants) add(kind, value, at string, near sibling) error {
	if value == "" {
		return nil
	}
	room := 1
	if kind == sdk.GrantHost {
		room = 2 // the address, and the ports
	}
	if len(g.net)+len(g.writes)+room > maxGrants {
		return &sdk.SettingsError{Path: at, Detail: fmt.Sprintf("more than %d hosts and folders", maxGrants)}
	}
	switch kind {
	case sdk.GrantNet, sdk.GrantHost:
		to, err := egress.OfValue(value, near.port)
		if err != nil {
			return &sdk.SettingsError{Path: at, Detail: err.Error()}
		}
		g.addAddress(to)
		if kind == sdk.GrantHost {
			g.addAddress(egress.Address{Host: to.Host, Port: egress.High})
		}
	case sdk.GrantWrite:
		if !filepath.IsAbs(value) || strings.ContainsRune(value, 0) {
			return &sdk.SettingsError{Path: at, Detail: quote(value) + " is not an absolute path"}
		}
		g.addFolder(folder{filepath.Clean(value), near.create})
	default:
		return &sdk.SettingsError{Path: at, Detail: "the plug-in asks for an unknown grant " + quote(kind)}
	}
	return nil
}

func (g *grants) addAddress(a egress.Address) {
	if !slices.Contains(g.net, a) {
		g.net = append(g.net, a)
	}
}

func (g *grants) addFolder(f folder) {
	i, known := slices.BinarySearchFunc(g.writes, f, func(a, b folder) int { return strings.Compare(a.path, b.path) })
	if known {
		g.writes[i].create = g.writes[i].create || f.create
		return
	}
	g.writes = slices.Insert(g.writes, i, f)
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
	return g, h.notAsRoot(r.plugin, g.paths())
}

// checkGrants says whether what settings grant can be granted at all, without making
// anything ready.
func (h *Host) checkGrants(r request) error {
	g, err := grantsOf(r.schema(), r.settings)
	if err != nil {
		return r.unsettled(err)
	}
	for _, f := range g.writes {
		if err := h.allowed(f); err != nil {
			return err
		}
	}
	return nil
}

// notAsRoot refuses to run a stranger's program as root where nothing but its user holds it
// back from the server's files and processes: a process that may write to a folder is the
// folder's owner.
func (h *Host) notAsRoot(p *plugin, writes []string) error {
	if !p.stored || h.sandbox.Level != sandbox.RLimit || os.Geteuid() != 0 {
		return nil
	}
	if uid, _ := h.userOf(0, writes); uid != 0 {
		return nil
	}
	return &core.Failure{
		Code: core.CodeDestination, Detail: fmt.Sprintf("plug-in %s is not run as root, to whom %s belongs: the sandbox of this machine reaches level %s only", p.name(), strings.Join(writes, ", "), h.sandbox.Level),
		Remedy: "give the folder to another user", Permanent: true,
	}
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
