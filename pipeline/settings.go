package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/twinleaf-scan/twinleaf/core"
)

// maxSetting is the size of a setting's value in bytes.
const maxSetting = 1 << 20

// SetSetting changes a shared setting; the value is JSON, nil removes the key. Profiles and
// destinations are checked, their secrets are sealed; codes: bad-request, unknown (nothing
// to remove), read-only (the peer changes them).
func (p *Pipeline) SetSetting(ctx context.Context, key string, value []byte, user string) error {
	if err := p.writable(); err != nil {
		return err
	}
	value, before, err := p.restored(ctx, key, value)
	if err != nil {
		return err
	}
	if err := p.validSetting(ctx, key, value, nil); err != nil {
		return err
	}
	if value, err = p.sealed(ctx, key, value, before); err != nil {
		return err
	}
	_, err = p.change(ctx, "setting/"+key, func(s *core.State) ([]core.Event, error) {
		old, known := s.Setting(key)
		if !known && len(value) == 0 {
			return nil, noSetting(key)
		}
		if known && string(old.Value) == string(value) {
			return nil, nil
		}
		body := core.SettingChanged{Key: key, Value: value, Revision: s.Revision(key) + 1, User: user}
		return []core.Event{{At: p.now(), Body: body}}, nil
	})
	return err
}

// writable says why settings are not changed here.
func (p *Pipeline) writable() error {
	if p.cfg.ReadOnly == nil {
		return nil
	}
	return p.cfg.ReadOnly()
}

func noSetting(key string) error {
	return core.Refuse(core.CodeUnknown, `list the settings with "twinleaf settings get"; what is built in cannot be removed`, "there is no setting %q", key)
}

// CheckSettings says whether SetSetting would take the changes, made together, as
// things stand. It changes nothing.
func (p *Pipeline) CheckSettings(ctx context.Context, values map[string][]byte) error {
	if err := p.writable(); err != nil {
		return err
	}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		value, _, err := p.restored(ctx, key, values[key])
		if err != nil {
			return err
		}
		if err := p.validSetting(ctx, key, value, values); err != nil {
			return err
		}
		if len(values[key]) == 0 && !p.isSet(key) {
			return noSetting(key)
		}
	}
	return nil
}

func (p *Pipeline) isSet(key string) bool {
	p.mu.RLock()
	defer p.mu.RUnlock()
	_, known := p.state.Setting(key)
	return known
}

// validSetting checks one change; beside are those that are made with it.
func (p *Pipeline) validSetting(ctx context.Context, key string, value []byte, beside map[string][]byte) error {
	kind, name, ok := strings.Cut(key, "/")
	if !ok || kind == "" || len(key) > 200 {
		return core.Refuse(core.CodeBadRequest, "write it like profile/NAME", "%q is no key of a setting", key)
	}
	if len(value) == 0 {
		return p.mayGo(key, beside)
	}
	if len(value) > maxSetting || !json.Valid(value) {
		return core.Refuse(core.CodeBadRequest, "give one JSON value of at most 1 MiB", "the value of %s is too large or no JSON", key)
	}
	var err error
	switch kind {
	case "profile":
		err = p.checkProfile(ctx, value, beside)
	case "destination":
		err = p.checkDestination(ctx, value)
	default:
		return nil
	}
	if err != nil {
		return err
	}
	return core.CheckName(name)
}

// checkProfile refuses a profile that names a plug-in or a destination that is not there.
func (p *Pipeline) checkProfile(ctx context.Context, value []byte, beside map[string][]byte) error {
	profile, err := core.ParseProfile(value)
	if err != nil {
		return err
	}
	for _, name := range profile.Destinations {
		v, changed := beside[core.DestinationKey(name)]
		if _, built := p.cfg.Defaults.Destinations[name]; changed && (len(v) > 0 || built) {
			continue
		}
		if changed {
			return core.Refuse(core.CodeUnknown, "take it out of the profile, or leave the destination", "destination %q is removed by the same change", name)
		}
		if err := p.knowsDestination(name); err != nil {
			return err
		}
	}
	return p.checkSteps(ctx, profile.Options)
}

// mayGo refuses to remove a destination that profiles deliver to; beside are changes that
// are made with it, and looked at by themselves.
func (p *Pipeline) mayGo(key string, beside map[string][]byte) error {
	name, is := strings.CutPrefix(key, core.DestinationKey(""))
	if _, built := p.cfg.Defaults.Destinations[name]; !is || built {
		return nil
	}
	p.mu.RLock()
	defer p.mu.RUnlock()
	var users []string
	for s := range p.state.Settings(core.ProfileKey("")) {
		if _, changed := beside[s.Key]; changed {
			continue
		}
		if profile, err := core.ParseProfile(s.Value); err == nil && slices.Contains(profile.Destinations, name) {
			users = append(users, strings.TrimPrefix(s.Key, core.ProfileKey("")))
		}
	}
	if len(users) == 0 {
		return nil
	}
	return core.Refuse(core.CodeConflict, "give them another destination first: twinleaf profile set NAME destinations=…", "destination %q is that of profile %s", name, strings.Join(users, ", "))
}

func (p *Pipeline) knowsDestination(name string) error {
	p.mu.RLock()
	defer p.mu.RUnlock()
	_, err := p.state.Destination(name, p.cfg.Defaults)
	return err
}

func (p *Pipeline) checkSteps(ctx context.Context, o core.Options) error {
	if p.cfg.CheckStep == nil {
		return nil
	}
	for kind, step := range o.Steps() {
		if err := p.cfg.CheckStep(ctx, kind, step); err != nil {
			return err
		}
	}
	return nil
}

func (p *Pipeline) checkDestination(ctx context.Context, value []byte) error {
	d, err := core.ParseDestination(value)
	if err != nil || p.cfg.CheckStep == nil {
		return err
	}
	settings, err := json.Marshal(d.Settings)
	if err != nil {
		return fmt.Errorf("settings of the destination: %w", err)
	}
	return p.cfg.CheckStep(ctx, core.StepDeliverer, core.Step{Plugin: d.Plugin, Settings: settings})
}

// Settings gives all shared settings by key, with core.Mask in the place of secrets.
func (p *Pipeline) Settings() map[string][]byte {
	p.mu.RLock()
	defer p.mu.RUnlock()
	all := map[string][]byte{}
	for s := range p.state.Settings("") {
		all[s.Key] = core.MaskSecrets(s.Value)
	}
	return all
}

// Journaled gives all shared settings as the journal has them, secrets sealed, by key:
// for comparing two servers, not for showing.
func (p *Pipeline) Journaled() []core.Setting {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return slices.Collect(p.state.Settings(""))
}

// Kept gives a shared setting as it is journaled, with its secrets sealed; nil: not set.
func (p *Pipeline) Kept(key string) []byte {
	p.mu.RLock()
	defer p.mu.RUnlock()
	s, _ := p.state.Setting(key)
	return s.Value
}

// KeptUnder gives all shared settings whose key begins with prefix as they are journaled,
// with their secrets sealed.
func (p *Pipeline) KeptUnder(prefix string) map[string][]byte {
	p.mu.RLock()
	defer p.mu.RUnlock()
	all := map[string][]byte{}
	for s := range p.state.Settings(prefix) {
		all[s.Key] = s.Value
	}
	return all
}
