package core

import "time"

// Page is what is known of one page of a job's document.
type Page struct {
	Number    int      `json:"number"`    // 1-based, in the document
	Input     int      `json:"input"`     // 0-based index into the job's inputs
	InputPage int      `json:"inputPage"` // 1-based, inside that input
	Info      PageInfo `json:"info"`
	Born      bool     `json:"born,omitempty"` // left alone: it carries its own text

	Image *PageImage `json:"image,omitempty"` // rasterized
	Clean *PageClean `json:"clean,omitempty"`
	Text  *PageText  `json:"text,omitempty"` // recognised, or carried by the page

	Failure     *Failure `json:"failure,omitempty"`     // the page is delivered as an image
	FailedStage Stage    `json:"failedStage,omitempty"` //

	Took map[Stage]time.Duration `json:"took,omitempty"`
}

// Blank reports whether the page was found to hold nothing.
func (p Page) Blank() bool { return p.Clean != nil && p.Clean.Blank }

// pageWork is what the fold knows of one page.
type pageWork struct {
	Image *first[PageImage] `json:"image,omitempty"`
	Clean *first[PageClean] `json:"clean,omitempty"`
	Text  *first[PageText]  `json:"text,omitempty"`
	Tries [3]*tries         `json:"tries,omitzero"` // by pageStage; nil once the stage has its result
}

// pageStage is the place of a stage in the order of a page's stages, -1 for a stage
// of the document.
func pageStage(s Stage) int {
	switch s {
	case Rasterize:
		return 0
	case Clean:
		return 1
	case Recognize:
		return 2
	}
	return -1
}

// outcome is how a page ended in the present round.
type outcome uint8

const (
	pending outcome = iota
	done
	blank
	failed
)

// next is the stage a page needs next, with its outcome. The stage is empty when
// the page ended well; a failed page names the stage at which it failed. p is
// nil for a page that nothing has happened to. A separator sheet that is left out
// needs no text.
func (p *pageWork) next(born, leftOut bool, round int) (Stage, outcome) {
	stage, end := p.missing(born)
	if leftOut && stage == Recognize && p.untouched() {
		return "", done
	}
	if end == pending && p != nil && p.Tries[pageStage(stage)].final(round) {
		return stage, failed
	}
	return stage, end
}

// missing is the first stage without a result.
func (p *pageWork) missing(born bool) (Stage, outcome) {
	switch {
	case p == nil && born:
		return Recognize, pending
	case p == nil:
		return Rasterize, pending
	case born && p.Text == nil:
		return Recognize, pending
	case born:
		return "", done
	case p.Image == nil:
		return Rasterize, pending
	case p.Clean == nil:
		return Clean, pending
	case p.Clean.Val.Blank:
		return "", blank
	case p.Text == nil:
		return Recognize, pending
	}
	return "", done
}

// untouched reports whether nobody has begun to read the text of a page. What was begun
// is finished, as it was before sheets were left out.
func (p *pageWork) untouched() bool { return p.Tries[pageStage(Recognize)] == nil }

// tried takes in what is known of the attempts at stage i. Attempts at a stage
// that has its result say nothing any more.
func (p *pageWork) tried(i int, t *tries) {
	p.Tries[i] = p.Tries[i].join(t)
	p.forgetTries()
}

func (p *pageWork) forgetTries() {
	for i, has := range [3]bool{p.Image != nil, p.Clean != nil, p.Text != nil} {
		if has {
			p.Tries[i] = nil
		}
	}
}

// join takes in what another record knows of the same page.
func (p *pageWork) join(o *pageWork) {
	p.Image = earlier(p.Image, o.Image)
	p.Clean = earlier(p.Clean, o.Clean)
	p.Text = earlier(p.Text, o.Text)
	for i := range p.Tries {
		p.Tries[i] = p.Tries[i].join(o.Tries[i])
	}
	p.forgetTries()
}
