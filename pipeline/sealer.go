package pipeline

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/twinleaf-scan/twinleaf/core"
)

// Sealer keeps the secrets of settings out of the journal; see package core/secret.
type Sealer interface {
	// Restore gives a setting's value with the secrets of old in clear where value has
	// core.Mask. A secret is not kept for a plug-in that could take it elsewhere.
	Restore(ctx context.Context, key string, value, old []byte) ([]byte, error)
	// Seal gives a setting's value as it may be journaled.
	Seal(ctx context.Context, key string, value, old []byte) ([]byte, error)
}

// restored is the value of a setting with the secrets that stay as they were, in clear,
// and the value that is set now.
func (p *Pipeline) restored(ctx context.Context, key string, value []byte) (clear, old []byte, err error) {
	if p.cfg.Sealer == nil || len(value) == 0 || len(value) > maxSetting || !json.Valid(value) {
		return value, nil, nil
	}
	p.mu.RLock()
	was, _ := p.state.Setting(key)
	p.mu.RUnlock()
	clear, err = p.cfg.Sealer.Restore(ctx, key, value, was.Value)
	return clear, was.Value, err
}

// sealed is a value that was found good, as it may be journaled. Sealing makes it longer,
// so it must be found good once more.
func (p *Pipeline) sealed(ctx context.Context, key string, value, old []byte) ([]byte, error) {
	if p.cfg.Sealer == nil || len(value) == 0 {
		return value, nil
	}
	sealed, err := p.cfg.Sealer.Seal(ctx, key, value, old)
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(key, core.ProfileKey("")) {
		_, err = core.ParseProfile(sealed)
	}
	return sealed, err
}
