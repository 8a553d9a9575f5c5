package deliver

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/twinleaf-scan/twinleaf/sdk"
)

// Private is the folder inside a destination in which a delivery keeps what is not
// for its readers.
const Private = ".twinleaf"

// MaxPlan bounds a stored plan in bytes.
const MaxPlan = 1 << 20

// maxFiles bounds the files of one delivery.
const maxFiles = 1000

// maxChoices bounds how many names are tried for one document.
const maxChoices = 1000

// Plan is what a delivery is about to do, and, once that is done, the proof of it.
type Plan struct {
	Key   string `json:"key"`
	Job   string `json:"job"`
	Files []Item `json:"files"` // the main one last: who waits for it finds the rest
}

// Item is one file of a plan.
type Item struct {
	Index int    `json:"index"` // of the request's Files
	Kind  string `json:"kind"`
	Part  string `json:"part,omitempty"` // name before it is handed over
	Final string `json:"final"`          // name in the destination
	Done  bool   `json:"done,omitempty"` // handed over already
}

// NewPlan lists a request's files, without names yet.
func NewPlan(r sdk.DeliverRequest) (*Plan, error) {
	if r.Key == "" || len(r.Files) == 0 || len(r.Files) != len(r.Kinds) || len(r.Files) > maxFiles {
		return nil, fmt.Errorf("a delivery needs a key and 1 to %d files with their kinds; got %q, %d files, %d kinds", maxFiles, r.Key, len(r.Files), len(r.Kinds))
	}
	p := &Plan{Key: r.Key, Job: r.Job}
	for i, kind := range r.Kinds {
		p.Files = append(p.Files, Item{Index: i, Kind: kind})
	}
	slices.SortStableFunc(p.Files, func(a, b Item) int { return weight(a.Kind) - weight(b.Kind) })
	return p, nil
}

func weight(kind string) int {
	if kind == "pdf" {
		return 1
	}
	return 0
}

// Main is the final name of the file that a person looks for.
func (p *Plan) Main() string { return p.Files[len(p.Files)-1].Final }

// parts names the uploads that have names by now.
func (p *Plan) parts() []string {
	var parts []string
	for _, f := range p.Files {
		if f.Part != "" {
			parts = append(parts, f.Part)
		}
	}
	return parts
}

// Choose gives all files that are not done final names with one stem: the document's,
// or with the job where that is taken. taken is asked with a name in the destination.
func (p *Plan) Choose(name, job string, taken func(final string) (bool, error)) error {
	for n := range maxChoices {
		p.rename(Stem(name, job, n))
		free, err := p.free(taken)
		if free || err != nil {
			return err
		}
	}
	return fmt.Errorf("no free name for %q: %d were tried", name, maxChoices)
}

func (p *Plan) rename(stem string) {
	seen := map[string]int{}
	for i := range p.Files {
		f := &p.Files[i]
		seen[f.Kind]++
		switch n := seen[f.Kind]; {
		case f.Done:
		case n > 1:
			f.Final = fmt.Sprintf("%s-%d%s", stem, n, Suffix(f.Kind))
		default:
			f.Final = stem + Suffix(f.Kind)
		}
	}
}

func (p *Plan) free(taken func(string) (bool, error)) (bool, error) {
	for _, f := range p.Files {
		if f.Done {
			continue
		}
		if yes, err := taken(f.Final); yes || err != nil {
			return false, err
		}
	}
	return true, nil
}

// Encode gives the plan as it is stored.
func (p *Plan) Encode() ([]byte, error) { return json.Marshal(p) }

// ReadPlan reads a stored plan of a request. What lies in a destination may have been
// changed by others: a plan of another key, or one that leads elsewhere, is an error.
func ReadPlan(raw []byte, r sdk.DeliverRequest) (*Plan, error) {
	var p Plan
	if err := json.Unmarshal(raw, &p); err != nil {
		return nil, fmt.Errorf("stored plan: %w", err)
	}
	if p.Key != r.Key || len(p.Files) != len(r.Files) {
		return nil, fmt.Errorf("stored plan: is of another delivery")
	}
	seen := map[int]bool{}
	for _, f := range p.Files {
		if !plain(f.Final) || f.Part != "" && !plain(f.Part) {
			return nil, fmt.Errorf("stored plan: names %.300q and %.300q", f.Part, f.Final)
		}
		if f.Index < 0 || f.Index >= len(r.Files) || seen[f.Index] {
			return nil, fmt.Errorf("stored plan: file %d is unknown or named twice", f.Index)
		}
		seen[f.Index] = true
	}
	return &p, nil
}

// plain reports whether a name stays in its folder and is no hidden one.
func plain(name string) bool {
	return name != "" && len(name) <= MaxName && !strings.HasPrefix(name, ".") && !strings.ContainsAny(name, "/\\\x00")
}

// ID is a key as a file name: 32 hexadecimal digits.
func ID(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:16])
}
