package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/twinleaf-scan/twinleaf/sdk"
	"github.com/twinleaf-scan/twinleaf/sdk/deliver"
)

// delivery is one call.
type delivery struct {
	request  sdk.DeliverRequest
	settings Settings
	rest     func(context.Context, time.Duration) error // between tries

	body *body
	kind string // of a raw body
}

// maxTries bounds the tries of one call. They are for a receiver that is being
// restarted; over longer times the server calls again.
const maxTries = 3

// maxRest is the longest that a call waits because the receiver asks for it.
const maxRest = 30 * time.Second

func (d *delivery) run(ctx context.Context) (sdk.Receipt, error) {
	if err := d.prepare(ctx); err != nil {
		return sdk.Receipt{}, err
	}
	client, err := d.client(ctx)
	if err != nil {
		return sdk.Receipt{}, err
	}
	for n := 1; ; n++ {
		receipt, err := d.try(ctx, client)
		if err == nil {
			return receipt, nil
		}
		wait, again := restAfter(err, n)
		if !again || n == maxTries || d.rest(ctx, wait) != nil {
			return sdk.Receipt{}, err
		}
		sdk.Log(ctx).Info("trying again", "try", n+1, "receiver", d.settings.place(), "cause", err)
	}
}

// restAfter is how long to wait after the n-th try, and whether another makes sense.
func restAfter(err error, n int) (time.Duration, bool) {
	e, ok := errors.AsType[*sdk.Error](err)
	if !ok || !e.Temporary {
		return 0, false
	}
	wait := time.Duration(n*n) * time.Second
	if asked, ok := errors.AsType[*busy](err); ok && asked.wait > 0 {
		wait = asked.wait
	}
	return wait, wait <= maxRest
}

// prepare makes the body.
func (d *delivery) prepare(ctx context.Context) error {
	r := d.request
	files, err := describe(ctx, r)
	if err != nil {
		return err
	}
	if d.settings.Body == bodyRaw {
		if len(files) > 1 {
			return sdk.Refuse("destination", "let the profile deliver one kind, or set body to multipart",
				"a raw request carries one file, and there are %d: %v", len(files), r.Kinds)
		}
		d.body, d.kind = rawBody(files[0]), files[0].Kind
		return nil
	}
	d.body, err = multipartBody(metadata{documentDelivered, r.Key, r.Job, r.Name, files})
	return err
}

// client is the call's own, set up for this receiver.
func (d *delivery) client(ctx context.Context) (*http.Client, error) {
	client, transport, err := deliver.Client(ctx, d.settings.CA)
	if err != nil {
		return nil, err
	}
	transport.ResponseHeaderTimeout = time.Duration(cmp.Or(d.settings.Wait, defaultWait)) * time.Second
	transport.ExpectContinueTimeout = 2 * time.Second
	return client, nil
}

// maxStall is how long not one byte of the body may leave.
const maxStall = time.Minute

var errStalled = fmt.Errorf("the receiver took no byte for %v", maxStall)

// try makes one request.
func (d *delivery) try(ctx context.Context, client *http.Client) (sdk.Receipt, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	stall := time.AfterFunc(maxStall, func() { cancel(errStalled) })
	defer stall.Stop()
	req, err := d.newRequest(ctx)
	if err != nil {
		return sdk.Receipt{}, err
	}
	req.Body = &watched{ReadCloser: d.body.open(), seen: func(n int64, end bool) {
		sdk.Progress(ctx, float64(n)/float64(max(d.body.size, 1)))
		if stall.Stop() && !end {
			stall.Reset(maxStall)
		}
	}}
	resp, err := client.Do(req)
	if err != nil {
		return sdk.Receipt{}, d.unanswered(ctx, err)
	}
	defer resp.Body.Close()
	return d.answered(resp)
}

func (d *delivery) newRequest(ctx context.Context) (*http.Request, error) {
	s := d.settings
	req, err := http.NewRequestWithContext(ctx, cmp.Or(s.Method, http.MethodPost), s.URL, nil)
	if err != nil {
		return nil, wrong("/url", "not an address such as https://host/path")
	}
	req.ContentLength = d.body.size
	for name, value := range s.Headers {
		req.Header.Set(name, value)
	}
	req.Header.Set("Content-Type", d.body.media)
	req.Header.Set("Expect", "100-continue") // a refusal costs no upload
	if req.Header.Get("User-Agent") == "" {
		req.Header.Set("User-Agent", "twinleaf-webhook/1.0")
	}
	if s.Body == bodyRaw {
		req.Header.Set("Content-Disposition", d.body.disposition)
		req.Header.Set("Twinleaf-Job", d.request.Job)
		req.Header.Set("Twinleaf-Kind", d.kind)
	}
	switch {
	case s.TokenHeader != "":
		req.Header.Set(s.TokenHeader, s.Token)
	case s.Token != "":
		req.Header.Set("Authorization", "Bearer "+s.Token)
	}
	return req, d.sign(ctx, req.Header)
}

func (d *delivery) sign(ctx context.Context, h http.Header) error {
	id, now := messageID(d.request.Key), time.Now()
	h.Set(headerKey, id)
	h.Set(headerID, id)
	h.Set(headerTime, strconv.FormatInt(now.Unix(), 10))
	var secrets []string
	for _, s := range []string{d.settings.Secret, d.settings.PreviousSecret} {
		if s != "" {
			secrets = append(secrets, s)
		}
	}
	if len(secrets) == 0 {
		return nil
	}
	body := d.body.open()
	defer body.Close()
	signature, err := sign(ctx, secrets, id, now, body)
	h.Set(headerSignature, signature)
	return err
}

// watched tells how much of a body was read so far, and whether that is all.
type watched struct {
	io.ReadCloser
	n    int64
	seen func(n int64, end bool)
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.ReadCloser.Read(p)
	w.n += int64(n)
	w.seen(w.n, err == io.EOF)
	return n, err
}
