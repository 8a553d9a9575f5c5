package deliver

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/blob"
)

type deliverer struct{ call core.DeliverCall }

func (d *deliverer) Deliver(_ context.Context, c core.DeliverCall) (core.Receipt, error) {
	d.call = c
	return core.Receipt{Location: "/out/scan.pdf", Detail: strings.Repeat("ü", 5000)}, nil
}

func run(t *testing.T, change func(*core.Task)) (core.DeliverCall, core.Delivered, error) {
	t.Helper()
	store, err := blob.Open(t.TempDir(), blob.Config{NoSync: true, Reserve: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	task := core.Task{Job: "A-1", Name: "scan", Destination: "x", Document: &core.Document{
		Key:      "A-1",
		Settings: map[string][]byte{"destination/x": []byte(`{"plugin":"folder","settings":{"dir":"/out"}}`)},
	}}
	for _, kind := range []string{"pdf", "text", "manifest", "original"} {
		ref, size, err := store.Put(t.Context(), strings.NewReader(kind), 0)
		if err != nil {
			t.Fatal(err)
		}
		task.Document.Outputs = append(task.Document.Outputs, core.Output{Kind: kind, File: core.File{Name: "scan." + kind, Ref: ref, Size: size}})
	}
	if change != nil {
		change(&task)
	}
	d := &deliverer{}
	result, err := New(store, d).Run(t.Context(), task)
	if err != nil {
		return d.call, core.Delivered{}, err
	}
	return d.call, result.(core.Delivered), nil
}

func TestOutputsOfTheProfileAreDelivered(t *testing.T) {
	call, got, err := run(t, nil)
	if err != nil {
		t.Fatal(err)
	}
	if call.Destination != "x" || call.Plugin != "folder" || string(call.Settings) != `{"dir":"/out"}` || call.Key != "A-1/x" || call.Name != "scan" {
		t.Errorf("call: %+v", call)
	}
	if !slices.Equal(call.Kinds, []string{"pdf", "original"}) || call.Files[0].Name != "scan.pdf" || call.Files[0].Path == "" {
		t.Errorf("kinds %v, files %+v", call.Kinds, call.Files)
	}
	if got.Destination != "x" || got.Receipt.Location != "/out/scan.pdf" || len(got.Receipt.Detail) > maxReceipt+4 {
		t.Errorf("got %.200v", got)
	}
}

func TestOutputsMadeAgainAreAnotherDelivery(t *testing.T) {
	call, got, err := run(t, func(t *core.Task) {
		t.Document.Round = 2
		t.Options.Deliver = []string{"manifest", "text"}
	})
	if err != nil || call.Key != "A-1/x/2" || got.Round != 2 || !slices.Equal(call.Kinds, []string{"text", "manifest", "original"}) {
		t.Errorf("key %q, round %d, kinds %v, %v", call.Key, got.Round, call.Kinds, err)
	}
}

func TestDeliveryThatCannotBe(t *testing.T) {
	for name, change := range map[string]func(*core.Task){
		"destination was removed": func(t *core.Task) { t.Document.Settings = nil },
		"destination is damaged":  func(t *core.Task) { t.Document.Settings["destination/x"] = []byte(`{}`) },
		"nothing to deliver":      func(t *core.Task) { t.Document.Outputs = nil },
		"output is gone":          func(t *core.Task) { t.Document.Outputs[0].File.Ref = core.Ref(strings.Repeat("0", 64)) },
	} {
		_, _, err := run(t, change)
		if f := core.AsFailure(err); err == nil || !f.Permanent || f.Detail == "" {
			t.Errorf("%s: got %v, want a permanent failure", name, err)
		}
	}
}
