package deliver

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/blob"
)

// shelf is a destination that has each key once, and is full now and then.
type shelf struct {
	calls []core.DeliverCall
	has   map[string]bool
	full  func(core.DeliverCall) bool
}

func (s *shelf) Deliver(_ context.Context, c core.DeliverCall) (core.Receipt, error) {
	s.calls = append(s.calls, c)
	if s.full(c) {
		return core.Receipt{}, errors.New("the shelf is full")
	}
	s.has[c.Key] = true
	return core.Receipt{Location: "/out/" + c.Name + ".pdf"}, nil
}

// splitTask delivers a job of three parts.
func splitTask(t *testing.T, store *blob.Store) core.Task {
	t.Helper()
	task := core.Task{Job: "A-1", Name: "scan", Destination: "x", Document: &core.Document{
		Key: "A-1", Settings: map[string][]byte{"destination/x": []byte(`{"plugin":"folder"}`)},
	}}
	for part := 1; part <= 3; part++ {
		for _, kind := range []string{"pdf", "manifest"} {
			name := fmt.Sprintf("scan-%03d.%s", part, kind)
			ref, size, err := store.Put(t.Context(), strings.NewReader(name), 0)
			if err != nil {
				t.Fatal(err)
			}
			task.Document.Outputs = append(task.Document.Outputs, core.Output{Kind: kind, Part: part, File: core.File{Name: name, Ref: ref, Size: size}})
		}
	}
	return task
}

func TestEveryPartIsDeliveredUnderItsOwnKey(t *testing.T) {
	store, err := blob.Open(t.TempDir(), blob.Config{NoSync: true, Reserve: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	full := true
	s := &shelf{has: map[string]bool{}, full: func(c core.DeliverCall) bool { return full && c.Name == "scan-002" }}
	stage, task := New(store, s), splitTask(t, store)
	if _, err := stage.Run(t.Context(), task); err == nil || !strings.Contains(err.Error(), "document 2: the shelf is full") {
		t.Fatalf("got %v, want that the second is not taken", err)
	}
	full = false
	got, err := stage.Run(t.Context(), task)
	if err != nil {
		t.Fatal(err)
	}
	if r := got.(core.Delivered).Receipt; r.Location != "/out/scan-001.pdf, /out/scan-002.pdf, /out/scan-003.pdf" {
		t.Errorf("receipt %+v", r)
	}
	var keys []string
	for _, c := range s.calls {
		keys = append(keys, c.Key)
		if len(c.Files) != 1 || c.Files[0].Name != c.Name+".pdf" {
			t.Errorf("files of %s: %+v", c.Name, c.Files)
		}
	}
	first, second := "A-1/x/part-1", "A-1/x/part-2"
	if want := []string{first, second, first, second, "A-1/x/part-3"}; !slices.Equal(keys, want) {
		t.Errorf("keys %q, want %q", keys, want)
	}
}

func TestKeysOfPartsAndRoundsAreDifferent(t *testing.T) {
	seen := map[string]bool{}
	for round := range 4 {
		d := core.Document{Key: "k", Round: round}
		for part := range 4 {
			if key := d.PartKey("x", part); seen[key] {
				t.Errorf("round %d, part %d: the key %s was there before", round, part, key)
			} else {
				seen[key] = true
			}
		}
	}
}
