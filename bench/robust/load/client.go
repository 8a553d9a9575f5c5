// Package load submits scans to a pair as its clients do: to the primary first, to the
// secondary when that fails, under one key and with the cause of the failure, and again
// until somebody has acknowledged the job. It follows the written contract and shares no
// code with the real client.
package load

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/twinleaf-scan/twinleaf/bench/robust/history"
	"github.com/twinleaf-scan/twinleaf/bench/robust/scan"
	"github.com/twinleaf-scan/twinleaf/bench/robust/sink"
)

// Server is one address of a pair.
type Server struct{ Name, URL string }

// Client is one program with a session. It is for one goroutine.
type Client struct {
	Servers [2]Server // the primary first
	Profile string
	Session string
	Paper   image.Image  // behind the numbers of the pages; nil: nothing
	HTTP    *http.Client // its timeouts say how long a silent server is waited for

	away bool // it has gone over to the secondary and stays there for the session
}

// NewHTTP is a client that gives a silent server up after the patience. Its connections
// begin at the local address, if one is given.
func NewHTTP(local string, patience time.Duration) *http.Client {
	d := &net.Dialer{Timeout: patience}
	if local != "" {
		d.LocalAddr = &net.TCPAddr{IP: net.ParseIP(local)}
	}
	return &http.Client{
		Timeout:   2 * patience,
		Transport: &http.Transport{DialContext: d.DialContext, ResponseHeaderTimeout: patience, IdleConnTimeout: 10 * time.Second},
	}
}

// Begin starts a new session: the primary is asked first again.
func (c *Client) Begin(session string) { c.Session, c.away = session, false }

// ErrRefused says that a server would never take the job.
var ErrRefused = errors.New("refused")

// between is the rest after both servers have failed.
const between = 100 * time.Millisecond

// Submit sends a job until it is acknowledged or ctx ends.
func (c *Client) Submit(ctx context.Context, job, pages int) (history.Answer, error) {
	body, media, err := form(job, pages, c.Paper)
	if err != nil {
		return history.Answer{}, err
	}
	out := history.Answer{Job: job, Pages: pages, Sent: time.Now()}
	cause := ""
	for {
		for range c.Servers {
			out.Tries++
			server := c.server()
			got, err := c.try(ctx, server, job, media, body, cause)
			if err == nil {
				out.ID, out.Protected, out.Server, out.At = got.ID, got.Protected, server.Name, time.Now()
				return out, nil
			}
			if errors.Is(err, ErrRefused) || ctx.Err() != nil {
				return out, err
			}
			cause = causeOf(err)
			c.away = !c.away
		}
		timer := time.NewTimer(between)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return out, ctx.Err()
		}
	}
}

func (c *Client) server() Server {
	if c.away {
		return c.Servers[1]
	}
	return c.Servers[0]
}

// form is the body of a submission: one small scan for each page.
func form(job, pages int, paper image.Image) (body []byte, media string, err error) {
	var out bytes.Buffer
	w := multipart.NewWriter(&out)
	for n := range pages {
		png, err := scan.PNG(scan.Page{Job: job, Page: n + 1}, paper)
		if err != nil {
			return nil, "", err
		}
		part, err := w.CreateFormFile("file", fmt.Sprintf("page-%d.png", n+1))
		if err != nil {
			return nil, "", err
		}
		if _, err := part.Write(png); err != nil {
			return nil, "", err
		}
	}
	err = w.Close()
	return out.Bytes(), w.FormDataContentType(), err
}

type accepted struct {
	ID        string
	Protected bool
}

// problem is an answer that is no success.
type problem struct {
	status int
	Code   string
	Detail string
}

func (p *problem) Error() string { return fmt.Sprintf("%d %s: %s", p.status, p.Code, p.Detail) }

func (c *Client) try(ctx context.Context, s Server, job int, media string, body []byte, cause string) (accepted, error) {
	q := url.Values{"name": {sink.Name(job)}, "profile": {c.Profile}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL+"/v1/jobs?"+q.Encode(), bytes.NewReader(body))
	if err != nil {
		return accepted{}, err
	}
	req.Header.Set("Content-Type", media)
	req.Header.Set("Idempotency-Key", sink.Name(job))
	req.Header.Set("Twinleaf-Session", c.Session)
	if cause != "" {
		req.Header.Set("Twinleaf-Failover", cause)
	}
	resp, err := c.HTTP.Do(req)
	if err != nil {
		return accepted{}, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return accepted{}, err
	}
	if resp.StatusCode/100 != 2 {
		return accepted{}, refusal(s, resp.StatusCode, answer)
	}
	var got accepted
	if err := json.Unmarshal(answer, &got); err != nil || got.ID == "" {
		return accepted{}, fmt.Errorf("%s answered %q: %w", s.Name, answer, err)
	}
	return got, nil
}

// refusal is an error of a status: one of the server's may pass, one of the client's
// does not.
func refusal(s Server, status int, answer []byte) error {
	p := &problem{status: status}
	if json.Unmarshal(answer, p) != nil {
		p.Detail = string(answer)
	}
	if status/100 == 4 {
		return fmt.Errorf("%w by %s: %w", ErrRefused, s.Name, p)
	}
	return fmt.Errorf("%s: %w", s.Name, p)
}

// causeOf is what the next server is told about the failure of the one before. A
// standby is no failure: where it sends the client, no cause is told.
func causeOf(err error) string {
	var p *problem
	if !errors.As(err, &p) {
		return "network"
	}
	switch p.Code {
	case "standby":
		return ""
	case "maintenance", "draining":
		return "maintenance"
	case "data-down", "disk-full":
		return "data"
	}
	return "web"
}
