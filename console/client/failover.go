package client

import (
	"context"
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/twinleaf-scan/twinleaf/console/api"
	"github.com/twinleaf-scan/twinleaf/core"
)

// reply is a server's last word on a request. The body of an answer that is no stream
// has been read.
type reply struct {
	*http.Response
	server *server
	before []*fault // of the servers that were asked before
}

// do asks one server after the other until one does what it is asked, or refuses it for
// a reason that another one would have too. The reply's body is the caller's.
func (c *Client) do(ctx context.Context, rq request) (*reply, error) {
	w := c.way(rq)
	for s := w.next(); s != nil; s = w.next() {
		resp, f, err := c.try(ctx, s, rq, w.cause())
		switch {
		case err != nil:
			return nil, err
		case f == nil:
			s.down.Store(false)
			c.settle(w, s)
			return &reply{resp, s, w.faults}, nil
		case f.cause == "" && w.cause() == "":
			w.sentOn(s, resp, f)
			continue
		}
		s.down.Store(f.cause != "")
		w.faults = append(w.faults, f)
		if f.acted && !rq.repeatable {
			return nil, unsure(f)
		}
	}
	if !rq.alone {
		c.current.Store(0)
	}
	return nil, none(w.faults)
}

// suspicion is how long a server that broke off an answer is not asked first.
const suspicion = 10 * time.Second

// way is that of one request from server to server.
type way struct {
	client *Client
	start  int       // index of the server that was asked first by then
	queue  []*server // still to be asked
	faults []*fault
	polite *fault // of a standby that sent the request on; it comes back to it if the others fail
}

func (c *Client) way(rq request) *way {
	w := &way{client: c, start: int(c.current.Load())}
	if rq.alone {
		w.start, w.queue = 0, c.servers[:1]
		return w
	}
	for i := range c.servers {
		w.queue = append(w.queue, c.servers[(w.start+i)%len(c.servers)])
	}
	first := w.queue[0]
	if f := first.suspect.Swap(nil); f != nil && rq.repeatable && len(w.queue) > 1 && time.Since(f.at) < suspicion {
		w.faults = append(w.faults, f)
		w.queue = append(w.queue[1:], first)
	}
	return w
}

// next is the server to ask now; nil: none is left.
func (w *way) next() *server {
	if len(w.queue) == 0 {
		if w.polite != nil && w.cause() == "" {
			w.faults = append(w.faults, w.polite)
		}
		return nil
	}
	s := w.queue[0]
	w.queue = w.queue[1:]
	if w.polite != nil && w.polite.server == s && w.cause() == "" {
		return w.next()
	}
	return s
}

// cause is what the next server is told: why the one before was left.
func (w *way) cause() Cause {
	for _, f := range slices.Backward(w.faults) {
		if f.cause != "" {
			return f.cause
		}
	}
	return ""
}

// sentOn goes to the server that a standby names, if it is one of ours, and comes back
// to the standby when no other can be had: then it takes the job.
func (w *way) sentOn(s *server, resp *http.Response, f *fault) {
	if w.polite == nil {
		w.polite = f
		w.queue = append(w.queue, s)
	}
	u, err := url.Parse(resp.Header.Get(api.ActiveHeader))
	if err != nil {
		return
	}
	if i := indexOf(w.queue, u); i > 0 && w.queue[i] != s {
		active := w.queue[i]
		w.queue = append([]*server{active}, slices.Delete(slices.Clone(w.queue), i, i+1)...)
	}
}

// settle stays with the server that did it, and says so once.
func (c *Client) settle(w *way, s *server) {
	to := slices.Index(c.servers, s)
	if to == w.start || !c.current.CompareAndSwap(uint32(w.start), uint32(to)) {
		return
	}
	why := w.polite
	if len(w.faults) > 0 {
		why = w.faults[0]
	}
	m := Move{From: why.server.name, To: s.name, Cause: why.cause, Why: why.state}
	c.config.Moved(m)
}

// lookAgain is how long to wait before each further look at a job that a server does
// not know, since it may have been taken by the other a moment ago.
var lookAgain = [...]time.Duration{20 * time.Millisecond, 80 * time.Millisecond, 300 * time.Millisecond}

// find is do, for a job that one server may know and the other not yet.
func (c *Client) find(ctx context.Context, rq request) (*reply, error) {
	r, err := c.do(ctx, rq)
	if !rq.job || len(c.servers) == 1 {
		return r, err
	}
	for _, d := range lookAgain {
		if err != nil || !r.unknown() {
			return r, err
		}
		if err := pause(ctx, d); err != nil {
			return nil, err
		}
		r, err = c.do(ctx, rq)
	}
	if err != nil || !r.unknown() {
		return r, err
	}
	if other := c.elsewhere(ctx, rq, r.server); other != nil {
		return other, nil
	}
	return r, nil
}

// elsewhere asks the other servers that are there; nil: they do not know it either.
func (c *Client) elsewhere(ctx context.Context, rq request, but *server) *reply {
	for _, s := range c.servers {
		if s == but || s.down.Load() {
			continue
		}
		resp, f, err := c.try(ctx, s, rq, "")
		if err != nil || f != nil {
			continue
		}
		if resp.StatusCode < 300 {
			return &reply{resp, s, nil}
		}
		_ = resp.Body.Close() // it was read
	}
	return nil
}

// someDown reports whether a server failed when it was last asked.
func (c *Client) someDown() bool {
	return slices.ContainsFunc(c.servers, func(s *server) bool { return s.down.Load() })
}

// unknown reports whether the server does not know what was asked for.
func (r *reply) unknown() bool {
	p := (*api.Problem)(nil)
	return errors.As(problemOf(r.Response, r.server), &p) && p.Status == http.StatusNotFound && p.Code == core.CodeUnknown
}

// problem is what the server has against the request; nil: it did it.
func (r *reply) problem() error {
	err := problemOf(r.Response, r.server)
	p := (*api.Problem)(nil)
	if !errors.As(err, &p) || p.Code != api.CodeReadOnly {
		return err
	}
	if primary := r.Header.Get(api.PrimaryHeader); p.Remedy == "" && primary != "" {
		p.Remedy = "make the change on the primary, " + primary
	}
	for _, f := range r.before {
		p.Detail += "; " + f.Error()
	}
	return p
}

// problemOf turns an answer that is no success into a problem.
func problemOf(resp *http.Response, s *server) error {
	if resp.StatusCode < 300 {
		return nil
	}
	if p := ours(resp); p != nil {
		return p
	}
	return api.NewProblem(resp.StatusCode, core.CodeInternal, "is this the address of a Twinleaf server?",
		"%s answered %s", s.url.Host, resp.Status)
}

// ours is the problem in an answer of Twinleaf's; nil: it is not Twinleaf that answers.
func ours(resp *http.Response) *api.Problem {
	media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	body, read := resp.Body.(*whole)
	if !read || media != api.ProblemMedia {
		return nil
	}
	p := &api.Problem{}
	if json.Unmarshal(body.data, p) != nil || p.Code == "" {
		return nil
	}
	p.Status = resp.StatusCode
	return p
}
