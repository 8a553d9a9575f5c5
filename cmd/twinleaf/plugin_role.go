package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/license"
	"github.com/twinleaf-scan/twinleaf/core/pair/identity"
	"github.com/twinleaf-scan/twinleaf/plugins/host/store"
)

// secondary reports whether the server of this data folder is licensed as one (04), on
// which plug-ins are not changed by hand (GS10).
func (p whereabouts) secondary() (bool, error) {
	dir := filepath.Join(p.data, licenseFolder)
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return false, nil // looking leaves no trace
	}
	shelf, err := license.OpenShelf(dir)
	if err != nil {
		return false, cannotTell(err)
	}
	l, err := shelf.Active()
	if errors.Is(err, license.ErrNone) {
		return false, nil
	}
	if err != nil {
		return false, cannotTell(err)
	}
	return l.Key.Role() == license.Secondary, nil
}

func cannotTell(err error) error {
	return fmt.Errorf("whether plug-ins may be changed on this server is for its licence to say: %w\nhint: run it as the server's user; a damaged licence is activated again, or deactivated", err)
}

// changeable refuses to change plug-ins on a secondary. verb is the command.
func (p whereabouts) changeable(verb string) error {
	is, err := p.secondary()
	if err != nil || !is {
		return err
	}
	return p.elsewhere(verb, "its plug-ins are those of the primary")
}

// elsewhere is the refusal of a secondary: why, and where to do it instead.
func (p whereabouts) elsewhere(verb, why string) error {
	return core.Refuse(core.CodeReadOnly,
		fmt.Sprintf("run \"twinleaf plugin %s\" on the primary%s, then \"twinleaf pair sync\" here", verb, p.primaryURL()),
		"this server is the secondary of a pair (licence 04): %s", why)
}

// primaryURL is the primary's address in brackets, as far as it is known.
func (p whereabouts) primaryURL() string {
	raw, err := os.ReadFile(filepath.Join(p.data, serverFolder, "pair.json"))
	if err != nil {
		return ""
	}
	var formed identity.Formed
	if err := json.Unmarshal(raw, &formed); err != nil || formed.Peer.URL == "" {
		return ""
	}
	return " (" + formed.Peer.URL + ")"
}

// mayAdd lets a secondary add exactly what the lock of the primary names, as it was last
// seen (GS11), and says whether that version is to be active.
func (p whereabouts) mayAdd(e store.Entry, activate bool) (active bool, err error) {
	is, err := p.secondary()
	if err != nil || !is {
		return activate, err
	}
	l, known, err := p.knownLock()
	if err != nil {
		return false, err
	}
	if !known {
		return false, p.elsewhere("add", "it takes what the primary's lock names, which was never seen here")
	}
	named, there := l.Find(e.Name, e.Version)
	switch {
	case !there:
		return false, p.elsewhere("add", fmt.Sprintf("the primary's lock, as it was last seen, does not name %s", e))
	case named.Hash(store.Platform()) != e.Hash(store.Platform()):
		return false, p.elsewhere("add", fmt.Sprintf("the primary's lock names %s with other content, %s", e, named.Hash(store.Platform())))
	case len(named.Differences(e)) > 0:
		return false, p.elsewhere("add", fmt.Sprintf("the primary's lock says otherwise of %s: %s", e, named.Differences(e)[0]))
	}
	return named.Active, nil
}
