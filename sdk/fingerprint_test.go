package sdk_test

import (
	"context"
	"strings"
	"testing"

	"github.com/twinleaf-scan/twinleaf/sdk"
	"github.com/twinleaf-scan/twinleaf/sdk/plugintest"
)

func TestARecognizerMayGiveAFingerprint(t *testing.T) {
	plain := sdk.Recognizer(func(context.Context, sdk.RecognizeRequest, settings) (sdk.Text, error) { return sdk.Text{}, nil })
	c := plain.Fingerprinted(func(_ context.Context, r sdk.FingerprintRequest) (sdk.Fingerprint, error) {
		return sdk.Fingerprint{Engine: "reader", Version: "1", Keep: r.Kept}, nil
	})
	f, err := plugintest.Call[sdk.FingerprintRequest, sdk.Fingerprint](t, c, sdk.OpFingerprint, sdk.FingerprintRequest{Kept: []byte(`"k"`)}, nil)
	if err != nil || f.Engine != "reader" || string(f.Keep) != `"k"` {
		t.Errorf("got %+v, %v", f, err)
	}
	if _, err := plain.Do(t.Context(), sdk.Call{Op: sdk.OpFingerprint, Args: []byte(`{}`)}); err == nil {
		t.Error("the component that it was made of gives one too")
	}
	m, err := sdk.Describe(sdk.Info{Name: "reader", Version: "1.0.0"}, c)
	if err != nil || strings.Join(m.Components[0].Ops, " ") != "fingerprint recognize" {
		t.Errorf("manifest %+v, %v", m.Components, err)
	}
}

func TestOnlyARecognizerHasAnEngine(t *testing.T) {
	c := sdk.Filter(func(context.Context, sdk.FilterRequest, settings) (sdk.Filtered, error) { return sdk.Filtered{}, nil }).
		Fingerprinted(func(context.Context, sdk.FingerprintRequest) (sdk.Fingerprint, error) { return sdk.Fingerprint{}, nil })
	if _, err := sdk.Describe(sdk.Info{Name: "filter", Version: "1.0.0"}, c); err == nil || !strings.Contains(err.Error(), "no engine") {
		t.Errorf("got %v", err)
	}
}
