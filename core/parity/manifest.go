// Package parity says in what two servers differ. A server writes down what it is and has
// in a [Manifest]; [Compare] names every difference between two of them with what to do
// about it, and [Report.May] says whether a job of one server may run on the other all
// the same.
//
// The package is pure: it reads no clock, no disk and no network, and keeps nothing. The
// membership of the pair asks it before it forms, before it synchronises and before it
// takes over; the command line asks it on demand.
package parity

import (
	"slices"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
)

// Format is the number of the manifest's form that this package writes and reads.
const Format = 1

// Manifest is what of a server must be the same on its peer. Lists are sorted by name
// and name nothing twice; see [Manifest.Sort] and [Manifest.Check].
type Manifest struct {
	Format   int      `json:"format"`
	Product  string   `json:"product"`            // version of Twinleaf
	Platform string   `json:"platform,omitempty"` // operating system and processor, e.g. linux/amd64
	Server   Server   `json:"server"`
	License  *License `json:"license,omitempty"` // in force; nil: none

	Plugins  []Plugin                   `json:"plugins"`
	Own      map[core.StepKind][]string `json:"own,omitempty"` // plug-ins that serve where a job names none; of deliverers, that of a destination that is no setting
	Engines  []Engine                   `json:"engines"`
	Settings []Setting                  `json:"settings"` // nil: not known

	Zone     string    `json:"zone"`           // time zone, e.g. Europe/Berlin
	Clock    time.Time `json:"clock,omitzero"` // when the manifest was taken; zero: not to be compared
	Cores    int       `json:"cores"`
	MemoryMB int64     `json:"memoryMB"`
}

// Server names a server.
type Server struct {
	ID   string `json:"id,omitempty"` // empty: it has none because it never was in a pair
	Name string `json:"name"`
}

// License is what parity asks of a licence.
type License struct {
	Key    string `json:"key"`
	Role   string `json:"role"` // 03 or 04
	Kind   string `json:"kind"` // permanent or trial
	Code   int    `json:"code"` // how it stands: 800000 and so on, see package license
	Signer string `json:"signer"`
}

// Plugin is one plug-in.
type Plugin struct {
	Name        string   `json:"name"`
	Version     string   `json:"version,omitempty"`
	Kinds       []string `json:"kinds,omitempty"`
	Media       []string `json:"media,omitempty"` // media types that it reads
	Protocol    int      `json:"protocol,omitempty"`
	Digest      string   `json:"digest,omitempty"`      // h1 of its files
	Signer      string   `json:"signer,omitempty"`      // empty: nobody signed
	Permissions string   `json:"permissions,omitempty"` // in their one spelling
	Schema      string   `json:"schema,omitempty"`      // digest of its components and their settings
	Form        string   `json:"form,omitempty"`        // digest of the form that it ships for clients
	Problem     string   `json:"problem,omitempty"`     // why it cannot be used
}

// Engine is the fingerprint of the engine behind a recognizer.
type Engine struct {
	Plugin    string            `json:"plugin"`
	Name      string            `json:"name,omitempty"` // e.g. tesseract
	Version   string            `json:"version,omitempty"`
	Libraries map[string]string `json:"libraries,omitempty"` // name to version
	SIMD      string            `json:"simd,omitempty"`      // code path that the processor made it choose
	Data      map[string]string `json:"data,omitempty"`      // language to SHA-256 of its data
	Golden    string            `json:"golden,omitempty"`    // SHA-256 of what it reads on the golden page
	Problem   string            `json:"problem,omitempty"`   // why it cannot be used
}

// Setting is one shared setting.
type Setting struct {
	Key      string `json:"key"` // e.g. destination/archive
	Revision int    `json:"revision"`
	User     string `json:"user,omitempty"`
	Digest   string `json:"digest"`           // SHA-256 of its value as the journal has it, sealed secrets as sealed
	Plugin   string `json:"plugin,omitempty"` // of a destination: the deliverer
}

// Sort brings the lists into their order.
func (m *Manifest) Sort() {
	slices.SortFunc(m.Plugins, byName(pluginName))
	slices.SortFunc(m.Engines, byName(engineName))
	slices.SortFunc(m.Settings, byName(settingName))
}

func pluginName(p Plugin) string   { return p.Name }
func engineName(e Engine) string   { return e.Plugin }
func settingName(s Setting) string { return s.Key }

// plugin is the plug-in of a name, nil where there is none.
func (m Manifest) plugin(name string) *Plugin { return find(m.Plugins, pluginName, name) }

// engine is the OCR engine of the server: that of its own recognizer, or where that
// is not there the first that works, as the plug-in host would choose. Nil: it has none.
func (m Manifest) engine() *Engine {
	for _, name := range m.Own[core.StepRecognizer] {
		if e := find(m.Engines, engineName, name); e != nil && m.works(*e) {
			return e
		}
	}
	for i, e := range m.Engines {
		if m.works(e) {
			return &m.Engines[i]
		}
	}
	return nil
}

// works reports whether neither the engine nor its plug-in has a problem.
func (m Manifest) works(e Engine) bool {
	p := m.plugin(e.Plugin)
	return e.Problem == "" && p != nil && p.Problem == ""
}
