package testscripts

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

var (
	kills = flag.Int("kills", 8, "how often the server is killed")
	jobs  = flag.Int("jobs", 50, "how many jobs are open at least while it is being killed")
	seed  = flag.Uint64("seed", 1, "of the moments at which it is killed")
)

// TestKilledServerLosesNothing kills the server with SIGKILL at random moments
// while jobs run, and holds what happened against three promises: every
// acknowledged job completes, its document lies exactly once in the folder, and
// no finished page is begun again (P8).
func TestKilledServerLosesNothing(t *testing.T) {
	base := t.TempDir()
	c := &crash{
		t: t, bin: binary(t), data: filepath.Join(base, "data"), logFile: filepath.Join(base, "server.log"), addr: freePort(t),
		random: rand.New(rand.NewPCG(*seed, 0)),
		scan:   read(t, filepath.Join(root(t), "testdata", "letter-1bit.png")),
	}
	ctx, stop := context.WithTimeout(context.Background(), 50*time.Minute)
	defer stop()
	c.start(ctx)
	defer c.kill()

	var submitters sync.WaitGroup
	more := make(chan int)
	for range 4 {
		submitters.Go(func() {
			for n := range more {
				c.submit(ctx, n)
			}
		})
	}
	submitted := 0
	feed := func() {
		for c.open(submitted) < *jobs {
			more <- submitted
			submitted++
		}
	}
	for killed := range *kills {
		go feedOnce(&c.feeding, feed)
		pause(ctx, time.Duration(100+c.random.IntN(2400))*time.Millisecond)
		c.kill()
		c.start(ctx)
		if killed%20 == 19 {
			t.Logf("%d kills, %d jobs acknowledged, %d completed", killed+1, c.acknowledged(), c.completed(ctx))
		}
	}
	c.feeding.Lock() // the last feeding is over
	close(more)
	submitters.Wait()
	c.settle(ctx)
	c.kill() // a clean stop would fold the journal into a snapshot, and its history is what is judged
	c.judge()
}

// crash is one run.
type crash struct {
	t       *testing.T
	bin     string
	data    string
	logFile string
	addr    string
	scan    []byte
	random  *rand.Rand

	server *exec.Cmd

	feeding sync.Mutex // held by the one goroutine that hands out submissions

	mu  sync.Mutex        // guards ids
	ids map[string]string // acknowledged jobs: name by id
}

func feedOnce(mu *sync.Mutex, feed func()) {
	if mu.TryLock() {
		defer mu.Unlock()
		feed()
	}
}

func (c *crash) start(ctx context.Context) {
	c.t.Helper()
	log, err := os.OpenFile(c.logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		c.t.Fatal(err)
	}
	defer log.Close()
	c.server = exec.Command(c.bin, "serve", "--data", c.data, "--listen", c.addr, "--log-level", "warn")
	c.server.Env = append(os.Environ(), "NO_COLOR=1")
	c.server.Stdout, c.server.Stderr = log, log
	if err := c.server.Start(); err != nil {
		c.t.Fatal(err)
	}
	c.until(ctx, "the server takes jobs", func() error { return get("http://" + c.addr + "/readyz") })
}

func (c *crash) kill() {
	_ = c.server.Process.Kill()
	_ = c.server.Wait() // killed: its status says so
}

// submit sends one job until it is acknowledged, under the same key each time.
func (c *crash) submit(ctx context.Context, n int) {
	name := fmt.Sprintf("scan-%04d", n)
	for ctx.Err() == nil {
		id, err := c.post(ctx, name)
		if err == nil {
			c.mu.Lock()
			if c.ids == nil {
				c.ids = map[string]string{}
			}
			c.ids[id] = name
			c.mu.Unlock()
			return
		}
		pause(ctx, 50*time.Millisecond)
	}
}

func (c *crash) post(ctx context.Context, name string) (id string, err error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+c.addr+"/v1/jobs?name="+name, bytes.NewReader(c.scan))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "image/png")
	req.Header.Set("Idempotency-Key", name)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", err
	}
	if resp.StatusCode/100 != 2 {
		return "", fmt.Errorf("%s: %s", resp.Status, body)
	}
	var accepted struct{ ID string }
	if err := json.Unmarshal(body, &accepted); err != nil || accepted.ID == "" {
		return "", fmt.Errorf("answer %q: %w", body, err)
	}
	return accepted.ID, nil
}

func (c *crash) acknowledged() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.ids)
}

// delivered counts the documents in the folder.
func (c *crash) delivered() int {
	found, _ := filepath.Glob(filepath.Join(c.data, "delivered", "*.pdf"))
	return len(found)
}

// open estimates the jobs that are under way.
func (c *crash) open(submitted int) int { return submitted - c.delivered() }

func (c *crash) completed(ctx context.Context) int {
	n := 0
	c.mu.Lock()
	defer c.mu.Unlock()
	for id := range c.ids {
		if c.state(ctx, id) == "completed" {
			n++
		}
	}
	return n
}

func (c *crash) state(ctx context.Context, id string) string {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+c.addr+"/v1/jobs/"+id, nil)
	if err != nil {
		return err.Error()
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close()
	var job struct {
		State string
		Error struct{ Code, Detail string }
	}
	if err := json.NewDecoder(resp.Body).Decode(&job); err != nil {
		return err.Error()
	}
	if job.State == "failed" {
		return "failed: " + job.Error.Code + ": " + job.Error.Detail
	}
	return job.State
}

// settle waits until every acknowledged job has ended.
func (c *crash) settle(ctx context.Context) {
	c.t.Helper()
	c.until(ctx, "every job completes", func() error {
		c.mu.Lock()
		defer c.mu.Unlock()
		for id, name := range c.ids {
			state := c.state(ctx, id)
			if strings.HasPrefix(state, "failed") || state == "partial" {
				c.t.Fatalf("%s (%s) is %s", name, id, state)
			}
			if state != "completed" {
				return fmt.Errorf("%s (%s) is %s", name, id, state)
			}
		}
		return nil
	})
}

// until asks four times a second, for ten minutes.
func (c *crash) until(ctx context.Context, what string, ask func() error) {
	c.t.Helper()
	var err error
	for end := time.Now().Add(10 * time.Minute); time.Now().Before(end) && ctx.Err() == nil; pause(ctx, 250*time.Millisecond) {
		if err = ask(); err == nil {
			return
		}
	}
	c.t.Fatalf("%s: not in time: %v\n%s", what, err, c.tail())
}

func (c *crash) tail() string {
	log, _ := os.ReadFile(c.logFile)
	return string(log[max(0, len(log)-4000):])
}

// judge reads the folder and the journal.
func (c *crash) judge() {
	c.t.Helper()
	for id, name := range c.ids {
		found, _ := filepath.Glob(filepath.Join(c.data, "delivered", name+"*.pdf"))
		if len(found) != 1 {
			c.t.Errorf("%s (%s) was delivered %d times: %v", name, id, len(found), found)
		}
	}
	if n := c.delivered(); n != len(c.ids) {
		c.t.Errorf("%d documents in the folder, %d jobs acknowledged", n, len(c.ids))
	}
	h, err := c.history()
	if err != nil {
		c.t.Fatal(err)
	}
	if h.again > 0 {
		c.t.Errorf("%d finished pages were recognised again", h.again)
	}
	c.t.Logf("\nkills %d\njobs acknowledged %d, completed %d, documents %d\npages recognised %d, begun %d, begun again after they were finished %d",
		*kills, len(c.ids), len(c.ids), c.delivered(), h.recognised, h.started, h.again)
}

// history is what the journal says about recognition.
type history struct{ started, recognised, again int }

// history reads the journal of the stopped server.
func (c *crash) history() (h history, err error) {
	out, err := exec.Command(c.bin, "journal", "--data", c.data).Output()
	if err != nil {
		var ended *exec.ExitError
		if errors.As(err, &ended) {
			err = fmt.Errorf("%w: %s", err, ended.Stderr)
		}
		return h, err
	}
	done := map[string]bool{}
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var e struct {
			Type string
			Job  string
			Data struct {
				Stage string
				Page  int
			}
		}
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return h, fmt.Errorf("journal line %q: %w", lines.Text(), err)
		}
		page := fmt.Sprint(e.Job, "/", e.Data.Page)
		switch {
		case e.Type == "StageStarted" && e.Data.Stage == "recognize":
			h.started++
			if done[page] {
				h.again++
			}
		case e.Type == "PageRecognized":
			h.recognised++
			done[page] = true
		}
	}
	if h.recognised == 0 {
		return h, errors.New("the journal names no recognised page")
	}
	return h, lines.Err()
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	address, err := lastingAddress()
	if err != nil {
		t.Fatal(err)
	}
	return address
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
