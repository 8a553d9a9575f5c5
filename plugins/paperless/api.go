package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
	"time"
	"unicode"

	"github.com/twinleaf-scan/twinleaf/sdk"
	lib "github.com/twinleaf-scan/twinleaf/sdk/deliver"
)

// api is paperless as a client sees it (docs/api.md of paperless-ngx).
type api struct {
	base   *url.URL
	token  string
	client *http.Client
}

func newAPI(ctx context.Context, s Settings) (*api, error) {
	base, err := url.Parse(strings.TrimSuffix(s.URL, "/"))
	if err != nil {
		return nil, wrong("/url", "not an address")
	}
	client, _, err := lib.Client(ctx, s.CA)
	if err != nil {
		return nil, err
	}
	return &api{base, s.Token, client}, nil
}

// maxAnswer bounds an answer in bytes.
const maxAnswer = 16 << 20

// get asks for a list. Paperless gives an array, or a page of one.
func get[T any](ctx context.Context, a *api, path string, query url.Values) ([]T, error) {
	raw, err := a.do(ctx, http.MethodGet, path+"?"+query.Encode(), nil, "", 0)
	if err != nil {
		return nil, err
	}
	var list []T
	if bytes.HasPrefix(bytes.TrimSpace(raw), []byte("[")) {
		err = json.Unmarshal(raw, &list)
	} else {
		var page struct {
			Results []T `json:"results"`
		}
		err = json.Unmarshal(raw, &page)
		list = page.Results
	}
	if err != nil {
		return nil, a.refuse("look whether url is that of paperless-ngx", "the answer to %s is none of paperless: %s", path, err)
	}
	return list, nil
}

// field is one of a form.
type field struct{ name, value string }

// post uploads a document and gives the task that consumes it.
func (a *api) post(ctx context.Context, f *lib.File, name string, fields []field) (task string, err error) {
	var text bytes.Buffer
	w := multipart.NewWriter(&text)
	for _, f := range fields {
		if err := w.WriteField(f.name, f.value); err != nil {
			return "", err
		}
	}
	part := textproto.MIMEHeader{"Content-Disposition": {multipart.FileContentDisposition("document", name)}, "Content-Type": {"application/pdf"}}
	if _, err := w.CreatePart(part); err != nil {
		return "", err
	}
	head := bytes.Clone(text.Bytes())
	text.Reset()
	if err := w.Close(); err != nil {
		return "", err
	}
	size := int64(len(head)) + f.Size + int64(text.Len())
	raw, err := a.do(ctx, http.MethodPost, "/api/documents/post_document/", io.MultiReader(bytes.NewReader(head), f, &text), w.FormDataContentType(), size)
	if err != nil {
		return "", err
	}
	return taskID(raw), nil
}

// taskID reads the id of a task: a JSON string, in later versions in an object.
func taskID(raw []byte) string {
	var id string
	if json.Unmarshal(raw, &id) == nil {
		return id
	}
	var in struct {
		ID string `json:"task_id"`
	}
	_ = json.Unmarshal(raw, &in) // without an id the document is found by its name
	return in.ID
}

// do makes a request and gives the body of a good answer.
func (a *api) do(ctx context.Context, method, path string, body io.Reader, media string, size int64) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, a.base.String()+path, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Token "+a.token)
	req.Header.Set("Accept", "application/json")
	if body != nil {
		req.ContentLength = size
		req.Header.Set("Content-Type", media)
	}
	resp, err := a.client.Do(req)
	if err != nil {
		return nil, a.unanswered(ctx, err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return nil, a.unanswered(ctx, err)
	}
	if len(raw) > maxAnswer {
		return nil, a.refuse("acknowledge old tasks in paperless", "the answer to %s has more than %d bytes", path, maxAnswer)
	}
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusCreated && resp.StatusCode != http.StatusAccepted {
		return nil, a.refused(resp.StatusCode, method+" "+req.URL.Path, raw)
	}
	return raw, nil
}

// refused makes an error of a bad answer.
func (a *api) refused(code int, what string, raw []byte) error {
	words := a.quote(string(raw))
	if words != "" && !strings.HasPrefix(words, "<") { // a page for browsers says nothing here
		words = ": " + words
	} else {
		words = ""
	}
	e := &sdk.Error{
		Code: "destination", Detail: fmt.Sprintf("%s answered %s with %d %s%s", a.place(), what, code, http.StatusText(code), words),
		Remedy: "look at paperless and its log",
	}
	switch {
	case code >= 500, code == http.StatusTooManyRequests, code == http.StatusRequestTimeout:
		e.Temporary, e.Remedy = true, "look at paperless and its log; it is asked again"
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		e.Remedy = "look at token: its user must be allowed to add documents and to view documents and tasks"
	case code == http.StatusNotFound || code >= 300 && code <= 399:
		e.Remedy = "look at url: it is the address of paperless as in a browser, and redirects are not followed"
	case code == http.StatusRequestEntityTooLarge:
		e.Remedy = "raise the limit for a request in front of paperless"
	}
	return e
}

// unanswered makes an error of a request without an answer.
func (a *api) unanswered(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	if own, ok := errors.AsType[*sdk.Error](err); ok {
		return own
	}
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	e := &sdk.Error{
		Code: "destination", Temporary: true, Detail: fmt.Sprintf("no answer from %s: %s", a.place(), a.quote(err.Error())),
		Remedy: "look whether paperless runs and this machine reaches it; it is asked again",
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		e.Temporary, e.Remedy = false, "renew its certificate, or set ca to the certificate of who signed it"
	}
	if errors.Is(err, context.DeadlineExceeded) {
		e.Code = "timeout"
	}
	return e
}

func (a *api) refuse(remedy, format string, args ...any) error {
	return sdk.Refuse("destination", remedy, "%s: %s", a.place(), a.quote(fmt.Sprintf(format, args...)))
}

// place is paperless as errors name it.
func (a *api) place() string { return a.base.Scheme + "://" + a.base.Host }

// maxQuoted bounds a stranger's words in an error, in characters.
const maxQuoted = 400

// quote makes a stranger's words fit for a log, without the token in them.
func (a *api) quote(s string) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "?"), a.token, "***")
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, s)
	short := []rune(strings.Join(strings.Fields(s), " "))
	return string(short[:min(len(short), maxQuoted)])
}

func (s *Settings) patience() time.Duration {
	return time.Duration(cmp.Or(s.Wait, defaultWait)) * time.Second
}
