package deliver

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"time"
)

// Tidier is what Files may be besides, so that old plans go.
type Tidier interface {
	Put(ctx context.Context, name string, content Content, size int64) error
	Read(ctx context.Context, name string) ([]byte, error)
	// List gives the files of a folder; it may leave some out.
	List(ctx context.Context, folder string) ([]Entry, error)
	Remove(ctx context.Context, name string) error
}

// How long plans are kept, how long uploads that no plan names, and how often old ones
// are looked for. An upload outlives its plan: without it the plan would say that it
// was placed. One that no plan names may be of a call at work, for so long.
const (
	keepPlan   = 90 * 24 * time.Hour
	keepUpload = keepPlan + 24*time.Hour
	keepOrphan = 2 * 24 * time.Hour
	sweepEvery = 24 * time.Hour
)

// Sweep removes what nobody will ask for any more, at most once a day; [Once] does it for
// its callers. It is a courtesy: nothing depends on it, and its errors are nobody's concern.
func Sweep(ctx context.Context, t Tidier) {
	const mark = Private + "/swept"
	now := time.Now()
	if raw, err := t.Read(ctx, mark); err == nil {
		last, err := time.Parse(time.RFC3339, string(raw))
		if err == nil && now.Sub(last).Abs() < sweepEvery {
			return
		}
	}
	raw := []byte(now.UTC().Format(time.RFC3339))
	if t.Put(ctx, mark, Bytes(raw), int64(len(raw))) != nil {
		return
	}
	entries, err := t.List(ctx, Private)
	if err != nil {
		return
	}
	named := func(plan string) ([]string, error) { return namedBy(ctx, t, plan) }
	for _, name := range stale(entries, now, named) {
		if t.Remove(ctx, Private+"/"+name) != nil {
			return
		}
	}
}

// namedBy gives the uploads that a plan names; fs.ErrNotExist where there is no such plan.
func namedBy(ctx context.Context, t Tidier, plan string) ([]string, error) {
	raw, err := t.Read(ctx, Private+"/"+plan)
	if err != nil {
		return nil, err
	}
	var p Plan
	if id, _ := planID(plan); json.Unmarshal(raw, &p) != nil || ID(p.Key) != id || len(p.parts()) != len(p.Files) {
		return nil, errors.New("it is no plan")
	}
	return p.parts(), nil
}

// stale names what may go, plans before uploads.
func stale(entries []Entry, now time.Time, named func(plan string) ([]string, error)) []string {
	planned := map[string]string{} // a plan of each delivery: all name the same uploads
	for _, e := range entries {
		if id, ok := planID(e.Name); ok {
			planned[id] = e.Name
		}
	}
	orphan := func(id, upload string) bool {
		plan, ok := planned[id]
		if !ok { // the list may have left it out
			plan = firstPlan(id)
		}
		parts, err := named(plan)
		return errors.Is(err, fs.ErrNotExist) || err == nil && !slices.Contains(parts, upload)
	}
	var plans, uploads []string
	for _, e := range entries {
		age := now.Sub(e.Modified)
		_, isPlan := planID(e.Name)
		id, isUpload := uploadID(e.Name)
		switch {
		case e.Modified.IsZero():
		case isPlan && age > keepPlan:
			plans = append(plans, e.Name)
		case isUpload && (age > keepUpload || age > keepOrphan && orphan(id, e.Name)):
			uploads = append(uploads, e.Name)
		}
	}
	return append(plans, uploads...)
}

// firstPlan is the plan that each delivery has.
func firstPlan(id string) string { return id + ".1.json" }

// planID takes ID.N.json apart.
func planID(name string) (string, bool) {
	id, rest, _ := strings.Cut(name, ".")
	return id, len(id) == idLength && strings.HasSuffix(rest, ".json")
}

// uploadID takes ID-NONCE-N.upload apart.
func uploadID(name string) (string, bool) {
	id, rest, _ := strings.Cut(name, "-")
	return id, len(id) == idLength && strings.HasSuffix(rest, ".upload")
}

// idLength is the length of an [ID].
const idLength = 32
