package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/twinleaf-scan/twinleaf/bench/robust/scan"
	"github.com/twinleaf-scan/twinleaf/bench/robust/site"
)

// papers are the samples that are submitted, in turn. Each scan gets a mark of its own, for
// a page that was read once is not read again.
var papers = []string{"letter-1bit.png", "letter-gray.png", "two-columns.png", "note-rgb.png"}

const (
	jobs        = 20
	silence     = 3 * time.Second // T: a server that is silent for so long is given up
	destination = "archive"
)

// story is the demonstration while it runs.
type story struct {
	*teller
	options
	dir  string
	pair *site.Pair
	sent int // jobs that were acknowledged
}

func run(ctx context.Context, o options, t *teller) (err error) {
	dir, err := os.MkdirTemp("", "twinleaf-pair-")
	if err != nil {
		return err
	}
	s := &story{teller: t, options: o, dir: dir}
	defer func() {
		if s.pair != nil {
			s.pair.Kill()
		}
		if err == nil {
			err = os.RemoveAll(dir)
			return
		}
		t.tell("logs and data are in %s", dir)
	}()
	for _, chapter := range []func(context.Context) error{
		s.servers, s.form, s.submitAll, s.kill, s.goOver, s.finish, s.comeBack, s.parity,
	} {
		if err := chapter(ctx); err != nil {
			return err
		}
	}
	return nil
}

// servers starts two servers with a licence each.
func (s *story) servers(ctx context.Context) error {
	s.act("Two servers on this machine: north, the primary, and south, the secondary")
	if err := os.Chmod(s.dir, 0o755); err != nil { // plug-ins run as other users
		return err
	}
	programs := site.Programs{}
	var err1, err2 error
	programs.Twinleaf, err1 = filepath.Abs(s.twinleaf)
	programs.Plugins, err2 = filepath.Abs(s.plugins)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	north, err1 := s.server("north", programs)
	south, err2 := s.server("south", programs)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	s.pair = &site.Pair{Primary: north, Secondary: south, Programs: programs, Dir: s.dir}
	if err := s.pair.Start(ctx); err != nil {
		return err
	}
	s.tell("both run: %s and %s", north.URL(), south.URL())
	if err := s.pair.License(ctx); err != nil {
		return err
	}
	s.tell("each has its licence: role 03 for north, 04 for south")
	return nil
}

func (s *story) server(name string, p site.Programs) (*site.Server, error) {
	web, err1 := site.FreeAddress()
	peer, err2 := site.FreeAddress()
	return &site.Server{
		Name: name, Dir: filepath.Join(s.dir, name), Web: web, Peer: peer, Silence: silence, Programs: p,
	}, errors.Join(err1, err2)
}

// form makes them a pair, and sets up a destination on the primary alone.
func (s *story) form(ctx context.Context) error {
	s.act("twinleaf pair init on north prints a code; twinleaf pair join CODE on south")
	if err := s.pair.Form(ctx); err != nil {
		return err
	}
	s.right("they are a pair: what one takes, the other has before it is answered")
	folder := filepath.Join(s.dir, "documents")
	if err := os.Mkdir(folder, 0o777); err != nil {
		return err
	}
	for _, args := range [][]string{
		{"destination", "set", destination, "plugin=folder", "settings.dir=" + folder},
		{"profile", "set", "default", "destinations=" + destination},
	} {
		if _, err := s.pair.Programs.Run(ctx, append(args, "--server", s.pair.Primary.URL())...); err != nil {
			return err
		}
	}
	err := site.Eventually(ctx, 10*time.Second, "south has the settings of north", func(ctx context.Context) error {
		out, err := s.pair.Programs.Run(ctx, "destination", "list", "--server", s.pair.Secondary.URL())
		if err == nil && !strings.Contains(out, destination) {
			err = errors.New("there is no destination " + destination)
		}
		return err
	})
	if err == nil {
		s.right("a destination that was set on north is there on south, too")
	}
	return err
}

// accepted is what submit prints.
type accepted struct {
	ID        string
	Protected bool
	Server    string
}

// submit sends one scan with the addresses of both servers, as every client has them.
func (s *story) submit(ctx context.Context) (accepted, error) {
	n := s.sent + 1
	name := fmt.Sprintf("scan-%02d", n)
	file, err := s.marked(n, name)
	if err != nil {
		return accepted{}, err
	}
	servers := s.pair.Primary.URL() + "," + s.pair.Secondary.URL()
	out, err := s.pair.Programs.Run(ctx, "submit", file, "--name", name, "--json", "--server", servers)
	if err != nil {
		return accepted{}, err
	}
	var got accepted
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		return accepted{}, fmt.Errorf("submit printed %q: %w", out, err)
	}
	s.sent++
	return got, nil
}

// marked makes the scan of a number out of a sample.
func (s *story) marked(n int, name string) (file string, err error) {
	in, err := os.Open(filepath.Join(s.scans, papers[n%len(papers)]))
	if err != nil {
		return "", err
	}
	defer in.Close()
	paper, err := png.Decode(in)
	if err != nil {
		return "", fmt.Errorf("%s: %w", in.Name(), err)
	}
	data, err := scan.PNG(scan.Page{Job: n, Page: 1}, paper)
	if err != nil {
		return "", err
	}
	file = filepath.Join(s.dir, name+".png")
	return file, os.WriteFile(file, data, 0o644)
}

// submitAll sends all scans to the pair.
func (s *story) submitAll(ctx context.Context) error {
	s.act("A client submits %d scans. It knows both addresses and tries north first", jobs)
	for range jobs {
		got, err := s.submit(ctx)
		if err != nil {
			return err
		}
		if !got.Protected || !strings.HasPrefix(got.ID, s.pair.Primary.Name) {
			return fmt.Errorf("%s was taken by %s, protected %t; north should have it, protected", got.ID, got.Server, got.Protected)
		}
	}
	s.right("all %d are acknowledged by north, each with protected: true", jobs)
	return nil
}

// kill ends the primary with work left to do.
func (s *story) kill(ctx context.Context) error {
	err := site.Eventually(ctx, time.Minute, "north delivers something", func(context.Context) error {
		if n := len(s.documents()); n < 3 {
			return fmt.Errorf("%d documents", n)
		}
		return nil
	})
	if err != nil {
		return err
	}
	s.pair.Primary.Kill()
	done := len(s.documents())
	s.act("SIGKILL: north is gone, with %d of %d documents delivered", done, jobs)
	if done == jobs {
		return errors.New("that was too late: nothing is left to take over")
	}
	return nil
}

// goOver submits once more: the client finds its way unaided.
func (s *story) goOver(ctx context.Context) error {
	killed := time.Now()
	got, err := s.submit(ctx)
	if err != nil {
		return err
	}
	if !strings.HasPrefix(got.ID, s.pair.Secondary.Name) || got.Protected {
		return fmt.Errorf("%s was taken by %s, protected %t; south should have it, unprotected", got.ID, got.Server, got.Protected)
	}
	s.right("one more scan: the client goes over to south by itself; protected: false, as nobody else has it now")
	var st site.Status
	err = site.Eventually(ctx, silence+5*time.Second, "south takes over", func(ctx context.Context) (err error) {
		if st, err = s.pair.Secondary.Status(ctx); err == nil && st.Here.Stand != "ours" {
			err = fmt.Errorf("it stands at %s", st.Here.Stand)
		}
		return err
	})
	if err != nil {
		return err
	}
	if st.Takeover == nil || st.Takeover.Of == "" {
		return errors.New("south works on the jobs of north and names no takeover")
	}
	s.right("south has taken over the jobs of %s (cause: %s), %.1f s after the kill", st.Takeover.Of, st.Takeover.Cause, time.Since(killed).Seconds())
	return nil
}

// finish waits for all documents and counts them.
func (s *story) finish(ctx context.Context) error {
	err := site.Eventually(ctx, time.Minute, "every document is delivered", func(ctx context.Context) error {
		if n := len(s.documents()); n < s.sent {
			return fmt.Errorf("%d of %d documents", n, s.sent)
		}
		return s.completed(ctx, s.pair.Secondary)
	})
	if err != nil {
		return err
	}
	return s.count()
}

// completed wants every job to be completed on a server.
func (s *story) completed(ctx context.Context, server *site.Server) error {
	var list struct {
		Jobs []struct{ ID, State string }
	}
	if err := server.Get(ctx, "/v1/jobs?limit=1000", &list); err != nil {
		return err
	}
	if len(list.Jobs) != s.sent {
		return fmt.Errorf("%s lists %d jobs, not %d", server.Name, len(list.Jobs), s.sent)
	}
	for _, j := range list.Jobs {
		if j.State != "completed" {
			return fmt.Errorf("%s is %s on %s", j.ID, j.State, server.Name)
		}
	}
	return nil
}

func (s *story) documents() []string {
	found, _ := filepath.Glob(filepath.Join(s.dir, "documents", "*.pdf")) // the pattern is right
	return found
}

// count wants exactly one document of each job.
func (s *story) count() error {
	found := s.documents()
	for n := 1; n <= s.sent; n++ {
		path := filepath.Join(s.dir, "documents", fmt.Sprintf("scan-%02d.pdf", n))
		head := make([]byte, 5)
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		_, err = f.Read(head)
		if err := errors.Join(err, f.Close()); err != nil || string(head) != "%PDF-" {
			return fmt.Errorf("%s is no PDF: %w", path, err)
		}
	}
	if len(found) != s.sent {
		return fmt.Errorf("%d documents of %d jobs: something was delivered twice", len(found), s.sent)
	}
	s.right("%d jobs, %d documents: every one delivered, and delivered once", s.sent, len(found))
	return nil
}

// comeBack starts the primary again and waits until it works.
func (s *story) comeBack(ctx context.Context) error {
	s.act("north is started again")
	began := time.Now()
	if err := s.pair.Primary.Start(ctx); err != nil {
		return err
	}
	if err := s.pair.Protected(ctx, 20*time.Second); err != nil {
		return err
	}
	s.right("north has learned what happened and has its jobs back, %.1f s after its start; all is protected again", time.Since(began).Seconds())
	got, err := s.submit(ctx)
	if err != nil {
		return err
	}
	if !strings.HasPrefix(got.ID, s.pair.Primary.Name) || !got.Protected {
		return fmt.Errorf("%s was taken by %s, protected %t; north should have it, protected", got.ID, got.Server, got.Protected)
	}
	s.right("the next scan goes to north, protected: true")
	for _, server := range s.pair.Both() {
		err := site.Eventually(ctx, 30*time.Second, "all is done", func(ctx context.Context) error { return s.completed(ctx, server) })
		if err != nil {
			return err
		}
	}
	s.right("both servers list %d jobs, all completed", s.sent)
	return s.count()
}

// parity shows that both servers are the same.
func (s *story) parity(ctx context.Context) error {
	s.act("twinleaf parity")
	out, err := s.pair.Programs.Run(ctx, "parity", "--server", s.pair.Secondary.URL())
	for line := range strings.Lines(out) {
		s.tell("%s", strings.TrimRight(line, "\n"))
	}
	return err
}
