package core

import "time"

// Page is what is known of one page of a job's document.
type Page struct {
	Number    int      `json:"number"`    // 1-based, in the document
	Input     int      `json:"input"`     // 0-based index into the job's inputs
	InputPage int      `json:"inputPage"` // 1-based, inside that input
	Info      PageInfo `json:"info"`

	Image *PageImage `json:"image,omitempty"` // rasterized
	Clean *PageClean `json:"clean,omitempty"`
	Text  *PageText  `json:"text,omitempty"` // recognised, or carried by the page

	Failure     *Failure `json:"failure,omitempty"`     // the page is delivered as an image
	FailedStage Stage    `json:"failedStage,omitempty"` //

	Took map[Stage]time.Duration `json:"took,omitempty"`
}

// Delivery is one destination of a job.
type Delivery struct {
	Destination string   `json:"name"`
	Receipt     *Receipt `json:"receipt,omitempty"`
	Failure     *Failure `json:"error,omitempty"`
}
