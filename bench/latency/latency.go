// Package latency measures a running server as its clients meet it: how long a document of
// one page takes, alone and beside a big job, and what the same documents cost a second
// time. It starts `twinleaf serve` on a data folder of its own and talks to it with the
// Go client.
package latency

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/twinleaf-scan/twinleaf/bench/robust/site"
	"github.com/twinleaf-scan/twinleaf/console/client"
	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/internal/procs"
)

// Config says which server is measured.
type Config struct {
	Twinleaf string // path of the program; its plug-ins lie beside it, in plugins/
	Dir      string // for its configuration, log and data; empty before
	Native   string // of TWINLEAF_NATIVE: auto or off
	Workers  int    // pages at once
	Lang     string // languages of all documents, e.g. eng+deu
	Patience time.Duration
}

// Server is a running server. Its methods are for one goroutine.
type Server struct {
	config Config
	site   *site.Server
	client *client.Client
}

// Start starts a server and waits until it takes jobs. The caller closes it.
func Start(ctx context.Context, c Config) (*Server, error) {
	address, err := site.FreeAddress()
	if err != nil {
		return nil, err
	}
	s := &Server{config: c, site: &site.Server{
		Name: "bench", Dir: c.Dir, Web: address, Workers: c.Workers, Prefix: []string{"env", "TWINLEAF_NATIVE=" + c.Native},
		Programs: site.Programs{Twinleaf: c.Twinleaf, Plugins: filepath.Join(filepath.Dir(c.Twinleaf), "plugins")},
	}}
	if s.client, err = client.New(client.Config{Servers: []string{s.site.URL()}}); err != nil {
		return nil, err
	}
	if err := s.site.Start(ctx); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Close stops the server.
func (s *Server) Close() error {
	s.client.Close()
	s.site.Stop()
	return nil
}

// Cost is what a batch of documents took, from the first byte of the first submission
// until the last document is delivered.
type Cost struct {
	Wall, CPU time.Duration // CPU is that of the server and its plug-ins
	Peak      int64         // bytes (PSS) of the same, right after the end
	Pages     int
	Words     int // found on them
	Kept      int // of the pages, how many were answered from what was read before
}

// Batch submits documents one after the other and waits until all are done.
func (s *Server) Batch(ctx context.Context, paths []string) (Cost, error) {
	ctx, cancel := context.WithTimeout(ctx, s.config.Patience)
	defer cancel()
	pid := s.site.PID()
	before := procs.CPU(procs.Tree(pid))
	began := time.Now()
	var ids []core.JobID
	for _, path := range paths {
		id, err := s.submit(ctx, path)
		if err != nil {
			return Cost{}, err
		}
		ids = append(ids, id)
	}
	for _, id := range ids {
		if err := s.done(ctx, id); err != nil {
			return Cost{}, err
		}
	}
	c := Cost{Wall: time.Since(began)}
	all := procs.Tree(pid)
	c.CPU = procs.CPU(all) - before
	c.Peak, _ = procs.Sum(all)
	for _, id := range ids {
		m, err := s.manifest(ctx, id)
		if err != nil {
			return Cost{}, err
		}
		c.add(m)
	}
	return c, nil
}

func (c *Cost) add(m manifest) {
	for _, p := range m.Pages {
		c.Pages, c.Words = c.Pages+1, c.Words+p.Words
		if p.Cached {
			c.Kept++
		}
	}
}

// Page is one document of one page on its way through the server.
type Page struct {
	Wall        time.Duration // from the first byte of its submission until it is delivered
	Recognition time.Duration // from the call of the recognizer until its answer, in milliseconds
}

// Each submits documents of one page, each when the one before it is delivered. A page that
// was not recognised anew is an error.
func (s *Server) Each(ctx context.Context, paths []string) ([]Page, error) {
	ctx, cancel := context.WithTimeout(ctx, s.config.Patience)
	defer cancel()
	var out []Page
	for _, path := range paths {
		began := time.Now()
		id, err := s.submit(ctx, path)
		if err != nil {
			return out, err
		}
		if err := s.done(ctx, id); err != nil {
			return out, err
		}
		page := Page{Wall: time.Since(began)}
		m, err := s.manifest(ctx, id)
		if err == nil {
			page.Recognition, err = m.recognition()
		}
		if err != nil {
			return out, fmt.Errorf("%s: %w", filepath.Base(path), err)
		}
		out = append(out, page)
	}
	return out, nil
}

// ErrOver says that the big job ended before the documents beside it had.
var ErrOver = errors.New("the big job ended first")

// Beside submits documents as Each does, while the server works on a big one: from when
// some pages of that are done. The big job is cancelled in the end; pages says how many it
// has.
func (s *Server) Beside(ctx context.Context, big string, paths []string) (out []Page, pages int, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.config.Patience)
	defer cancel()
	id, err := s.submit(ctx, big)
	if err != nil {
		return nil, 0, err
	}
	if err := s.underWay(ctx, id); err != nil {
		return nil, 0, err
	}
	if out, err = s.Each(ctx, paths); err != nil {
		return out, 0, err
	}
	j, err := s.client.Job(ctx, id)
	if err == nil && (!j.State.Open() || j.Pages.Done == j.Pages.Total) {
		return out, j.Pages.Total, ErrOver
	}
	if err == nil {
		_, err = s.client.Act(ctx, id, "cancel")
	}
	return out, j.Pages.Total, err
}

// underWay waits until some pages of a job are done.
func (s *Server) underWay(ctx context.Context, id core.JobID) error {
	const some = 3
	for {
		j, err := s.client.Job(ctx, id)
		switch {
		case err != nil:
			return err
		case !j.State.Open():
			return fmt.Errorf("%w: it is %s", ErrOver, j.State)
		case j.Pages.Done >= some:
			return nil
		}
		if err := site.Pause(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
}

func (s *Server) submit(ctx context.Context, path string) (core.JobID, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	file := client.File{Name: filepath.Base(path), Size: info.Size(), Open: func() (io.ReadCloser, error) { return os.Open(path) }}
	got, err := s.client.Submit(ctx, client.Submission{Files: []client.File{file}, Languages: strings.Split(s.config.Lang, "+")})
	if err != nil {
		return "", fmt.Errorf("submit %s: %w", filepath.Base(path), err)
	}
	return got.ID, nil
}

// done waits for a job. One that did not come out whole is an error.
func (s *Server) done(ctx context.Context, id core.JobID) error {
	j, err := s.client.Wait(ctx, id, nil)
	switch {
	case err != nil:
		return fmt.Errorf("job %s: %w", id, err)
	case j.Error != nil:
		return fmt.Errorf("job %s: %w", id, j.Error)
	case j.State != core.Completed || j.Pages.Failed > 0 || j.Pages.Done != j.Pages.Total:
		return fmt.Errorf("job %s is %s, %d of %d pages done, %d of them not read", id, j.State, j.Pages.Done, j.Pages.Total, j.Pages.Failed)
	}
	return nil
}

// manifest is what is needed of a job's record.
type manifest struct {
	Pages []struct {
		Words        int              `json:"words"`
		Cached       bool             `json:"cached"`
		Milliseconds map[string]int64 `json:"ms"` // by stage
	} `json:"pages"`
}

// maxManifest bounds a manifest, in bytes.
const maxManifest = 64 << 20

func (s *Server) manifest(ctx context.Context, id core.JobID) (m manifest, err error) {
	body, _, err := s.client.Output(ctx, id, core.OutputManifest, 0)
	if err != nil {
		return m, fmt.Errorf("fetch the manifest of job %s: %w", id, err)
	}
	defer body.Close() // read only
	if err := json.NewDecoder(io.LimitReader(body, maxManifest)).Decode(&m); err != nil {
		return m, fmt.Errorf("understand the manifest of job %s: %w", id, err)
	}
	return m, nil
}

// recognition is what the recognizer took for the one page of a document.
func (m manifest) recognition() (time.Duration, error) {
	if len(m.Pages) != 1 {
		return 0, fmt.Errorf("it has %d pages, not 1", len(m.Pages))
	}
	p := m.Pages[0]
	ms := p.Milliseconds[string(core.Recognize)]
	if p.Cached || ms <= 0 {
		return 0, errors.New("its page was not recognised, so that nothing is known of what that takes")
	}
	return time.Duration(ms) * time.Millisecond, nil
}
