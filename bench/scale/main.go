// Command scale gives a server of its own one job of thousands of small pages and
// reports what that costs: time, memory of the server and of each plug-in, disk.
//
//	go run ./bench/scale -pages 5000 -kind tiff -plugins FOLDER
//
// In FOLDER bench/standin takes the place of the filter and the recognizer; with
// the real ones the time is that of the engine. With -beside jobs of one page are
// submitted meanwhile, and it is said how long each took (P9).
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

type options struct {
	twinleaf, plugins, kind, dir string
	pages, workers, beside       int
}

func main() {
	var o options
	flag.StringVar(&o.twinleaf, "twinleaf", "bin/twinleaf", "the program")
	flag.StringVar(&o.plugins, "plugins", "", "its plug-in folder; default: beside the program")
	flag.StringVar(&o.kind, "kind", "tiff", "tiff: one file, assembled anew; pdf: one file that is kept")
	flag.StringVar(&o.dir, "dir", "", "where the server's data lies; default: a temporary folder, removed afterwards")
	flag.IntVar(&o.pages, "pages", 5000, "pages of the job")
	flag.IntVar(&o.workers, "workers", 2, "pages worked on at once")
	flag.IntVar(&o.beside, "beside", 0, "jobs of one page that are submitted meanwhile")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "scale:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) (err error) {
	if o.dir == "" {
		if o.dir, err = os.MkdirTemp("", "scale-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(o.dir)) }()
	}
	s, err := startServer(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	write, name := writeTIFF, "many.tif"
	if o.kind == "pdf" {
		write, name = writePDF, "many.pdf"
	}
	input := filepath.Join(o.dir, name)
	if err := write(input, o.pages); err != nil {
		return err
	}
	one := filepath.Join(o.dir, "one.tif")
	if err := writeTIFF(one, 1); err != nil {
		return err
	}
	return s.measure(ctx, o, input, one)
}

// server is a running twinleaf serve.
type server struct {
	o    options
	url  string
	cmd  *exec.Cmd
	seen *seen
}

func startServer(ctx context.Context, o options) (*server, error) {
	address, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	args := []string{"serve", "--data", filepath.Join(o.dir, "data"), "--listen", address, "--workers", strconv.Itoa(o.workers), "--log-level", "warn"}
	if o.plugins != "" {
		args = append(args, "--plugins", o.plugins)
	}
	cmd := exec.Command(o.twinleaf, args...)
	if cmd.Stderr, err = os.Create(filepath.Join(o.dir, "server.log")); err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	s := &server{o: o, url: "http://" + address, cmd: cmd, seen: &seen{peak: map[string]int64{}}}
	began := time.Now()
	for time.Since(began) < 5*time.Minute {
		if s.call(ctx, nil, "doctor") == nil || s.call(ctx, nil, "jobs") == nil {
			fmt.Printf("ready after %v\n", time.Since(began).Round(10*time.Millisecond))
			return s, nil
		}
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			break
		}
	}
	return nil, errors.Join(errors.New("the server does not become ready"), s.stop())
}

func freeAddress(ctx context.Context) (string, error) {
	var c net.ListenConfig
	l, err := c.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

func (s *server) stop() error {
	_ = s.cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	return s.cmd.Wait()
}

// call runs the program as a client and decodes its JSON.
func (s *server) call(ctx context.Context, into any, args ...string) error {
	cmd := exec.CommandContext(ctx, s.o.twinleaf, append(args, "--server", s.url, "--json")...)
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("twinleaf %s: %w", strings.Join(args, " "), err)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(out, into)
}

// view is what is needed of a job.
type view struct {
	ID    string `json:"id"`
	State string `json:"state"`
	Pages struct {
		Total int `json:"total"`
		Done  int `json:"done"`
	} `json:"pages"`
}

func (s *server) submit(ctx context.Context, path string) (id string, err error) {
	var v view
	err = s.call(ctx, &v, "submit", path)
	return v.ID, err
}

// measure runs the job and tells what it sees.
func (s *server) measure(ctx context.Context, o options, input, one string) error {
	began := time.Now()
	id, err := s.submit(ctx, input)
	if err != nil {
		return err
	}
	var read time.Duration // until the last page was recognised
	var beside []time.Duration
	fmt.Println("pages    time  server MB   data MB")
	for next := 0; ; {
		s.seen.look(s.cmd.Process.Pid)
		var v view
		if err := s.call(ctx, &v, "job", id); err != nil {
			return err
		}
		if read == 0 && v.Pages.Total > 0 && v.Pages.Done == v.Pages.Total {
			read = time.Since(began)
		}
		if v.Pages.Done >= next {
			fmt.Printf("%5d %7.1f %10.0f %9.1f\n", v.Pages.Done, time.Since(began).Seconds(), s.seen.now("twinleaf"), megabytes(diskUse(filepath.Join(o.dir, "data"))))
			next += o.pages / 5
		}
		if v.State != "queued" && v.State != "running" {
			fmt.Printf("%s after %.1f s, of which %.1f s after the last page\n", v.State, time.Since(began).Seconds(), (time.Since(began) - read).Seconds())
			break
		}
		if v.Pages.Done > 0 && len(beside) < o.beside {
			took, err := s.beside(ctx, one)
			if err != nil {
				return err
			}
			beside = append(beside, took)
		}
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return err
		}
	}
	for i, took := range beside {
		fmt.Printf("job of one page beside it, %d: %v\n", i+1, took.Round(time.Millisecond))
	}
	s.seen.report()
	return nil
}

// beside is how long a job of one page takes from its submission to its end.
func (s *server) beside(ctx context.Context, one string) (time.Duration, error) {
	began := time.Now()
	err := s.call(ctx, nil, "submit", "--wait", one)
	return time.Since(began), err
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
