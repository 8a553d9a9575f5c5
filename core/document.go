package core

import (
	"strconv"
	"time"
)

// Document is a job's content as far as it is known.
type Document struct {
	Key         string // idempotency key of deliveries without the destination: Idempotency-Key, else the job id
	Mode        Mode   // of the options, with the default filled in
	Round       int    // of JobRetried in which Outputs were assembled
	Inputs      []File
	Inspections []Inspection
	Pages       []Page
	Outputs     []Output
	Settings    map[string][]byte // deliver: the destination's setting under its key
	Submitted   time.Time

	Profile      string
	Destinations []string
}

// Graft reports whether the document keeps its own pages, so that only a text
// layer is added to them: it is one PDF that would lose something by being
// written anew, and nobody asked to draw every page as an image.
func (d *Document) Graft() bool { return graft(d.Mode, d.Inspections) }

func graft(mode Mode, inputs []Inspection) bool {
	return mode != ModeForce && len(inputs) == 1 && inputs[0].PDF != nil && !inputs[0].PDF.Rebuild
}

// born reports whether a page of a grafted document is left alone, because it
// carries text already. In a new document every page is drawn.
func born(grafted bool, mode Mode, info PageInfo) bool {
	return grafted && mode == ModeSkip && info.Text
}

// DeliveryKey is the idempotency key of a delivery to the destination. Outputs
// that were assembled again after a retry are another delivery.
func (d *Document) DeliveryKey(destination string) string {
	key := d.Key + "/" + destination
	if d.Round > 0 {
		key += "/" + strconv.Itoa(d.Round)
	}
	return key
}

// PartKey is the idempotency key of one document of a delivery; part 0 is a job that is
// one document. No key of another round can be the same.
func (d *Document) PartKey(destination string, part int) string {
	key := d.DeliveryKey(destination)
	if part > 0 {
		key += "/part-" + strconv.Itoa(part)
	}
	return key
}

// document is a copy of what is known of the whole job. A delivery has no use for the pages.
func (j *job) document(stage Stage) *Document {
	sub := j.Sub.Val
	d := &Document{
		Key:       sub.Key,
		Mode:      sub.Options.WithDefaults().Mode,
		Submitted: j.Sub.At.time(),
		Profile:   sub.Profile, Destinations: sub.Destinations,
	}
	if d.Key == "" {
		d.Key = string(j.ID)
	}
	for i := range sub.Inputs {
		d.Inputs = append(d.Inputs, j.input(i))
	}
	if j.Ingest != nil {
		d.Inspections = j.Ingest.Val
	}
	if out := j.plan.Out; out != nil {
		d.Outputs, d.Round = out.Val.Outputs, out.Val.Round
	}
	for n := 1; n <= j.index.total && stage != Deliver; n++ {
		d.Pages = append(d.Pages, j.page(n))
	}
	return d
}

func (j *job) page(n int) Page {
	v := Page{Number: n, Born: j.born(n)}
	v.Input, v.InputPage, v.Info = j.locate(n)
	p := j.pages[n]
	if p == nil {
		return v
	}
	v.Took = map[Stage]time.Duration{}
	if p.Image != nil {
		v.Image, v.Took[Rasterize] = &p.Image.Val, p.Image.Took
	}
	if p.Clean != nil {
		v.Clean, v.Took[Clean] = &p.Clean.Val, p.Clean.Took
	}
	if p.Text != nil {
		v.Text, v.Took[Recognize] = &p.Text.Val, p.Text.Took
	}
	if stage, end := j.stageOf(n, p); end == failed {
		v.FailedStage, v.Failure = stage, &j.failure(n).Last.Val.Failure
	}
	return v
}
