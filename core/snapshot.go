package core

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// A snapshot is JSON lines: a head, the settings by key, the servers by id, the jobs by id, each
// followed by its pages by number, and a tail with their counts. Equal states
// give equal bytes.

const (
	snapshotFormat = "twinleaf state 1"
	maxLine        = 64 << 20 // a job of 10,000 pages takes 3 MB
)

// line is one line of a snapshot; one field is set.
type line struct {
	Format  string       `json:"format,omitempty"`
	Setting *settingLine `json:"setting,omitempty"`
	Server  *serverLine  `json:"server,omitempty"`
	Job     *record      `json:"job,omitempty"`
	Page    *pageLine    `json:"page,omitempty"`
	Tail    *tail        `json:"tail,omitempty"`
}

type settingLine struct {
	Key string `json:"key"`
	setting
}

type serverLine struct {
	ID string `json:"id"`
	server
}

type pageLine struct {
	Number int       `json:"n"`
	Work   *pageWork `json:"work"`
}

type tail struct {
	Settings int `json:"settings"`
	Servers  int `json:"servers,omitempty"`
	Jobs     int `json:"jobs"`
	Pages    int `json:"pages"`
}

// Encode writes the state as a snapshot.
func (s *State) Encode(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	var end tail
	err := e.Encode(line{Format: snapshotFormat})
	for _, key := range slices.Sorted(maps.Keys(s.settings)) {
		err = cmp.Or(err, e.Encode(line{Setting: &settingLine{key, s.settings[key]}}))
		end.Settings++
	}
	for _, id := range slices.Sorted(maps.Keys(s.servers)) {
		err = cmp.Or(err, e.Encode(line{Server: &serverLine{id, *s.servers[id]}}))
		end.Servers++
	}
	for _, id := range slices.Sorted(maps.Keys(s.jobs)) {
		j := s.jobs[id]
		err = cmp.Or(err, e.Encode(line{Job: &j.record}))
		end.Jobs++
		for _, n := range slices.Sorted(maps.Keys(j.pages)) {
			err = cmp.Or(err, e.Encode(line{Page: &pageLine{n, j.pages[n]}}))
			end.Pages++
		}
	}
	if err = cmp.Or(err, e.Encode(line{Tail: &end})); err != nil {
		return fmt.Errorf("write snapshot: %w", err)
	}
	return nil
}

// Digest is the SHA-256 of the state's snapshot: equal states have equal digests,
// in whatever order their events came.
func (s *State) Digest() Ref {
	h := sha256.New()
	b := bufio.NewWriter(h)
	if s.Encode(b) != nil || b.Flush() != nil {
		return "" // a hash takes everything, and every part of a state can be written
	}
	return Ref(hex.EncodeToString(h.Sum(nil)))
}

// DecodeState reads what Encode wrote. It refuses a snapshot that is cut short,
// of another format, or that contradicts itself.
func DecodeState(r io.Reader) (*State, error) {
	d := decoder{state: &State{}}
	d.state.Apply(Event{}) // makes the maps
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 64<<10), maxLine)
	n := 0
	for lines.Scan() {
		n++
		if err := d.line(n, lines.Bytes()); err != nil {
			return nil, fmt.Errorf("read snapshot: line %d: %w", n, err)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read snapshot: after line %d: %w", n, err)
	}
	if !d.ended {
		return nil, fmt.Errorf("read snapshot: it is cut short after line %d", n)
	}
	return d.state, nil
}

// decoder puts the lines of a snapshot together.
type decoder struct {
	state *State
	job   *job // whose pages are being read
	seen  tail
	ended bool
}

func (d *decoder) line(n int, data []byte) error {
	var l line
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&l); err != nil {
		return err
	}
	switch {
	case d.ended:
		return errors.New("something follows the tail")
	case n == 1:
		if l.Format != snapshotFormat {
			return fmt.Errorf("format %q is not %q", l.Format, snapshotFormat)
		}
	case l.Setting != nil:
		return d.setting(l.Setting)
	case l.Server != nil:
		return d.server(l.Server)
	case l.Job != nil:
		return d.begin(l.Job)
	case l.Page != nil:
		return d.page(l.Page)
	case l.Tail != nil:
		return d.end(*l.Tail)
	default:
		return errors.New("it is empty")
	}
	return nil
}

func (d *decoder) setting(l *settingLine) error {
	if _, twice := d.state.settings[l.Key]; twice || l.Key == "" {
		return fmt.Errorf("setting %q stands there twice or has no name", l.Key)
	}
	d.state.settings[l.Key] = l.setting
	d.seen.Settings++
	return nil
}

func (d *decoder) server(l *serverLine) error {
	if d.state.servers[l.ID] != nil {
		return fmt.Errorf("server %q stands there twice", l.ID)
	}
	for epoch, began := range l.Takeovers {
		if began == nil {
			return fmt.Errorf("takeover %d of %q is empty", epoch, l.ID)
		}
	}
	if len(l.Takeovers) > keepTakeovers {
		return fmt.Errorf("%d takeovers of %q, limit %d", len(l.Takeovers), l.ID, keepTakeovers)
	}
	d.state.servers[l.ID] = &l.server
	d.seen.Servers++
	return nil
}

func (d *decoder) begin(r *record) error {
	if d.state.find(r.ID) != nil || r.ID == "" {
		return fmt.Errorf("job %q stands there twice or has no id", r.ID)
	}
	if err := r.check(); err != nil {
		return fmt.Errorf("job %q: %w", r.ID, err)
	}
	d.finish()
	d.job = &job{record: *r, pages: map[int]*pageWork{}}
	d.state.jobs[r.ID] = d.job
	for _, id := range r.Aliases {
		if d.state.find(id) != nil {
			return fmt.Errorf("job %q: its other id %q is another job's", r.ID, id)
		}
		d.state.alias[id] = r.ID
	}
	d.seen.Jobs++
	return nil
}

// check refuses registers that are there but empty, and those under a wrong number.
func (r *record) check() error {
	for name, t := range r.Tries {
		if t == nil {
			return fmt.Errorf("attempts at %s are empty", name)
		}
	}
	for round, a := range r.Assembled {
		if a == nil || a.Val.Round != round {
			return fmt.Errorf("outputs of round %d are empty or of another round", round)
		}
	}
	for round, byName := range r.Receipts {
		for name, receipt := range byName {
			if receipt == nil || receipt.Val.Round != round || receipt.Val.Destination != name {
				return fmt.Errorf("receipt %d of %q is empty or another's", round, name)
			}
		}
	}
	return nil
}

func (d *decoder) page(l *pageLine) error {
	if d.job == nil {
		return errors.New("a page without a job")
	}
	if l.Work == nil || l.Number < 1 || d.job.pages[l.Number] != nil {
		return fmt.Errorf("page %d is empty, or stands there twice", l.Number)
	}
	if l.Work.Image != nil {
		d.state.names.image(&l.Work.Image.Val)
	}
	if l.Work.Clean != nil {
		d.state.names.one(&l.Work.Clean.Val.By)
	}
	if l.Work.Text != nil {
		d.state.names.text(&l.Work.Text.Val)
	}
	d.job.pages[l.Number] = l.Work
	d.seen.Pages++
	return nil
}

// finish takes a job into the lists once all its pages are read.
func (d *decoder) finish() {
	if j := d.job; j != nil {
		j.reindex()
		if j.Sub != nil {
			d.state.enter(j)
		}
		d.state.settle(j)
	}
}

func (d *decoder) end(t tail) error {
	d.finish()
	d.job, d.ended = nil, true
	if t != d.seen {
		return fmt.Errorf("it counts %+v where %+v were read", t, d.seen)
	}
	return nil
}

// String helps to compare states in tests: the snapshot as text.
func (s *State) String() string {
	var b strings.Builder
	if err := s.Encode(&b); err != nil {
		return err.Error()
	}
	return b.String()
}
