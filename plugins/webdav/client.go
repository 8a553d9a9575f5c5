package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"strings"

	"github.com/icholy/digest"

	"github.com/twinleaf-scan/twinleaf/sdk/deliver"
)

// client makes the requests of one call, one after the other.
type client struct {
	http           *http.Client
	base           *url.URL // ends with a slash
	user, password string

	challenge *digest.Challenge // once the server asked for a digest
	basic     bool              // once the server asked for the password
	asked     int               // answers to the challenge
}

func newClient(ctx context.Context, s Settings) (*client, error) {
	base, err := url.Parse(s.URL)
	if err != nil {
		return nil, errors.New("the url cannot be read") // the cause would repeat it
	}
	base = &url.URL{Scheme: base.Scheme, Host: base.Host, Path: strings.TrimRight(base.Path, "/") + "/"}
	via, _, err := deliver.Client(ctx, s.CA)
	if err != nil {
		return nil, err
	}
	return &client{http: via, base: base, user: s.User, password: s.Password}, nil
}

// target is the address of a name below the folder.
func (c *client) target(name string) string { return c.address(c.base.Path + name) }

func (c *client) address(path string) string {
	u := *c.base
	u.Path = path
	return u.String()
}

// request is one request; Body may be read again.
type request struct {
	method, path string // the path is absolute and not escaped
	header       map[string]string
	body         deliver.Content
	size         int64
}

// statusError is an answer that says no.
type statusError struct {
	method, path string
	status       int
	to           string // where a redirect leads
}

func (e *statusError) Error() string {
	return fmt.Sprintf("%s %s: %d %s", e.method, e.path, e.status, http.StatusText(e.status))
}

// Is makes the statuses that have a meaning for a delivery known to errors.Is.
func (e *statusError) Is(target error) bool {
	switch target {
	case fs.ErrNotExist:
		return e.status == http.StatusNotFound || e.status == http.StatusGone
	case fs.ErrExist:
		return e.status == http.StatusPreconditionFailed
	case fs.ErrPermission:
		return e.status == http.StatusForbidden
	}
	return false
}

func missing(err error) bool { return errors.Is(err, fs.ErrNotExist) }

// maxTries bounds how often a server may ask who we are: for the first time, and when
// its challenge is out of date.
const maxTries = 3

// do makes a request and gives its answer, whose body is the caller's to close; other
// answers than those wanted are errors.
func (c *client) do(ctx context.Context, r request, want ...int) (*http.Response, error) {
	for try := 1; ; try++ {
		answer, err := c.once(ctx, r)
		if err != nil {
			return nil, err
		}
		for _, status := range want {
			if answer.StatusCode == status {
				return answer, nil
			}
		}
		drain(answer)
		if answer.StatusCode == http.StatusUnauthorized && try < maxTries && c.learn(answer) {
			continue
		}
		return nil, &statusError{r.method, r.path, answer.StatusCode, answer.Header.Get("Location")}
	}
}

// drain lets the connection be used again.
func drain(answer *http.Response) {
	_, _ = io.CopyN(io.Discard, answer.Body, 64<<10)
	_ = answer.Body.Close()
}

func (c *client) once(ctx context.Context, r request) (*http.Response, error) {
	var body io.Reader
	if r.body != nil {
		if _, err := r.body.Seek(0, io.SeekStart); err != nil {
			return nil, err
		}
		body = io.NopCloser(io.LimitReader(r.body, r.size))
	}
	req, err := http.NewRequestWithContext(ctx, r.method, c.address(r.path), body)
	if err != nil {
		return nil, err
	}
	if r.body != nil {
		req.ContentLength = r.size
		if r.size == 0 {
			req.Body = http.NoBody
		}
	}
	for name, value := range r.header {
		req.Header.Set(name, value)
	}
	req.Header.Set("User-Agent", "Twinleaf")
	if err := c.authorize(req); err != nil {
		return nil, err
	}
	return c.http.Do(req)
}

func (c *client) authorize(req *http.Request) error {
	if c.basic {
		req.SetBasicAuth(c.user, c.password)
	}
	if c.challenge == nil {
		return nil
	}
	c.asked++
	answer, err := digest.Digest(c.challenge, digest.Options{
		Method: req.Method, URI: req.URL.RequestURI(), Count: c.asked, Username: c.user, Password: c.password,
	})
	if err != nil {
		return fmt.Errorf("answer the server's challenge: %w", err)
	}
	req.Header.Set("Authorization", answer.String())
	return nil
}

// learn takes in how the server wants to know who we are. It reports whether another
// try makes sense.
func (c *client) learn(answer *http.Response) bool {
	if c.user == "" || c.basic {
		return false
	}
	if challenge, err := digest.FindChallenge(answer.Header); err == nil && digest.CanDigest(challenge) {
		again := c.challenge == nil || challenge.Stale
		c.challenge, c.asked = challenge, 0
		return again
	}
	for _, header := range answer.Header.Values("WWW-Authenticate") {
		if scheme, _, _ := strings.Cut(strings.TrimSpace(header), " "); strings.EqualFold(scheme, "basic") {
			c.basic = true
			return true
		}
	}
	return false
}
