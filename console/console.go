// Package console is a server's face: the HTTP API by which scans come in, jobs
// are watched and documents are fetched. cmd/twinleaf builds it last and hands it
// the parts that it asks; it keeps no state of its own.
//
// A submission is answered with 201 only when the job is durable. Bodies are
// streamed into the blob store and never held in memory, every request is bounded
// in size, time and number, and every error is an RFC 9457 problem with a code, a
// detail and a remedy. The API describes itself at /openapi.json.
package console

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/twinleaf-scan/twinleaf/console/api"
	"github.com/twinleaf-scan/twinleaf/core"
)

// Config is what an operator may turn. The zero value listens on 127.0.0.1:8080.
type Config struct {
	Listen   string   `yaml:"listen"`   // address; default 127.0.0.1:8080
	TLSCert  string   `yaml:"tlsCert"`  // PEM file; with TLSKey the server speaks TLS
	TLSKey   string   `yaml:"tlsKey"`   // PEM file
	Token    string   `yaml:"token"`    // an administrator's, sent as "Authorization: Bearer"; empty: only users and tokens that were added count
	Insecure bool     `yaml:"insecure"` // listen beyond this machine without TLS and token
	Hosts    []string `yaml:"hosts"`    // Host headers that are right besides the loopback's, while nobody has to say who they are

	MaxUpload  int64         `yaml:"maxUpload"`  // bytes of one submission; default 2 GiB
	MaxFiles   int           `yaml:"maxFiles"`   // files of one submission; default 1,000
	MaxUploads int           `yaml:"maxUploads"` // submissions at the same time; default 64
	UploadWait time.Duration `yaml:"uploadWait"` // how long a submission waits for one of them to end; default 20 s
	MaxConns   int           `yaml:"maxConns"`   // connections; default 1,024
	BodyIdle   time.Duration `yaml:"bodyIdle"`   // a body that stands still for so long is given up; default 30 s
	Heartbeat  time.Duration `yaml:"heartbeat"`  // a comment in a quiet event stream; default 15 s
}

func (c Config) withDefaults() Config {
	def(&c.Listen, "127.0.0.1:8080")
	def(&c.MaxUpload, 2<<30)
	def(&c.MaxFiles, 1000)
	def(&c.MaxUploads, 64)
	def(&c.UploadWait, 20*time.Second)
	def(&c.MaxConns, 1024)
	def(&c.BodyIdle, 30*time.Second)
	def(&c.Heartbeat, 15*time.Second)
	return c
}

func def[T comparable](field *T, v T) {
	var zero T
	if *field == zero {
		*field = v
	}
}

// Check says why the configuration must not be used: beyond this machine the
// server wants TLS and a token unless Insecure is set.
func (c Config) Check() error {
	c = c.withDefaults()
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return fmt.Errorf("listen: %q is no address; write it as 127.0.0.1:8080", c.Listen)
	}
	if (c.TLSCert == "") != (c.TLSKey == "") {
		return errors.New("tlsCert and tlsKey belong together; give both or none")
	}
	if c.Token != "" && len(c.Token) < 16 {
		return errors.New("token: at least 16 characters, so that it cannot be guessed")
	}
	if c.Insecure || loopback(host) || (c.TLSCert != "" && c.Token != "") {
		return nil
	}
	return fmt.Errorf("listen: %s can be reached from other machines, which takes TLS and a token"+
		"\nhint: set tlsCert, tlsKey and token, listen on 127.0.0.1, or say --insecure in a network you trust", c.Listen)
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}

// Submitter makes a submission durable.
type Submitter interface {
	Submit(context.Context, core.Submission) (core.Accepted, error)
}

// Blobs keeps what is uploaded and hands out what was made.
type Blobs interface {
	// Put stores r under its content. It is durable when Put returns.
	Put(ctx context.Context, r io.Reader) (ref core.Ref, size int64, err error)
	Open(core.Ref) (io.ReadSeekCloser, error)
}

// Jobs answers questions about jobs. A job that is not there is a [core.Failure] of
// code unknown.
type Jobs interface {
	Jobs(context.Context, api.Query) (api.List, error)
	Job(context.Context, core.JobID) (api.Job, error)
	// Output is the file of a kind: pdf, text, hocr, alto, manifest, original. part is
	// that of a job that was split; 0 will do where there is only one.
	Output(ctx context.Context, id core.JobID, kind string, part int) (core.File, error)
	// Watch yields what happens to a job after the event of that number, beginning
	// with an event "job" that sums up what was missed, and ends with the job or with ctx.
	Watch(ctx context.Context, id core.JobID, after uint64) iter.Seq2[api.Event, error]
}

// Actions changes what becomes of a job. What does not fit the job's state is a
// [core.Failure] of code conflict.
type Actions interface {
	Retry(context.Context, core.JobID) error
	Cancel(context.Context, core.JobID) error
	Hold(context.Context, core.JobID) error
	Release(context.Context, core.JobID) error
}

// Settings are the shared settings: JSON values under keys such as
// profile/invoices. The value nil removes a key.
type Settings interface {
	Settings(context.Context) (map[string][]byte, error)
	SetSetting(ctx context.Context, key string, value []byte, user string) error
	// CheckSettings says whether SetSetting would take the changes now, made together. It
	// changes nothing.
	CheckSettings(ctx context.Context, values map[string][]byte) error
}

// Parts is what the server is built from. What is left out is not there: requests that
// need it are answered with 503. Without Access nobody but the configured token is known.
type Parts struct {
	Log       *slog.Logger
	Submit    Submitter
	Blobs     Blobs
	Jobs      Jobs
	Actions   Actions
	Settings  Settings
	Access    Access
	Sessions  Sessions
	Users     Users
	Tokens    Tokens
	Licensing Licensing
	Logs      Logs
	Health    func() core.Health
	Plugins   func(context.Context) ([]api.Plugin, error)

	Pair        Pairing     // nil: in no pair
	Forming     Forming     // nil: pairs are not formed
	PeerPlugins PeerPlugins // nil: there are none
	Manifest    func(ctx context.Context, deep bool) (api.Manifest, error)
	Admit       func(context.Context, core.Origin) *core.Failure // why a job that comes so is not taken here, asked before its scan is read; nil: every job is taken
	Active      func() string                                    // web address of the server that takes new jobs when this one does not; empty: nobody knows
	ReadOnly    func() (primaryURL string, readOnly bool)        // whether this server is a secondary, and where the primary is, if that is known

	SessionEnded func(id string) // told when somebody logs out; id as in [core.Origin]

	Registry *prometheus.Registry // console adds its own metrics and serves all of them
	Defaults core.Defaults        // profiles and destinations that are there without being set
	Version  string
}

// Server is the HTTP server.
type Server struct {
	config  Config
	parts   Parts
	log     *slog.Logger
	handler http.Handler
	uploads chan struct{} // one token for each upload that may still begin
	metrics *metrics
}

// New builds the server. It does not listen yet.
func New(c Config, p Parts) (*Server, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	c = c.withDefaults()
	if p.Log == nil {
		p.Log = slog.New(slog.DiscardHandler)
	}
	if p.Registry == nil {
		p.Registry = prometheus.NewRegistry()
	}
	if p.Health == nil {
		p.Health = func() core.Health {
			return core.Health{Web: core.Item{State: "up"}, Data: core.Item{State: "up"}, Mode: core.Item{State: "active"}}
		}
	}
	s := &Server{config: c, parts: p, log: p.Log, uploads: make(chan struct{}, c.MaxUploads)}
	var err error
	if s.metrics, err = newMetrics(p.Registry); err != nil {
		return nil, fmt.Errorf("register the web server's metrics: %w", err)
	}
	s.handler = s.guard(s.routes())
	return s, nil
}

// Wrap lays f around all requests; for tests that have the web service fail. It is called
// before Serve.
func (s *Server) Wrap(f func(http.Handler) http.Handler) { s.handler = f(s.handler) }

// Handler answers the requests; for tests and for servers that listen elsewhere.
func (s *Server) Handler() http.Handler { return s.handler }
