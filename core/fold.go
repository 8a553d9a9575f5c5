package core

// job is what the fold knows of one job. Everything in record is a register, see
// register.go; the rest follows from it.
//
// A job that is completed or cancelled is sealed: nothing can open it again, so
// its pages, inputs and attempts are dropped, and what comes late changes only
// what is kept.
type job struct {
	record
	pages map[int]*pageWork // by number; nil once sealed

	withheld *Failure // a mark of this server alone, see State.Withhold

	index index
	plan  plan
}

// record is the part of a job that is written into a snapshot, beside its pages.
type record struct {
	ID        JobID                                `json:"id"`
	Aliases   []JobID                              `json:"aliases,omitempty"` // ascending
	Sub       *first[JobSubmitted]                 `json:"sub,omitempty"`     // nil: a stub, whose submission is not folded yet
	Ingest    *first[[]Inspection]                 `json:"ingest,omitempty"`
	Round     int                                  `json:"round,omitempty"`     // highest of JobRetried
	Tries     map[string]*tries                    `json:"tries,omitempty"`     // of ingest, assemble and deliver/NAME
	Assembled map[int]*first[DocumentAssembled]    `json:"assembled,omitempty"` // by round
	Receipts  map[int]map[string]*first[Delivered] `json:"receipts,omitempty"`  // by round of the outputs, by destination
	Hold      int                                  `json:"hold,omitempty"`      // highest number of JobHeld
	Reason    string                               `json:"reason,omitempty"`    // of that hold
	Release   int                                  `json:"release,omitempty"`   // highest number of JobReleased
	Cancel    *first[JobCancelled]                 `json:"cancel,omitempty"`
	Started   stamp                                `json:"started,omitempty"` // first attempt at anything
	Seen      stamp                                `json:"seen,omitempty"`    // latest event; kept for stubs only
}

func newJob(id JobID) *job {
	return &job{record: record{ID: id}, pages: map[int]*pageWork{}}
}

// apply folds one event other than JobSubmitted.
func (j *job) apply(at stamp, body Body) {
	switch b := body.(type) {
	case StageStarted:
		j.Started = oldest(j.Started, at)
		j.tried(b.Stage, b.Page, b.Destination, &tries{Round: b.Round, Starts: b.Attempt})
	case StageFailed:
		j.tried(b.Stage, b.Page, b.Destination, triesOf(at, b))
	case DocumentIngested:
		j.setIngest(earlier(j.Ingest, &first[[]Inspection]{at, b.Took, b.Inputs}))
	case PageRasterized:
		j.onPage(b.Page, func(p *pageWork) {
			p.Image = earlier(p.Image, &first[PageImage]{at, b.Took, b.Image})
		})
	case PageCleaned:
		j.onPage(b.Page, func(p *pageWork) {
			p.Clean = earlier(p.Clean, &first[PageClean]{at, b.Took, b.Clean})
		})
	case PageRecognized:
		j.onPage(b.Page, func(p *pageWork) {
			p.Text = earlier(p.Text, &first[PageText]{at, b.Took, b.Text})
		})
	case DocumentAssembled:
		j.assembled(b.Round, &first[DocumentAssembled]{at, b.Took, b})
	case Delivered:
		j.delivered(b.Round, &first[Delivered]{at, b.Took, b})
	case JobHeld:
		j.held(b.Count, b.Reason)
	case JobReleased:
		j.Release = max(j.Release, b.Count)
	case JobCancelled:
		j.Cancel = earlier(j.Cancel, &first[JobCancelled]{At: at, Val: b})
	case JobRetried:
		j.retried(b.Round)
	}
	j.Seen = max(j.Seen, at)
}

func triesOf(at stamp, b StageFailed) *tries {
	return &tries{
		Round:  b.Round,
		Starts: b.Attempt,
		Fails:  max(b.Failures, 1),
		Last: &first[failing]{At: at, Val: failing{
			Attempt: b.Attempt, Failure: b.Failure, Final: b.Final, RetryAt: stampOf(b.RetryAt),
		}},
	}
}

// submitted folds the submission.
func (j *job) submitted(at stamp, b JobSubmitted) {
	j.Sub = earlierSub(j.Sub, &first[JobSubmitted]{At: at, Val: b})
	j.reindex()
}

func (j *job) setIngest(in *first[[]Inspection]) {
	if j.sealed() || in == j.Ingest {
		return
	}
	j.Ingest = in
	delete(j.Tries, string(Ingest))
	j.reindex()
}

// onPage changes one page and keeps the index.
func (j *job) onPage(n int, change func(*pageWork)) {
	if n < 1 || j.sealed() {
		return
	}
	p, before := j.pages[n], pending
	if p == nil {
		p = &pageWork{}
		j.pages[n] = p
	} else {
		before = j.outcome(n, p)
	}
	sheet, only := j.sheet(n, p), j.onlySheets()
	change(p)
	p.forgetTries()
	j.index.sheets += count(j.sheet(n, p)) - count(sheet)
	if j.onlySheets() != only {
		j.reindex()
		return
	}
	j.index.moved(n, before, j.outcome(n, p))
	j.advance()
}

func count(is bool) int {
	if is {
		return 1
	}
	return 0
}

// tried takes in attempts at a page or at the document.
func (j *job) tried(stage Stage, page int, destination string, t *tries) {
	if i := pageStage(stage); i >= 0 {
		j.onPage(page, func(p *pageWork) { p.tried(i, t) })
		return
	}
	if j.sealed() || stage == Ingest && j.Ingest != nil {
		return
	}
	if j.Tries == nil {
		j.Tries = map[string]*tries{}
	}
	name := triesName(stage, destination)
	j.Tries[name] = j.Tries[name].join(t)
}

func triesName(stage Stage, destination string) string {
	if stage == Deliver {
		return string(stage) + "/" + destination
	}
	return string(stage)
}

// assembled keeps the better of two results of one round: the one that lacks less,
// then the first.
func (j *job) assembled(round int, a *first[DocumentAssembled]) {
	if j.Assembled == nil {
		j.Assembled = map[int]*first[DocumentAssembled]{}
	}
	if old := j.Assembled[round]; old != nil && old.Val.lacking() != a.Val.lacking() {
		if old.Val.lacking() < a.Val.lacking() {
			return
		}
		j.Assembled[round] = a
		return
	}
	j.Assembled[round] = earlier(j.Assembled[round], a)
}

func (j *job) delivered(round int, r *first[Delivered]) {
	if j.Receipts == nil {
		j.Receipts = map[int]map[string]*first[Delivered]{}
	}
	if j.Receipts[round] == nil {
		j.Receipts[round] = map[string]*first[Delivered]{}
	}
	name := r.Val.Destination
	j.Receipts[round][name] = earlier(j.Receipts[round][name], r)
}

// held keeps the hold of the highest number; of two of the same number the
// smaller reason, so that the order does not matter.
func (j *job) held(count int, reason string) {
	switch {
	case count > j.Hold:
		j.Hold, j.Reason = count, reason
	case count == j.Hold:
		j.Reason = min(j.Reason, reason)
	}
}

func (j *job) retried(round int) {
	if round > j.Round {
		j.Round = round
		j.reindex()
	}
}

// join takes in everything that another record of the same job knows: one of the
// two ids becomes an alias of the other.
func (j *job) join(o *job) {
	j.Aliases = otherIDs(j, o)
	j.Sub = earlierSub(j.Sub, o.Sub)
	j.Ingest = earlier(j.Ingest, o.Ingest)
	j.Round = max(j.Round, o.Round)
	for name, t := range o.Tries {
		if j.Tries == nil {
			j.Tries = map[string]*tries{}
		}
		j.Tries[name] = j.Tries[name].join(t)
	}
	if j.Ingest != nil {
		delete(j.Tries, string(Ingest))
	}
	for round, a := range o.Assembled {
		j.assembled(round, a)
	}
	for round, byName := range o.Receipts {
		for _, r := range byName {
			j.delivered(round, r)
		}
	}
	if o.Hold > 0 {
		j.held(o.Hold, o.Reason)
	}
	j.Release = max(j.Release, o.Release)
	j.Cancel = earlier(j.Cancel, o.Cancel)
	j.Started = oldest(j.Started, o.Started)
	j.Seen = max(j.Seen, o.Seen)
	if j.withheld == nil {
		j.withheld = o.withheld
	}
	j.joinPages(o.pages)
	j.reindex()
}

func (j *job) joinPages(pages map[int]*pageWork) {
	for n, p := range pages {
		if own := j.pages[n]; own != nil {
			own.join(p)
		} else if j.pages != nil {
			page := *p
			j.pages[n] = &page
		}
	}
}

// sealed reports whether nothing can happen to the job any more.
func (j *job) sealed() bool { return j.Cancel != nil || j.finished() != nil }

// finished gives the outputs that completed the job: no page and no field is
// missing from them and every destination has them. There being such outputs can never cease
// to be true, whatever is folded later.
func (j *job) finished() *first[DocumentAssembled] {
	if j.Sub == nil {
		return nil
	}
	var best *first[DocumentAssembled]
	for round, a := range j.Assembled {
		if a.Val.lacking() == 0 && j.deliveredAll(round) && (best == nil || round < best.Val.Round) {
			best = a
		}
	}
	return best
}

func (j *job) deliveredAll(round int) bool {
	for _, d := range j.Sub.Val.Destinations {
		if j.Receipts[round][d] == nil {
			return false
		}
	}
	return true
}

// conclude works out where the job stands after an event.
func (j *job) conclude() {
	if j.Sub != nil {
		j.Seen = 0
	}
	if j.sealed() {
		j.seal()
	}
	j.replan()
}

// key is the Idempotency-Key of a submitted job; empty: it has none.
func (j *job) key() string {
	if j.Sub == nil {
		return ""
	}
	return j.Sub.Val.Key
}

// seal drops what a sealed job does not need.
func (j *job) seal() {
	j.pages, j.Ingest, j.Tries = nil, nil, nil
	j.Hold, j.Reason, j.Release, j.withheld = 0, "", 0, nil
	j.index = index{}
	if j.Sub != nil {
		sub := *j.Sub
		sub.Val = stripped(sub.Val)
		j.Sub = &sub
	}
}
