package core

import "time"

// JobView is a job as people and programs see it (the API's job).
type JobView struct {
	ID           JobID         `json:"id"`
	Aliases      []JobID       `json:"aliases,omitempty"` // other ids of the same job
	State        JobState      `json:"state"`
	Name         string        `json:"name"`
	Profile      string        `json:"profile"`
	Pages        PageCounts    `json:"pages"`
	Submitted    time.Time     `json:"submitted"`
	Started      time.Time     `json:"started,omitzero"`
	Finished     time.Time     `json:"finished,omitzero"`
	Server       string        `json:"server"` // that accepted it
	Epoch        int           `json:"epoch"`
	Protected    bool          `json:"protected"`
	Attempts     int           `json:"attempts"` // 1, and one more for each retry of the whole job
	Destinations []Delivery    `json:"destinations"`
	Error        *Failure      `json:"error,omitempty"`
	Failures     []PageFailure `json:"failures,omitempty"` // at most MaxPageFailures
	Reason       string        `json:"reason,omitempty"`   // why it is held or was cancelled
	User         string        `json:"user,omitempty"`
	Outputs      []Output      `json:"outputs,omitempty"`

	Parts     []PartInfo        `json:"parts,omitempty"`     // the documents of a job that was split
	Fields    map[string]string `json:"fields,omitempty"`    // what indexers found, of a job that is one document
	Unindexed []IndexFailure    `json:"unindexed,omitempty"` // indexers that failed: the documents lack their fields
}

// PageCounts says how far the pages of a job are.
type PageCounts struct {
	Total  int `json:"total"`
	Done   int `json:"done"`   // ended, however they ended
	Blank  int `json:"blank"`  // of done
	Failed int `json:"failed"` // of done: they are delivered as images
}

// Delivery is one destination of a job.
type Delivery struct {
	Destination string   `json:"name"`
	State       string   `json:"state"` // pending, delivered or failed
	Receipt     *Receipt `json:"receipt,omitempty"`
	Failure     *Failure `json:"error,omitempty"`
}

// States of a Delivery.
const (
	DeliveryPending = "pending"
	DeliveryDone    = "delivered"
	DeliveryFailed  = "failed"
)

// PageFailure says why a page is delivered as an image only.
type PageFailure struct {
	Page    int     `json:"page"`
	Stage   Stage   `json:"stage"`
	Failure Failure `json:"error"`
}

// MaxPageFailures is how many page failures a JobView tells; all stand in the manifest.
const MaxPageFailures = 100

func (j *job) view() JobView {
	sub := j.Sub.Val
	v := JobView{
		ID: j.ID, Aliases: j.Aliases, State: j.plan.State, Name: sub.Name, Profile: sub.Profile,
		Pages:     j.counts(),
		Submitted: j.Sub.At.time(), Started: j.Started.time(), Finished: j.plan.Finished.time(),
		Server: sub.Server, Attempts: j.Round + 1, Error: j.plan.Failure, User: sub.User,
		Destinations: j.deliveries(),
		Failures:     j.pageFailures(),
	}
	switch v.State {
	case Held:
		v.Reason = j.Reason
		if j.withheld != nil {
			v.Error = j.withheld
		}
		if !j.heldByPerson() {
			v.Reason = j.withheld.Detail
		}
	case Cancelled:
		v.Reason = j.Cancel.Val.Reason
		return v
	}
	if out := j.plan.Out; out != nil {
		v.Outputs, v.Parts, v.Fields, v.Unindexed = out.Val.Outputs, out.Val.Parts, out.Val.Fields, out.Val.Unindexed
	}
	return v
}

// counts come from the index while there are pages, afterwards from the event
// that ended the job.
func (j *job) counts() PageCounts {
	switch j.plan.State {
	case Completed:
		out := j.plan.Out.Val
		return PageCounts{Total: out.Pages, Done: out.Pages, Blank: out.Blank}
	case Cancelled:
		return j.Cancel.Val.Pages
	}
	x := &j.index
	return PageCounts{Total: x.total, Done: x.done, Blank: x.blank, Failed: x.failed}
}

func (j *job) deliveries() []Delivery {
	list := make([]Delivery, 0, len(j.Sub.Val.Destinations))
	for _, d := range j.Sub.Val.Destinations {
		v := Delivery{Destination: d, State: DeliveryPending}
		t := j.Tries[triesName(Deliver, d)]
		if t != nil && t.Last != nil {
			v.Failure = &t.Last.Val.Failure
		}
		if t.final(j.Round) {
			v.State = DeliveryFailed
		}
		if out := j.plan.Out; out != nil && j.Receipts[out.Val.Round][d] != nil {
			v = Delivery{Destination: d, State: DeliveryDone, Receipt: &j.Receipts[out.Val.Round][d].Val.Receipt}
		}
		list = append(list, v)
	}
	return list
}

func (j *job) pageFailures() []PageFailure {
	var list []PageFailure
	if j.index.failed == 0 {
		return nil
	}
	for n := 1; n <= j.index.total && len(list) < min(j.index.failed, MaxPageFailures); n++ {
		p := j.pages[n]
		if p == nil {
			continue
		}
		if stage, end := j.stageOf(n, p); end == failed {
			list = append(list, PageFailure{n, stage, j.failure(n).Last.Val.Failure})
		}
	}
	return list
}
