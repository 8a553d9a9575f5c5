package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// patience is how long a server or a job may take.
const patience = 5 * time.Minute

// field is a server with its workers.
type field struct {
	dir, twinleaf, url string
	server             *exec.Cmd
	all                []*exec.Cmd // workers first
}

// open starts a server and n workers, and waits until they are there. away: the server
// reads nothing itself.
func open(ctx context.Context, dir, twinleaf, plugins string, n, slots int, away bool) (f *field, err error) {
	f = &field{dir: dir, twinleaf: twinleaf}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.close())
		}
	}()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return f, err
	}
	web, err := freeAddress(ctx)
	if err != nil {
		return f, err
	}
	nats, err := freeAddress(ctx)
	if err != nil {
		return f, err
	}
	f.url = "http://" + web
	config := filepath.Join(dir, "server.yaml")
	text := fmt.Sprintf("name: farm\nworkers: %d\nnats: {listen: %q, local: %v}\n", slots, nats, !away)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return f, err
	}
	if f.server, err = f.start("server", "serve", "--config", config, "--listen", web, "--plugins", plugins, "--data", filepath.Join(dir, "data"), "--token", token); err != nil {
		return f, err
	}
	if err := f.await(ctx, func() bool { return f.get(ctx, "/readyz", nil) == nil }); err != nil {
		return f, fmt.Errorf("the server does not become ready: %w", err)
	}
	if n == 0 {
		return f, nil
	}
	return f, f.employ(ctx, nats, plugins, n, slots)
}

// token is the administrator's.
const token = "farm-0123456789abcdef"

// employ starts the workers.
func (f *field) employ(ctx context.Context, nats, plugins string, n, slots int) error {
	if _, err := f.client(ctx, "token", "add", "root", "--role", "administrator"); err != nil {
		return err
	}
	secret, err := f.client(ctx, "token", "add", "desk", "--role", "worker")
	if err != nil {
		return err
	}
	file := filepath.Join(f.dir, "token")
	if err := os.WriteFile(file, secret, 0o600); err != nil {
		return err
	}
	said, err := exec.CommandContext(ctx, f.twinleaf, "doctor", "--config", filepath.Join(f.dir, "server.yaml"), "--data", filepath.Join(f.dir, "data"), "--plugins", plugins).Output()
	_, pin, ok := strings.Cut(string(said), "--pin ")
	if !ok {
		return fmt.Errorf("doctor names no pin: %w", err)
	}
	pin, _, _ = strings.Cut(pin, " ")
	for i := range n {
		name := fmt.Sprint("w", i)
		if _, err := f.start(name, "worker", "--nats", "tls://"+nats, "--pin", pin, "--token-file", file, "--data", filepath.Join(f.dir, name), "--name", name, "--jobs", strconv.Itoa(slots), "--plugins", plugins); err != nil {
			return err
		}
	}
	return f.await(ctx, func() bool {
		var text []byte
		err := f.get(ctx, "/metrics", &text)
		return err == nil && bytes.Count(text, []byte("\ntwinleaf_worker_slots{")) == n
	})
}

// start starts the program; what it logs lies in the folder.
func (f *field) start(name string, args ...string) (*exec.Cmd, error) {
	log, err := os.Create(filepath.Join(f.dir, name+".log"))
	if err != nil {
		return nil, err
	}
	defer log.Close() // the program has its own
	cmd := exec.Command(f.twinleaf, append(args, "--log-level", "warn")...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	f.all = append(f.all, cmd)
	return cmd, nil
}

func (f *field) client(ctx context.Context, args ...string) ([]byte, error) {
	out, err := exec.CommandContext(ctx, f.twinleaf, append(args, "--server", f.url, "--token", token)...).Output()
	if err != nil {
		return nil, fmt.Errorf("twinleaf %s: %w", args[0], err)
	}
	return out, nil
}

func (f *field) close() error {
	for _, cmd := range f.all {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may have ended
	}
	var errs []error
	for _, cmd := range f.all {
		errs = append(errs, cmd.Wait())
	}
	return errors.Join(errs...)
}

// get asks the server; into is a *[]byte or what JSON is decoded into.
func (f *field) get(ctx context.Context, path string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, f.url+path, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	var text bytes.Buffer
	if _, err := text.ReadFrom(res.Body); err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", path, res.Status)
	}
	switch to := into.(type) {
	case nil:
		return nil
	case *[]byte:
		*to = text.Bytes()
		return nil
	}
	return json.Unmarshal(text.Bytes(), into)
}

func (f *field) await(ctx context.Context, there func() bool) error {
	for began := time.Now(); !there(); {
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return err
		}
		if time.Since(began) > patience {
			return fmt.Errorf("nothing within %v", patience)
		}
	}
	return nil
}

// measured is what a job cost; cpu and the rest are by page.
type measured struct {
	took                 time.Duration
	rate                 float64 // pages a second, after the first ones and before assembly
	cpu                  float64 // seconds of the server's own process
	wire, journal, blobs float64 // bytes
}

// measure submits a job and follows it to its end. So many first pages do not count for
// the rate: all workers are at work then.
func (f *field) measure(ctx context.Context, first int, inputs ...string) (m measured, err error) {
	before := f.costs()
	began := time.Now()
	out, err := f.client(ctx, append([]string{"submit", "--name", "measured", "--json"}, inputs...)...)
	if err != nil {
		return m, err
	}
	var job struct {
		ID    string
		State string
		Pages struct{ Total, Done int }
	}
	if err := json.Unmarshal(out, &job); err != nil {
		return m, err
	}
	var from, to time.Time
	counted := 0
	err = f.await(ctx, func() bool {
		if err := f.get(ctx, "/v1/jobs/"+job.ID, &job); err != nil {
			return false
		}
		done, now := job.Pages.Done, time.Now()
		if from.IsZero() && done >= first && done > 0 {
			from, counted = now, done
		}
		if to.IsZero() && done > 0 && done == job.Pages.Total {
			to = now
		}
		return job.State != "queued" && job.State != "running"
	})
	m.took = time.Since(began)
	if err != nil || job.State != "completed" {
		var text []byte
		_ = f.get(ctx, "/v1/jobs/"+job.ID, &text) // says which pages failed
		return m, errors.Join(err, fmt.Errorf("the job is %s: %.2000s", job.State, text))
	}
	pages := float64(job.Pages.Total)
	after := f.costs()
	m.rate = float64(job.Pages.Total-counted) / to.Sub(from).Seconds()
	m.cpu, m.wire = (after.cpu-before.cpu)/pages, (after.wire-before.wire)/pages
	m.journal, m.blobs = (after.journal-before.journal)/pages, (after.blobs-before.blobs)/pages
	return m, nil
}

// costs are counters at one moment.
func (f *field) costs() measured {
	data := filepath.Join(f.dir, "data")
	return measured{cpu: cpuSeconds(f.server.Process.Pid), wire: loopback(), journal: size(filepath.Join(data, "journal")), blobs: size(filepath.Join(data, "blobs"))}
}

// cpuSeconds is the processor time of a process, without what it started.
func cpuSeconds(pid int) float64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, rest, ok := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	if err != nil || !ok || len(fields) < 13 {
		return 0
	}
	user, _ := strconv.ParseFloat(fields[11], 64) // 0 is as good as anything
	system, _ := strconv.ParseFloat(fields[12], 64)
	return (user + system) / 100
}

// loopback is how many bytes went over the loopback since the machine's start.
func loopback() float64 {
	text, err := os.ReadFile("/sys/class/net/lo/statistics/tx_bytes")
	n, bad := strconv.ParseFloat(strings.TrimSpace(string(text)), 64)
	if err != nil || bad != nil {
		return 0
	}
	return n
}

// size is how many bytes of a folder's files are on the disk.
func size(dir string) (n float64) {
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return nil // it is gone
		}
		if info, err := d.Info(); err == nil {
			n += float64(info.Size())
		}
		return nil
	})
	return n
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

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
