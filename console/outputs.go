package console

import (
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
)

// slowest is the rate, in bytes a second, under which a download is given up.
const slowest = 16 << 10

// output hands out one file that a job made, whole or in ranges. Its ETag is the
// content's hash.
func (s *Server) output(w http.ResponseWriter, r *http.Request) {
	id, kind := core.JobID(r.PathValue("id")), r.PathValue("kind")
	if s.parts.Jobs == nil || s.parts.Blobs == nil {
		s.problem(w, r, missing("its data service"))
		return
	}
	op := fmt.Sprintf("fetch %s of job %s", kind, id)
	if err := s.own(r.Context(), id); err != nil {
		s.problem(w, r, s.problemOf(r.Context(), op, err))
		return
	}
	part, err := partOf(r)
	if err != nil {
		s.problem(w, r, s.problemOf(r.Context(), op, err))
		return
	}
	file, err := s.parts.Jobs.Output(r.Context(), id, kind, part)
	if err != nil {
		s.problem(w, r, s.problemOf(r.Context(), op, err))
		return
	}
	content, err := s.parts.Blobs.Open(file.Ref)
	if err != nil {
		s.problem(w, r, s.problemOf(r.Context(), op, err))
		return
	}
	defer content.Close() // read only

	h := w.Header()
	h.Set("Content-Type", media(kind, file.Media))
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": file.Name}))
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'") // a plug-in made it: hOCR and ALTO can hold scripts
	h.Set("ETag", `"`+string(file.Ref)+`"`)
	h.Set("Cache-Control", "private, no-cache")
	deadline(w, answerTimeout+time.Duration(file.Size/slowest)*time.Second)
	http.ServeContent(w, r, "", time.Time{}, content)
}

// partOf is the part that is asked for, 0 for none.
func partOf(r *http.Request) (int, error) {
	text := r.URL.Query().Get("part")
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0, core.Refuse(core.CodeBadRequest, "parts are numbered from 1; the job lists them", "%q is no number of a part", text)
	}
	return n, nil
}

func media(kind, known string) string {
	if known != "" {
		return known
	}
	switch kind {
	case core.OutputPDF:
		return "application/pdf"
	case core.OutputText:
		return "text/plain; charset=utf-8"
	case core.OutputHOCR:
		return "application/xhtml+xml"
	case core.OutputALTO:
		return "application/xml"
	case core.OutputManifest:
		return "application/json"
	}
	return "application/octet-stream"
}
