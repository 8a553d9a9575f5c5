package console

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/twinleaf-scan/twinleaf/console/api"
	"github.com/twinleaf-scan/twinleaf/core"
)

// Bounds of what stands beside the scan in a submission.
const (
	maxField = 4 << 10
	maxKey   = 255
)

// submit takes a scan, as the body itself or as parts of a form, streams it into
// the blob store and answers when the job is durable.
func (s *Server) submit(w http.ResponseWriter, r *http.Request) {
	origin, p := originOf(r)
	if p == nil {
		p = s.closed(r.Context(), origin)
	}
	if p == nil {
		p = s.turn(r.Context())
	}
	if p != nil {
		s.elsewhere(w.Header(), p.Code)
		s.problem(w, r, p)
		return
	}
	defer func() { <-s.uploads }()
	sub, err := s.receive(w, r)
	if err != nil {
		s.problem(w, r, s.problemOf(r.Context(), "receive the scan", err))
		return
	}
	deadline(w, answerTimeout)
	sub.User, sub.Origin = callerOf(r.Context()).Name, origin
	acc, err := s.parts.Submit.Submit(r.Context(), sub)
	if err == nil && acc.Duplicate && s.own(r.Context(), acc.ID) != nil {
		err = core.Refuse(core.CodeKeyReused, "use a key of your own", "the Idempotency-Key is that of somebody else's job")
	}
	if err != nil {
		p := s.problemOf(r.Context(), "submit the scan", err)
		if p.Code == core.CodeUnknown { // a profile's or destination's name, not the address
			p = api.NewProblem(http.StatusUnprocessableEntity, p.Code, p.Remedy, "%s", p.Detail)
		}
		s.elsewhere(w.Header(), p.Code)
		s.problem(w, r, p)
		return
	}
	answerAccepted(w, acc)
}

// turn waits for one of the uploads to end where as many run as may, so that a
// burst of small scans is not turned away. The caller gives its place back.
func (s *Server) turn(ctx context.Context) *api.Problem {
	ctx, stop := context.WithTimeout(ctx, s.config.UploadWait)
	defer stop()
	select {
	case s.uploads <- struct{}{}:
		return nil
	case <-ctx.Done():
		return api.NewProblem(http.StatusServiceUnavailable, api.CodeBusy, "try again in a moment",
			"%d scans are being received, which is all that this server takes at once", s.config.MaxUploads)
	}
}

// answerAccepted gives a repeated submission the status of the first one: a device
// that lost the first answer forgets its copy at 201 and at nothing else.
func answerAccepted(w http.ResponseWriter, acc core.Accepted) {
	w.Header().Set("Location", "/v1/jobs/"+string(acc.ID))
	writeJSON(w, http.StatusCreated, api.Accepted(acc))
}

// closed says why the server does not take a job that comes so, or nil. A standby takes
// those of clients that cannot do otherwise; which these are, Admit knows.
func (s *Server) closed(ctx context.Context, from core.Origin) *api.Problem {
	if s.parts.Submit == nil || s.parts.Blobs == nil {
		return missing("its data service")
	}
	h := s.health()
	code := core.CodeMaintenance
	switch {
	case h.Data.State != "up":
		code = core.CodeDataDown
	case h.Ready, h.Web.State == "up" && h.Mode.State == "standby":
		return s.turnedAway(ctx, from)
	case h.Web.State == "up" && h.Mode.State == "maintenance":
		if p := s.turnedAway(ctx, from); p != nil { // it knows where to go instead
			return p
		}
	}
	return api.NewProblem(http.StatusServiceUnavailable, code, "send it again in a moment; /readyz says when the server takes jobs", "no new jobs now: %s", h.Cause)
}

// turnedAway says why a job that comes so belongs to the other server, or nil.
func (s *Server) turnedAway(ctx context.Context, from core.Origin) *api.Problem {
	if s.parts.Admit == nil {
		return nil
	}
	if why := s.parts.Admit(ctx, from); why != nil {
		return s.problemOf(ctx, "take the scan", why)
	}
	return nil
}

// receive reads the whole request.
func (s *Server) receive(w http.ResponseWriter, r *http.Request) (core.Submission, error) {
	sub, err := submissionOf(r.URL.Query())
	if err != nil {
		return sub, err
	}
	sub.Key = r.Header.Get("Idempotency-Key")
	if len(sub.Key) > maxKey {
		return sub, bad("make the key shorter", "the Idempotency-Key has more than %d bytes", maxKey)
	}
	in := &intake{store: s.parts.Blobs, left: s.config.MaxUpload, limit: s.config.MaxUpload, maxFiles: s.config.MaxFiles, sub: &sub}
	body := newSteady(w, r.Body, s.config.BodyIdle)

	media, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err == nil && media == "multipart/form-data" {
		err = in.form(r.Context(), multipart.NewReader(body, params["boundary"]))
	} else {
		err = in.file(r.Context(), fileName(r), body)
	}
	if err == nil && len(sub.Files) == 0 {
		err = bad("send the scan as the request's body, or as file parts of a form", "the request holds no file")
	}
	return sub, err
}

// submissionOf reads the fields that may stand in the address.
func submissionOf(q url.Values) (core.Submission, error) {
	var sub core.Submission
	for name, values := range q {
		for _, v := range values {
			if err := setField(&sub, name, v); err != nil {
				return sub, err
			}
		}
	}
	return sub, nil
}

func setField(sub *core.Submission, name, v string) error {
	switch name {
	case "profile":
		sub.Profile = v
	case "lang":
		sub.Languages = api.Languages(v)
	case "name":
		sub.Name = strings.TrimSpace(v)
	case "destination":
		more := strings.FieldsFunc(v, func(r rune) bool { return r == ',' })
		sub.Destinations = append(sub.Destinations, more...)
	default:
		return bad("the fields are profile, lang, name and destination", "there is no field %q", name)
	}
	return core.Options{Languages: sub.Languages}.Check()
}

func bad(remedy, format string, a ...any) error {
	return api.NewProblem(http.StatusBadRequest, core.CodeBadRequest, remedy, format, a...)
}

// fileName is what a raw body is called.
func fileName(r *http.Request) string {
	if _, p, err := mime.ParseMediaType(r.Header.Get("Content-Disposition")); err == nil && p["filename"] != "" {
		return p["filename"]
	}
	if v, err := url.PathUnescape(r.Header.Get("X-Filename")); err == nil {
		return v
	}
	return ""
}

// intake puts the files of one submission into the blob store, within its limits.
type intake struct {
	store    Blobs
	limit    int64
	left     int64 // bytes
	maxFiles int
	sub      *core.Submission
}

func (in *intake) form(ctx context.Context, form *multipart.Reader) error {
	for {
		part, err := form.NextRawPart()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return bodyError(err)
		}
		if name := rawName(part); name != "" || part.FormName() == "file" {
			err = in.file(ctx, name, part)
		} else {
			err = in.field(part)
		}
		if err != nil {
			return err
		}
	}
}

// rawName is the name of a file part as it was sent; multipart's own FileName
// would take a Windows path for one name.
func rawName(p *multipart.Part) string {
	_, params, err := mime.ParseMediaType(p.Header.Get("Content-Disposition"))
	if err != nil {
		return p.FileName()
	}
	return params["filename"]
}

func (in *intake) field(p *multipart.Part) error {
	v, err := io.ReadAll(io.LimitReader(p, maxField+1))
	if err != nil {
		return bodyError(err)
	}
	if len(v) > maxField {
		return bad("send the scan as a part with a filename", "the field %q is longer than %d bytes", p.FormName(), maxField)
	}
	return setField(in.sub, p.FormName(), string(v))
}

func (in *intake) file(ctx context.Context, name string, r io.Reader) error {
	if len(in.sub.Files) >= in.maxFiles {
		return core.Refuse(core.CodeOverLimit, "send fewer files in one submission", "the submission has more than %d files", in.maxFiles)
	}
	c := &capped{r: r, left: in.left, limit: in.limit}
	ref, size, err := in.store.Put(ctx, c)
	if c.err != nil {
		return c.err // the client's fault; the store only passes it on
	}
	if err != nil {
		return err
	}
	if size == 0 {
		return api.NewProblem(http.StatusBadRequest, api.CodeEmpty, "scan again; nothing was sent", "the file %q is empty", name)
	}
	in.left -= size
	in.sub.Files = append(in.sub.Files, core.File{Name: CleanName(name, "scan"), Ref: ref, Size: size})
	return nil
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client may be gone; there is nobody left to tell
}

// CleanName is the base name of what a client calls a file, without control
// characters, at most 200 bytes long; fallback where nothing is left.
func CleanName(name, fallback string) string {
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	name = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || strings.ContainsRune(`<>:"|?*`, r) || r == '\uFFFD' {
			return -1
		}
		return r
	}, strings.ToValidUTF8(name, ""))
	name = shorten(strings.Trim(name, " ."), 200)
	if name == "" || slices.Contains([]string{".", ".."}, name) {
		return fallback
	}
	return name
}

// shorten cuts the stem of name so that it keeps its extension.
func shorten(name string, limit int) string {
	if len(name) <= limit {
		return name
	}
	ext := ""
	if i := strings.LastIndexByte(name, '.'); i >= 0 && len(name)-i <= 10 {
		ext = name[i:]
	}
	return strings.ToValidUTF8(name[:limit-len(ext)], "") + ext
}
