// Package reuse lets stages give an answer again that a plug-in gave before to the same
// question: the same image, the same settings, the same programs and engine. What was
// kept is checked like an answer that has just been given, and nothing that goes wrong
// here is a reason for a page to fail.
package reuse

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/cache"
)

// Basis says what the answers of a step rest on beside the question and the settings.
// about is what the plug-in was asked about last, empty if it was not.
type Basis interface {
	Basis(ctx context.Context, kind core.StepKind, s core.Step, about string) (string, error)
}

// Store keeps the answers.
type Store interface {
	Get(cache.Key) ([]byte, bool)
	Put(cache.Key, []byte)
	Drop(cache.Key)
}

// Memory keeps and gives answers. A nil one keeps nothing.
type Memory struct {
	store Store
	basis Basis
	now   func() time.Time
	limit int // bytes of an answer at most
	zip   *zstd.Encoder
	unzip *zstd.Decoder

	flights flights

	mu    sync.Mutex // guards what follows
	bases map[string]*based
	stats map[core.StepKind]*Stats
}

// based is what the answers of a step rested on a moment ago.
type based struct {
	on string
	at time.Time
}

// Stats count the questions of one kind.
type Stats struct {
	Hits   int64 // answered here
	Misses int64 // not
	Unsure int64 // not, for it is not known what answers rest on
}

// New makes a memory whose answers have at most limit bytes.
func New(store Store, basis Basis, limit int) (*Memory, error) {
	zip, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(512<<10), zstd.WithEncoderCRC(false))
	if err != nil {
		return nil, err
	}
	unzip, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(uint64(limit)))
	if err != nil {
		return nil, err
	}
	return &Memory{
		store: store, basis: basis, now: time.Now, limit: limit, zip: zip, unzip: unzip,
		bases: map[string]*based{}, stats: map[core.StepKind]*Stats{},
	}, nil
}

// Stats are those since the start, by kind of step.
func (m *Memory) Stats() map[core.StepKind]Stats {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := map[core.StepKind]Stats{}
	for kind, s := range m.stats {
		out[kind] = *s
	}
	return out
}

// Question is a question that may have been answered before. A nil one was not. One
// goroutine uses it.
type Question struct {
	memory *Memory
	kind   core.StepKind
	steps  []core.Step
	bases  []string
	key    cache.Key
	first  bool // others who ask the same wait for End
}

// Answer is what was kept: what a plug-in found, and its files by their names.
type Answer struct {
	Found []byte // JSON
	Files map[string][]byte
}

// described is all that makes two questions the same. Settings are those of the journal:
// secrets in them are sealed.
type described struct {
	Format   string
	Kind     core.StepKind
	Steps    []core.Step
	Bases    []string
	Question any
}

const format = "twinleaf kept answer 1"

// Ask begins a question to the steps, each of which gets what the one before made of it.
// The question is what JSON says of it.
func (m *Memory) Ask(ctx context.Context, kind core.StepKind, steps []core.Step, question any) *Question {
	if m == nil {
		return nil
	}
	q := &Question{memory: m, kind: kind, steps: steps}
	for _, s := range steps {
		on, err := m.on(ctx, kind, s)
		if err != nil {
			m.count(kind, func(s *Stats) { s.Unsure++ })
			return nil
		}
		q.bases = append(q.bases, on)
	}
	raw, err := json.Marshal(described{format, kind, steps, q.bases, question})
	if err != nil {
		m.count(kind, func(s *Stats) { s.Unsure++ })
		return nil
	}
	q.key = cache.KeyOf(raw)
	return q
}

// freshness is how long a basis serves for giving answers. Processes that run hold what
// they loaded when they started for much longer.
const freshness = 10 * time.Second

// patience bounds a question about a basis.
const patience = 5 * time.Second

// maxBases bounds the steps that are remembered.
const maxBases = 256

func (m *Memory) on(ctx context.Context, kind core.StepKind, s core.Step) (string, error) {
	name := fmt.Sprint(kind, " ", s.Plugin, " ", s.Component, " ", string(s.Settings))
	m.mu.Lock()
	b := m.bases[name]
	m.mu.Unlock()
	if b != nil && m.now().Sub(b.at) < freshness {
		return b.on, nil
	}
	return m.onNow(ctx, kind, s, name, "")
}

// onNow asks what a step's answers rest on.
func (m *Memory) onNow(ctx context.Context, kind core.StepKind, s core.Step, name, about string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	at := m.now()
	on, err := m.basis.Basis(ctx, kind, s, about)
	m.mu.Lock()
	defer m.mu.Unlock()
	if err != nil {
		delete(m.bases, name)
		return "", err
	}
	if len(m.bases) >= maxBases {
		clear(m.bases)
	}
	m.bases[name] = &based{on, at}
	return on, nil
}

func (m *Memory) count(kind core.StepKind, up func(*Stats)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.stats[kind]
	if s == nil {
		s = &Stats{}
		m.stats[kind] = s
	}
	up(s)
}

// Recall gives the answer, if it was kept. Where somebody asks the same at this moment, it
// waits for that answer. Who gets none asks the plug-in, and says End afterwards.
func (q *Question) Recall(ctx context.Context) (Answer, bool) {
	if q == nil {
		return Answer{}, false
	}
	if !q.first {
		q.enter(ctx)
	}
	a, ok := q.recall()
	if ok {
		q.End()
	}
	return a, ok
}

// enter is the first to ask, or waits for who is.
func (q *Question) enter(ctx context.Context) {
	if others := q.memory.flights.enter(q.key); others != nil {
		await(ctx, others)
		return
	}
	q.first = true
}

// End lets those go on who wait for the answer, kept or not. It may be said more than once.
func (q *Question) End() {
	if q != nil && q.first {
		q.first = false
		q.memory.flights.leave(q.key)
	}
}

func (q *Question) recall() (Answer, bool) {
	raw, ok := q.memory.store.Get(q.key)
	if ok {
		a, err := q.memory.decode(raw)
		if err == nil {
			q.memory.count(q.kind, func(s *Stats) { s.Hits++ })
			return a, true
		}
		q.memory.store.Drop(q.key)
	}
	q.memory.count(q.kind, func(s *Stats) { s.Misses++ })
	return Answer{}, false
}

// Useless drops an answer that was recalled and cannot be used.
func (q *Question) Useless() {
	q.memory.store.Drop(q.key)
	q.memory.count(q.kind, func(s *Stats) { s.Hits, s.Misses = s.Hits-1, s.Misses+1 })
}

// Wanted reports whether an answer would be kept.
func (q *Question) Wanted() bool { return q != nil }

// Keep keeps an answer that was given to the question, if what it rests on is still the
// same: text of an engine that was changed meanwhile is nobody's.
func (q *Question) Keep(ctx context.Context, about core.Ref, a Answer) {
	if q == nil {
		return
	}
	for i, s := range q.steps {
		name := fmt.Sprint(q.kind, " ", s.Plugin, " ", s.Component, " ", string(s.Settings))
		if on, err := q.memory.onNow(ctx, q.kind, s, name, string(about)); err != nil || on != q.bases[i] {
			return
		}
	}
	if raw, err := q.memory.encode(a); err == nil {
		q.memory.store.Put(q.key, raw)
	}
}

// KeepOf keeps an answer to a question to one step that rests on a basis: that of who
// asked another machine, and was answered by one with the same engine. It is kept if the
// question rested on it, too.
func (q *Question) KeepOf(basis string, a Answer) {
	if q == nil || len(q.bases) != 1 || q.bases[0] != basis {
		return
	}
	if raw, err := q.memory.encode(a); err == nil {
		q.memory.store.Put(q.key, raw)
	}
}

// head is the first line of an answer.
type head struct {
	Found json.RawMessage `json:"found"`
	Files []part          `json:"files"`
}

type part struct {
	Name string `json:"name"`
	Size int    `json:"size"`
}

var errTooLarge = errors.New("the answer is too large to be kept")

func (m *Memory) encode(a Answer) ([]byte, error) {
	h := head{Found: a.Found}
	names := slices.Sorted(maps.Keys(a.Files))
	for _, name := range names {
		h.Files = append(h.Files, part{name, len(a.Files[name])})
	}
	raw, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	raw = append(raw, '\n')
	for _, name := range names {
		raw = append(raw, a.Files[name]...)
	}
	if len(raw) > m.limit {
		return nil, errTooLarge
	}
	return m.zip.EncodeAll(raw, nil), nil
}

func (m *Memory) decode(zipped []byte) (Answer, error) {
	raw, err := m.unzip.DecodeAll(zipped, nil)
	if err != nil {
		return Answer{}, fmt.Errorf("kept answer: %w", err)
	}
	first, rest, ok := bytes.Cut(raw, []byte("\n"))
	var h head
	if err := json.Unmarshal(first, &h); err != nil || !ok {
		return Answer{}, fmt.Errorf("kept answer without its head: %w", err)
	}
	a := Answer{Found: h.Found, Files: map[string][]byte{}}
	for _, p := range h.Files {
		if p.Size < 0 || p.Size > len(rest) {
			return Answer{}, fmt.Errorf("kept answer: %d bytes of file %q, of %d", len(rest), p.Name, p.Size)
		}
		a.Files[p.Name], rest = rest[:p.Size:p.Size], rest[p.Size:]
	}
	if len(rest) > 0 {
		return Answer{}, fmt.Errorf("kept answer: %d bytes too many", len(rest))
	}
	return a, nil
}
