package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/twinleaf-scan/twinleaf/core"
)

// meter shows how far a job is: pages done, pages a minute, time left. Away from
// a terminal it shows nothing.
type meter struct {
	w     io.Writer
	name  string
	bar   *progressbar.ProgressBar
	total int
	start time.Time
	show  bool
}

func newMeter(w io.Writer, name string) *meter {
	f, ok := w.(*os.File)
	return &meter{w: w, name: name, start: time.Now(), show: ok && term.IsTerminal(int(f.Fd()))}
}

// see takes a job as it is now. The bar begins when the number of pages is known.
func (m *meter) see(j core.JobView) { m.set(j.Pages.Total, j.Pages.Done, j.Pages.Done) }

// set shows done of total, which are pages or whatever the work ends by; the rate is that
// of pages.
func (m *meter) set(total, done, pages int) {
	if !m.show || total <= 0 {
		return
	}
	if m.bar == nil || m.total != total {
		m.total = total
		m.bar = progressbar.NewOptions(m.total, progressbar.OptionSetWriter(m.w), progressbar.OptionSetWidth(24),
			progressbar.OptionShowCount(), progressbar.OptionSetPredictTime(true), progressbar.OptionSetElapsedTime(true),
			progressbar.OptionClearOnFinish(), progressbar.OptionThrottle(65*time.Millisecond), progressbar.OptionSetRenderBlankState(true))
	}
	rate := float64(pages) / max(time.Since(m.start).Minutes(), 1e-6)
	m.bar.Describe(fmt.Sprintf("%s  %.0f pages/min", m.name, rate))
	_ = m.bar.Set(min(done, total)) // a terminal that is gone needs no bar
}

// end removes the bar, so that what follows begins at the line's start.
func (m *meter) end() {
	if m.bar != nil {
		_ = m.bar.Clear() // as above
		m.bar = nil
	}
}
