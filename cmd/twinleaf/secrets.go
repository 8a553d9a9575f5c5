package main

import (
	"context"
	"encoding/json"
	"os"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/secret"
	"github.com/twinleaf-scan/twinleaf/plugins/host"
)

// secretsHost is the plug-in host as stages see it: settings come with their secrets
// sealed, and the call alone has them in clear. What a plug-in says of a call comes back
// without them.
type secretsHost struct {
	*host.Host
	keeper *secret.Keeper // nil: nothing was ever sealed
}

// openSecrets reads the server's key, and makes it at the first start. What joining a pair
// began and did not end is ended before.
func (e *engine) openSecrets(data string) error {
	if err := secret.Settle(data, e.member != nil); err != nil {
		return err
	}
	key, err := secret.Load(data, os.Getenv)
	if err != nil {
		return err
	}
	if e.box, err = secret.NewBox(key); err != nil {
		return err
	}
	e.secrets, err = secret.NewKeeper(key, e.host)
	return err
}

// step opens the secrets of a step; where nothing was ever sealed they are in clear.
func (h secretsHost) step(ctx context.Context, kind core.StepKind, s *core.Step) (hidden secret.Hidden, err error) {
	if h.keeper == nil {
		return inClear(ctx, h.Host, kind, *s), nil
	}
	*s, hidden, err = h.keeper.OpenStep(kind, *s)
	return hidden, err
}

func (h secretsHost) Clean(ctx context.Context, c core.CleanCall) (core.PageClean, error) {
	hidden, err := h.step(ctx, core.StepFilter, &c.Step)
	if err != nil {
		return core.PageClean{}, err
	}
	out, err := h.Host.Clean(ctx, c)
	return out, hidden.Error(err)
}

func (h secretsHost) Recognize(ctx context.Context, c core.RecognizeCall) (core.PageText, error) {
	hidden, err := h.step(ctx, core.StepRecognizer, &c.Step)
	if err != nil {
		return core.PageText{}, err
	}
	out, err := h.Host.Recognize(ctx, c)
	return out, hidden.Error(err)
}

func (h secretsHost) Index(ctx context.Context, c core.IndexCall) (map[string]string, error) {
	hidden, err := h.step(ctx, core.StepIndexer, &c.Step)
	if err != nil {
		return nil, err
	}
	out, err := h.Host.Index(ctx, c)
	for name, value := range out {
		out[name] = hidden.Text(value)
	}
	return out, hidden.Error(err)
}

func (h secretsHost) Assemble(ctx context.Context, c core.AssembleCall) ([]core.Output, string, error) {
	hidden, err := h.step(ctx, core.StepAssembler, &c.Step)
	if err != nil {
		return nil, "", err
	}
	out, by, err := h.Host.Assemble(ctx, c)
	return out, by, hidden.Error(err)
}

func (h secretsHost) Deliver(ctx context.Context, c core.DeliverCall) (core.Receipt, error) {
	var hidden secret.Hidden
	if h.keeper != nil {
		var err error
		if c.Settings, hidden, err = h.keeper.OpenDestination(c.Destination, c.Settings); err != nil {
			return core.Receipt{}, err
		}
	}
	out, err := h.Host.Deliver(ctx, c)
	return core.Receipt{Location: hidden.Text(out.Location), Detail: hidden.Text(out.Detail)}, hidden.Error(err)
}

// secretsOf says where the secrets of a step's settings are.
type secretsOf interface {
	Secrets(ctx context.Context, kind core.StepKind, s core.Step) (pointers []string, err error)
}

// inClear are the secrets of settings that are not sealed: they are about to be set, or
// were given to a single call of ocr.
func inClear(ctx context.Context, h secretsOf, kind core.StepKind, s core.Step) secret.Hidden {
	var settings any
	pointers, err := h.Secrets(ctx, kind, s)
	if err != nil || json.Unmarshal(s.Settings, &settings) != nil {
		return nil
	}
	return secret.At(settings, pointers)
}
