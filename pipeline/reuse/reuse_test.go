package reuse

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/cache"
)

// bases are what answers rest on, by step; they count how often they are asked.
type bases struct {
	mu    sync.Mutex
	on    map[string]string
	err   error
	asked int
	about []string
}

func (b *bases) Basis(_ context.Context, kind core.StepKind, s core.Step, about string) (string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked++
	b.about = append(b.about, about)
	return fmt.Sprint(kind, b.on[s.Plugin]), b.err
}

func (b *bases) set(plugin, on string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.on == nil {
		b.on = map[string]string{}
	}
	b.on[plugin] = on
}

// memory is one over a store of its own, with a clock that stands.
func memory(t testing.TB, b Basis, limit int) (*Memory, *cache.Store, *time.Time) {
	t.Helper()
	store, err := cache.Open(t.TempDir(), cache.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	m, err := New(store, b, limit)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1, 0)
	m.now = func() time.Time { return now }
	return m, store, &now
}

var one = []core.Step{{Plugin: "one"}}

var hello = Answer{Found: []byte(`{"words":2}`), Files: map[string][]byte{"a.json": []byte("hello\nworld"), "empty": {}}}

func TestTheSameQuestionIsAnsweredAgain(t *testing.T) {
	m, _, _ := memory(t, &bases{}, 1<<20)
	q := m.Ask(t.Context(), core.StepRecognizer, one, "page")
	if _, ok := q.Recall(t.Context()); ok {
		t.Fatal("it was answered before anybody did")
	}
	q.Keep(t.Context(), "image", hello)
	q.End()
	got, ok := m.Ask(t.Context(), core.StepRecognizer, one, "page").Recall(t.Context())
	if !ok || string(got.Found) != string(hello.Found) || string(got.Files["a.json"]) != "hello\nworld" || len(got.Files) != 2 {
		t.Errorf("got %q, %v", got, ok)
	}
	if want := (map[core.StepKind]Stats{core.StepRecognizer: {Hits: 1, Misses: 1}}); !reflect.DeepEqual(m.Stats(), want) {
		t.Errorf("got %+v", m.Stats())
	}
}

// Whatever makes another question, or another answer, is a miss.
func TestAnotherQuestionIsAnother(t *testing.T) {
	for name, change := range map[string]struct {
		kind     core.StepKind
		steps    []core.Step
		question any
		on       string
	}{
		"the question":     {question: "another"},
		"the kind":         {kind: core.StepFilter},
		"the plug-in":      {steps: []core.Step{{Plugin: "two"}}},
		"the component":    {steps: []core.Step{{Plugin: "one", Component: "b"}}},
		"the settings":     {steps: []core.Step{{Plugin: "one", Settings: json.RawMessage(`{"a":1}`)}}},
		"one step more":    {steps: []core.Step{{Plugin: "one"}, {Plugin: "one"}}},
		"what it rests on": {on: "another engine"},
	} {
		t.Run(name, func(t *testing.T) {
			b := &bases{}
			m, _, now := memory(t, b, 1<<20)
			m.Ask(t.Context(), core.StepRecognizer, one, "page").Keep(t.Context(), "", hello)
			kind, steps, question := core.StepRecognizer, one, any("page")
			if change.kind != "" {
				kind = change.kind
			}
			if change.steps != nil {
				steps = change.steps
			}
			if change.question != nil {
				question = change.question
			}
			if change.on != "" {
				b.set("one", change.on)
				*now = now.Add(freshness)
			}
			if _, ok := m.Ask(t.Context(), kind, steps, question).Recall(t.Context()); ok {
				t.Error("it was answered")
			}
			b.set("one", "")
			*now = now.Add(freshness)
			if _, ok := m.Ask(t.Context(), core.StepRecognizer, one, "page").Recall(t.Context()); !ok {
				t.Error("the first is not answered any more")
			}
		})
	}
}

// What an engine says that was exchanged meanwhile is kept for nobody, and the next
// question is to the new one.
func TestAnAnswerOfAnEngineThatChangedMeanwhileIsNotKept(t *testing.T) {
	b := &bases{}
	m, store, _ := memory(t, b, 1<<20)
	q := m.Ask(t.Context(), core.StepRecognizer, one, "page")
	b.set("one", "new")
	q.Keep(t.Context(), "image", hello)
	if store.Stats().Puts != 0 {
		t.Error("it was kept")
	}
	q = m.Ask(t.Context(), core.StepRecognizer, one, "page")
	q.Keep(t.Context(), "image", hello)
	if store.Stats().Puts != 1 {
		t.Error("the new one's was not")
	}
	if want := []string{"", "image", "image"}; !reflect.DeepEqual(b.about, want) {
		t.Errorf("asked about %q, want %q", b.about, want)
	}
}

func TestWithoutABasisNothingIsKept(t *testing.T) {
	b := &bases{err: errors.New("unknown")}
	m, store, _ := memory(t, b, 1<<20)
	q := m.Ask(t.Context(), core.StepRecognizer, one, "page")
	if _, ok := q.Recall(t.Context()); ok || q.Wanted() {
		t.Error("there is a question")
	}
	q.Keep(t.Context(), "", hello)
	if store.Stats().Puts != 0 || m.Stats()[core.StepRecognizer].Unsure != 1 {
		t.Errorf("got %+v, %+v", store.Stats(), m.Stats())
	}
	b.err = nil
	q = m.Ask(t.Context(), core.StepRecognizer, one, "page")
	b.err = errors.New("it went away")
	q.Keep(t.Context(), "", hello)
	if store.Stats().Puts != 0 {
		t.Error("it was kept though the engine went away")
	}
}

// Questions do not ask the engine what it is each time.
func TestABasisServesForAWhile(t *testing.T) {
	b := &bases{}
	m, _, now := memory(t, b, 1<<20)
	for range 100 {
		q := m.Ask(t.Context(), core.StepRecognizer, one, "page")
		q.Recall(t.Context())
		q.End()
	}
	if b.asked != 1 {
		t.Errorf("asked %d times, want once", b.asked)
	}
	*now = now.Add(freshness)
	m.Ask(t.Context(), core.StepRecognizer, one, "page")
	if b.asked != 2 {
		t.Errorf("asked %d times, want twice", b.asked)
	}
	for n := range 3 * maxBases {
		m.Ask(t.Context(), core.StepRecognizer, []core.Step{{Plugin: fmt.Sprint(n)}}, "page")
	}
	if len(m.bases) > maxBases {
		t.Errorf("%d are remembered, at most %d", len(m.bases), maxBases)
	}
}

func TestAMemoryThatIsNotThere(t *testing.T) {
	var m *Memory
	q := m.Ask(t.Context(), core.StepRecognizer, one, "page")
	if _, ok := q.Recall(t.Context()); ok || q.Wanted() {
		t.Error("it remembers")
	}
	q.Keep(t.Context(), "", hello)
}

func TestAnswersAreBounded(t *testing.T) {
	m, store, _ := memory(t, &bases{}, 1<<20)
	q := m.Ask(t.Context(), core.StepRecognizer, one, "page")
	q.Keep(t.Context(), "", Answer{Found: []byte("{}"), Files: map[string][]byte{"a": make([]byte, 1<<20)}})
	if store.Stats().Puts != 0 {
		t.Error("a large one was kept")
	}
	q.Keep(t.Context(), "", Answer{Found: []byte("{}"), Files: map[string][]byte{"a": make([]byte, 1<<20-200)}})
	if a, ok := q.Recall(t.Context()); !ok || len(a.Files["a"]) != 1<<20-200 {
		t.Error("a smaller one was not")
	}
}

// What cannot be understood, or is of no use, is dropped and asked for anew.
func TestUselessAnswersAreDropped(t *testing.T) {
	m, store, _ := memory(t, &bases{}, 1<<20)
	q := m.Ask(t.Context(), core.StepRecognizer, one, "page")
	store.Put(q.key, []byte("rubbish"))
	if _, ok := q.Recall(t.Context()); ok || store.Stats().Entries != 0 {
		t.Errorf("rubbish: %v, %+v", ok, store.Stats())
	}
	q.Keep(t.Context(), "", hello)
	q.Recall(t.Context())
	q.Useless()
	if want := (Stats{Misses: 2}); m.Stats()[core.StepRecognizer] != want || store.Stats().Entries != 0 {
		t.Errorf("useless: %+v, %+v", m.Stats(), store.Stats())
	}
}

func TestManyAskAtOnce(t *testing.T) {
	m, _, _ := memory(t, &bases{}, 1<<20)
	var all sync.WaitGroup
	for w := range 8 {
		all.Go(func() {
			for n := range 100 {
				page := (n + w) % 10
				want := Answer{Found: []byte("{}"), Files: map[string][]byte{"a": bytes.Repeat([]byte{byte(page)}, 1000)}}
				q := m.Ask(t.Context(), core.StepFilter, one, page)
				if got, ok := q.Recall(t.Context()); !ok {
					q.Keep(t.Context(), "", want)
					q.End()
				} else if !bytes.Equal(got.Files["a"], want.Files["a"]) {
					t.Errorf("another page's answer for %d", page)
				}
			}
		})
	}
	all.Wait()
	if s := m.Stats()[core.StepFilter]; s.Misses != 10 || s.Hits != 790 {
		t.Errorf("got %+v", s)
	}
}

func FuzzDecode(f *testing.F) {
	m, err := New(nil, nil, 1<<16)
	if err != nil {
		f.Fatal(err)
	}
	for _, raw := range []string{
		"{}\n", "{}", "", "{\"files\":[{\"name\":\"a\",\"size\":3}]}\nabc", "{\"files\":[{\"name\":\"a\",\"size\":-3}]}\nabc",
		"{\"files\":[{\"name\":\"a\",\"size\":4}]}\nabc", "{\"files\":[{\"name\":\"a\",\"size\":2}]}\nabc",
	} {
		f.Add(m.zip.EncodeAll([]byte(raw), nil))
	}
	f.Fuzz(func(t *testing.T, zipped []byte) {
		a, err := m.decode(zipped)
		if err != nil || len(a.Found) == 0 {
			return
		}
		again, err := m.encode(a)
		if err != nil {
			return // it is longer than it was
		}
		b, err := m.decode(again)
		if err != nil || len(b.Files) != len(a.Files) {
			t.Errorf("%q comes back as %q, %v", a, b, err)
		}
	})
}

func BenchmarkRecall(b *testing.B) {
	m, _, _ := memory(b, &bases{}, 1<<24)
	text := []byte(strings.Repeat(`{"text":"word","box":[100,200,300,400],"conf":91.5},`, 4000))
	b.SetBytes(int64(len(text)))
	b.Run("keep", func(b *testing.B) {
		q := m.Ask(b.Context(), core.StepRecognizer, one, "page")
		for b.Loop() {
			q.Keep(b.Context(), "", Answer{Found: []byte("{}"), Files: map[string][]byte{"a": text}})
		}
	})
	b.Run("ask", func(b *testing.B) {
		for b.Loop() {
			if _, ok := m.Ask(b.Context(), core.StepRecognizer, one, "page").Recall(b.Context()); !ok {
				b.Fatal("it is not there")
			}
		}
	})
}
