package sdk

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	pluginv1 "github.com/twinleaf-scan/twinleaf/sdk/proto/v1"
	pluginv2 "github.com/twinleaf-scan/twinleaf/sdk/proto/v2"
)

// Manifest is what a plug-in tells a host: `PROGRAM describe` prints it.
type Manifest struct {
	Info
	Protocol   int                 `json:"protocol"` // generation
	Components []ComponentManifest `json:"components"`
}

// ComponentManifest is one component of a Manifest.
type ComponentManifest struct {
	ID     string          `json:"id"`
	Kind   Kind            `json:"kind"`
	Media  []string        `json:"media,omitempty"` // readers
	Ops    []string        `json:"ops"`
	Schema json.RawMessage `json:"settings"` // JSON Schema of the settings
}

var (
	validName    = regexp.MustCompile(`^[a-z0-9]+([.-][a-z0-9]+)*$`)
	validVersion = regexp.MustCompile(`^[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$`)
)

// What a manifest may say in free words, which go into journals, manifests of documents
// and onto screens.
const (
	maxWords      = 500 // bytes
	maxComponents = 100
)

func words(s string) bool {
	return len(s) <= maxWords && utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsGraphic(r) })
}

// Check says whether a manifest can be worked with: names are well formed and
// components tell what they are.
func (m Manifest) Check() error {
	switch {
	case len(m.Name) > 100 || !validName.MatchString(m.Name):
		return fmt.Errorf("plug-in name %.100q: want lower-case letters, digits, dots and dashes", m.Name)
	case len(m.Version) > 100 || !validVersion.MatchString(m.Version):
		return fmt.Errorf("version %.100q of plug-in %s: want 1.2.3", m.Version, m.Name)
	case m.Protocol < pluginv1.Generation || m.Protocol > pluginv2.Generation:
		return fmt.Errorf("plug-in %s speaks generation %d, not %d or %d", m.Name, m.Protocol, pluginv1.Generation, pluginv2.Generation)
	case !words(m.Engine) || !words(m.Summary) || !words(m.License):
		return fmt.Errorf("plug-in %s: engine, summary and license are one line of at most %d bytes each, without control characters", m.Name, maxWords)
	case len(m.Components) > maxComponents:
		return fmt.Errorf("plug-in %s has %d components, more than %d", m.Name, len(m.Components), maxComponents)
	case len(m.Components) == 0:
		return fmt.Errorf("plug-in %s has no components", m.Name)
	}
	seen := map[string]bool{}
	for _, c := range m.Components {
		if len(c.ID) > 100 || !validName.MatchString(c.ID) || seen[c.ID] {
			return fmt.Errorf("component id %.100q of plug-in %s: bad or used twice; use Named", c.ID, m.Name)
		}
		seen[c.ID] = true
		if len(c.Ops) == 0 {
			return fmt.Errorf("component %s of plug-in %s has no operations", c.ID, m.Name)
		}
	}
	return nil
}

// Describe makes the manifest of a plug-in.
func Describe(info Info, components ...Component) (Manifest, error) {
	m := Manifest{Info: info, Protocol: pluginv2.Generation}
	var errs []error
	for _, c := range components {
		if c.err != nil {
			errs = append(errs, fmt.Errorf("component %s: %w", c.id, c.err))
			continue
		}
		schema, err := json.Marshal(c.schema)
		errs = append(errs, err)
		m.Components = append(m.Components, ComponentManifest{
			ID: c.id, Kind: c.kind, Media: c.media, Ops: sortedKeys(c.ops), Schema: schema,
		})
	}
	if err := errors.Join(errs...); err != nil {
		return Manifest{}, err
	}
	return m, m.Check()
}
