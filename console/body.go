package console

import (
	"errors"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/twinleaf-scan/twinleaf/console/api"
	"github.com/twinleaf-scan/twinleaf/core"
)

// steady is a body that must keep moving: every read gets a new deadline, so a
// slow line may take hours and a dead one ends soon. The answer's deadline moves
// along, for it comes after the body.
type steady struct {
	body io.Reader
	ctl  *http.ResponseController
	idle time.Duration
}

func newSteady(w http.ResponseWriter, body io.Reader, idle time.Duration) *steady {
	return &steady{body: body, ctl: http.NewResponseController(w), idle: idle}
}

func (b *steady) Read(p []byte) (int, error) {
	now := time.Now()
	_ = b.ctl.SetReadDeadline(now.Add(b.idle)) // a writer without deadlines is a test's
	_ = b.ctl.SetWriteDeadline(now.Add(b.idle + answerTimeout))
	return b.body.Read(p)
}

// capped ends with a refusal when more than left bytes come. It remembers what
// went wrong, in words for the client.
type capped struct {
	r     io.Reader
	left  int64
	limit int64
	err   error
}

func (c *capped) Read(p []byte) (int, error) {
	if int64(len(p)) > c.left+1 {
		p = p[:c.left+1]
	}
	n, err := c.r.Read(p)
	if int64(n) > c.left {
		c.err = core.Refuse(core.CodeOverLimit, "send it in smaller parts, or raise maxUpload in the server's configuration",
			"the submission has more than %d bytes", c.limit)
		return 0, c.err
	}
	c.left -= int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		c.err = bodyError(err)
		return n, c.err
	}
	return n, err
}

// bodyError says why a body could not be read.
func bodyError(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return api.NewProblem(http.StatusRequestTimeout, api.CodeSlow, "try again over a better line", "the rest of the scan did not come in time")
	}
	return bad("send the scan again", "the request's body broke off or is malformed: %v", err)
}
