package link

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/pair"
)

// errorType is the media type of an error that a Twinleaf server tells.
const errorType = "application/vnd.twinleaf.error+json"

// call is one request of the peer.
type call struct {
	http.ResponseWriter
	control *http.ResponseController
	idle    time.Duration
	came    time.Time
	handler Handler
	request *http.Request
	wrote   bool
}

// answer does a call. Its error is told to the peer.
type answer func(ctx context.Context, c *call) error

func (s *Server) mux() *http.ServeMux {
	mux := http.NewServeMux()
	for pattern, a := range map[string]answer{
		"POST /pair/message":        receive,
		"GET /pair/copy":            heard(copied),
		"GET /pair/copy/hash":       heard(hashAt),
		"POST /pair/copy/frames":    heard(ship),
		"GET /pair/copy/frames":     heard(lost),
		"POST /pair/copy/aside":     heard(setAside),
		"GET /pair/copy/aside":      heard(aside),
		"DELETE /pair/copy/aside":   heard(discard),
		"POST /pair/copy/compact":   heard(compact),
		"POST /pair/lacks":          lacks,
		"PUT /pair/blob/{ref}":      putBlob,
		"GET /pair/blob/{ref}":      getBlob,
		"GET /pair/pages":           places,
		"POST /pair/page":           page,
		"GET /pair/manifest":        manifest,
		"GET /pair/plugins/lock":    lock,
		"GET /pair/plugins/archive": archive,
		"/": func(context.Context, *call) error {
			return core.Refuse(core.CodeBadRequest, "install the same version on both servers", "the pair has no such call")
		},
	} {
		mux.HandleFunc(pattern, s.serve(a))
	}
	mux.HandleFunc("/join/", s.serveJoin)
	return mux
}

// serve answers the peer, and tells all others why not.
func (s *Server) serve(a answer) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		c := &call{ResponseWriter: w, control: http.NewResponseController(w), idle: s.cfg.Idle, came: time.Now(), request: r}
		_ = c.control.SetWriteDeadline(time.Time{}) // of the call before; it fails where nothing works any more
		p, err := s.admit(r)
		if err != nil {
			w.Header().Set("Connection", "close")
			c.fail(err)
			return
		}
		c.handler = p.handler
		ctx, cancel := context.WithCancel(r.Context())
		defer cancel()
		defer context.AfterFunc(p.gone, cancel)()
		if err := a(ctx, c); err != nil {
			c.fail(err)
		}
	}
}

// admit gives the peer that a request is from, or says why it is refused.
func (s *Server) admit(r *http.Request) (*pinned, error) {
	shown, p := FingerprintOf(r), s.peer()
	alone := s.isAlone()
	if why := unknown(shown, p, alone); why != nil {
		local := *why
		if p != nil && shown != "" {
			local.Detail += fmt.Sprintf("; the peer's is %s", short(p.fingerprint)) // not for strangers
		}
		if p != nil || alone || shown == "" { // else the pair is being formed, or begins
			s.complain.about(why.Code, &local, "from", r.RemoteAddr)
		}
		return nil, why
	}
	if said := r.Header.Get(headerProtocol); said != strconv.Itoa(Protocol) {
		why := &core.Failure{
			Code: pair.CodeOtherVersion, Permanent: true, Remedy: "install the same version on both; until then each works on its own jobs, unprotected",
			Detail: fmt.Sprintf("the peer speaks generation %.20q of the pair's protocol, this server %d", said, Protocol),
		}
		s.complain.about(why.Code, why, "from", r.RemoteAddr)
		return nil, why
	}
	return p, nil
}

// unknown is why a certificate is not the peer's.
func unknown(shown string, p *pinned, alone bool) *core.Failure {
	why := &core.Failure{Code: CodeUnknownCertificate, Remedy: rejoin, Permanent: true}
	switch {
	case shown == "":
		why.Detail = "who asks shows no certificate"
		why.Remedy = "only a paired server may ask here; people find the server at its web address"
	case p == nil && alone:
		why.Code, why.Remedy = CodeNoPair, leaveToo
		why.Detail = fmt.Sprintf("this server is in no pair any more, and the certificate %s asks", short(shown))
	case p == nil:
		why.Detail = fmt.Sprintf("this server serves no peer at present, and the certificate %s asks", short(shown))
	case !same(shown, p.fingerprint):
		why.Detail = fmt.Sprintf("the certificate %s is not that of this server's peer", short(shown))
	default:
		return nil
	}
	return why
}

// heard serves only the run of the peer that the machine hears.
func heard(a answer) answer {
	return func(ctx context.Context, c *call) error {
		if !c.hears() {
			return ErrUnheard
		}
		return a(ctx, c)
	}
}

func (c *call) hears() bool {
	run, err := strconv.ParseUint(c.request.Header.Get(headerRun), 10, 64)
	return err == nil && c.handler.Hears(run)
}

// Read reads the request's body, for as long as it gets on.
func (c *call) Read(b []byte) (int, error) {
	_ = c.control.SetReadDeadline(time.Now().Add(c.idle)) // fails only with the connection, and then Read does
	n, err := c.request.Body.Read(b)
	if err == io.EOF {
		_ = c.control.SetReadDeadline(time.Time{}) // the answer may take longer
	}
	return n, err
}

// Write writes the answer's body, for as long as it gets on.
func (c *call) Write(b []byte) (int, error) {
	c.wrote = true
	_ = c.control.SetWriteDeadline(time.Now().Add(c.idle))
	return c.ResponseWriter.Write(b)
}

// body reads a request that is not large.
func (c *call) body(limit int64) ([]byte, error) {
	raw, err := readUpTo(c, limit)
	if err != nil {
		err = core.Refuse(core.CodeBadRequest, "", "read the request: %v", err)
	}
	return raw, err
}

// tell answers with JSON.
func (c *call) tell(v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	c.Header().Set("Content-Type", "application/json")
	_, err = c.Write(raw)
	return err
}

// done answers that all is well.
func (c *call) done(err error) error {
	if err != nil {
		return err
	}
	_ = c.control.SetWriteDeadline(time.Now().Add(c.idle))
	c.WriteHeader(http.StatusNoContent)
	return nil
}

// fail tells an error. When the answer has begun already, it is broken off.
func (c *call) fail(err error) {
	if c.wrote {
		panic(http.ErrAbortHandler)
	}
	w, code := describe(err)
	c.Header().Set("Content-Type", errorType)
	_ = c.control.SetWriteDeadline(time.Now().Add(c.idle))
	c.WriteHeader(code)
	_, _ = c.Write(w.bytes()) // who has gone does not hear why
}

// send streams r as the answer, and closes it.
func (c *call) send(r io.ReadCloser) error {
	c.Header().Set("Content-Type", "application/octet-stream")
	_, err := io.CopyBuffer(c, r, make([]byte, 256<<10))
	if err == nil && !c.wrote {
		_, err = c.Write(nil)
	}
	return errors.Join(err, r.Close())
}
