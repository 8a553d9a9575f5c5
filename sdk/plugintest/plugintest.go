// Package plugintest lets the author of a plug-in test its components without
// starting a process.
package plugintest

import (
	"encoding/json"
	"log/slog"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/sdk"
)

// Timeout bounds one Call.
const Timeout = 2 * time.Minute

// Call makes one call of a component in this process: op is one of the Op
// constants of package sdk, in its request, settings anything that makes JSON
// (nil: none). Files of the answer lie in a folder that lives as long as the
// test. An error is what the handler returned; it is never wrapped.
func Call[In, Out any](t testing.TB, component sdk.Component, op string, in In, settings any) (Out, error) {
	t.Helper()
	var out Out
	answer, err := component.Do(t.Context(), sdk.Call{
		ID: t.Name(), Op: op, Args: encode(t, in), Settings: encode(t, settings),
		Out: t.TempDir(), Temp: t.TempDir(), Deadline: time.Now().Add(Timeout),
		Logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
	if err != nil {
		return out, err
	}
	if err := json.Unmarshal(answer, &out); err != nil {
		t.Fatalf("answer of %s: %v", op, err)
	}
	return out, nil
}

func encode(t testing.TB, v any) []byte {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatalf("encode %T: %v", v, err)
	}
	return raw
}
