package site

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"go.yaml.in/yaml/v3"
)

// Server is one server with its folder. Its methods are for one goroutine, but for
// those that say otherwise.
type Server struct {
	Name     string
	Dir      string        // configuration, log and, unless Data says otherwise, data
	Data     string        // data folder; default Dir/data
	Web      string        // host:port for clients
	Peer     string        // host:port for the other server
	Silence  time.Duration // until the other server is given up; 0: the program's default
	Workers  int           // pages at once
	LogLevel string        // default info
	Prefix   []string      // in front of the command, such as ip netns exec NAME
	Faults   []string      // of `serve --fault`; needs Programs.Faults
	Programs Programs
	Client   *http.Client // for its own questions; default: the usual one

	mu      sync.Mutex // guards what follows
	cmd     *exec.Cmd
	ended   chan struct{} // closed when cmd has ended
	outcome error         // of cmd
}

// configuration is the file that the server reads.
type configuration struct {
	Name    string            `yaml:"name"`
	Data    string            `yaml:"data"`
	Plugins string            `yaml:"plugins"`
	Workers int               `yaml:"workers,omitempty"`
	Log     map[string]string `yaml:"log"`
	Web     map[string]string `yaml:"web"`
	Pair    map[string]string `yaml:"pair,omitempty"`
}

// URL is the address for clients.
func (s *Server) URL() string { return "http://" + s.Web }

// LogFile is where the server's log lies, one JSON object a line. It goes on through
// all starts.
func (s *Server) LogFile() string { return filepath.Join(s.Dir, "server.log") }

// DataDir is the data folder.
func (s *Server) DataDir() string {
	if s.Data != "" {
		return s.Data
	}
	return filepath.Join(s.Dir, "data")
}

func (s *Server) configure() (string, error) {
	if err := os.MkdirAll(s.Dir, 0o755); err != nil {
		return "", err
	}
	c := configuration{
		Name: s.Name, Data: s.DataDir(), Plugins: s.Programs.Plugins, Workers: s.Workers,
		Log: map[string]string{"level": "info", "format": "json"}, Web: map[string]string{"listen": s.Web},
	}
	if s.LogLevel != "" {
		c.Log["level"] = s.LogLevel
	}
	if s.Peer != "" {
		c.Pair = map[string]string{"listen": s.Peer, "address": s.Peer, "url": s.URL()}
		if s.Silence > 0 {
			c.Pair["silence"] = s.Silence.String()
		}
	}
	text, err := yaml.Marshal(c)
	if err != nil {
		return "", err
	}
	path := filepath.Join(s.Dir, "config.yaml")
	return path, os.WriteFile(path, text, 0o644)
}

// command is the server's command line.
func (s *Server) command(config string) (*exec.Cmd, error) {
	program := s.Programs.Twinleaf
	args := []string{"serve", "--config", config, "--insecure"}
	if len(s.Faults) > 0 {
		if program = s.Programs.Faults; program == "" {
			return nil, errors.New("there is no program with the tag faults")
		}
		for _, f := range s.Faults {
			args = append(args, "--fault", f)
		}
	}
	line := append(append(append([]string{}, s.Prefix...), program), args...)
	cmd := exec.Command(line[0], line[1:]...)
	cmd.Env = append(os.Environ(), "NO_COLOR=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	return cmd, nil
}

// Launch starts the process and does not wait for it to serve.
func (s *Server) Launch() error {
	config, err := s.configure()
	if err != nil {
		return err
	}
	log, err := os.OpenFile(s.LogFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close() // the process has its own
	cmd, err := s.command(config)
	if err != nil {
		return err
	}
	cmd.Stdout, cmd.Stderr = log, log
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cmd != nil {
		return fmt.Errorf("%s runs already", s.Name)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", s.Name, err)
	}
	ended := make(chan struct{})
	s.cmd, s.ended, s.outcome = cmd, ended, nil
	go func() { // ends with the process
		err := cmd.Wait()
		s.mu.Lock()
		s.outcome = err
		s.mu.Unlock()
		close(ended)
	}()
	return nil
}

// Start starts the server and waits until it answers with its data service up.
func (s *Server) Start(ctx context.Context) error {
	if err := s.Launch(); err != nil {
		return err
	}
	return s.Await(ctx, 30*time.Second)
}

// Await waits until the server answers with its data service up.
func (s *Server) Await(ctx context.Context, patience time.Duration) error {
	return Eventually(ctx, patience, s.Name+" is up", func(ctx context.Context) error {
		if err := s.Ended(); err != nil {
			return &Final{fmt.Errorf("%w\n%s", err, s.Tail(2000))}
		}
		h, err := s.Health(ctx)
		if err == nil && h.Data.State != "up" {
			err = fmt.Errorf("data service is %s (%s)", h.Data.State, h.Data.Cause)
		}
		return err
	})
}

// Ended is an error when the process has ended without being told to.
func (s *Server) Ended() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cmd == nil {
		return fmt.Errorf("%s does not run", s.Name)
	}
	select {
	case <-s.ended:
		return fmt.Errorf("%s has ended: %w", s.Name, errors.Join(s.outcome, errors.New(s.cmd.ProcessState.String())))
	default:
		return nil
	}
}

// Running reports whether a process was started and not ended by this site. It may be
// called by several goroutines.
func (s *Server) Running() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cmd != nil
}

// PID is the server's process; 0 where none runs. It may be called by several goroutines.
func (s *Server) PID() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cmd == nil {
		return 0
	}
	return s.cmd.Process.Pid
}

// Kill ends the server at once, as a crash would.
func (s *Server) Kill() { s.end(syscall.SIGKILL, 10*time.Second) }

// Stop ends the server as an operator would; one that does not end within a minute is killed.
func (s *Server) Stop() { s.end(syscall.SIGTERM, time.Minute) }

func (s *Server) end(signal syscall.Signal, patience time.Duration) {
	s.mu.Lock()
	cmd, ended := s.cmd, s.ended
	s.cmd = nil
	s.mu.Unlock()
	if cmd == nil {
		return
	}
	_ = cmd.Process.Signal(signal) // it may have ended
	select {
	case <-ended:
	case <-time.After(patience):
		_ = cmd.Process.Kill()
		<-ended
	}
}

// Item is one thing that can be up or down.
type Item struct {
	State string `json:"state"`
	Cause string `json:"cause"`
}

// Health is what a server says of itself.
type Health struct {
	Ready           bool
	Web, Data, Mode Item
	Cause           string
}

// Health asks /readyz. The error is that nobody answers.
func (s *Server) Health(ctx context.Context) (h Health, err error) {
	err = s.Get(ctx, "/readyz", &h)
	var status *StatusError
	if errors.As(err, &status) && json.Unmarshal(status.Body, &h) == nil && h.Data.State != "" {
		err = nil
	}
	return h, err
}

// StatusError is an answer that is no success.
type StatusError struct {
	Status int
	Body   []byte
}

func (e *StatusError) Error() string { return fmt.Sprintf("HTTP status %d: %.300s", e.Status, e.Body) }

// Get asks the server for JSON. It may be called by several goroutines.
func (s *Server) Get(ctx context.Context, path string, into any) error {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL()+path, nil)
	if err != nil {
		return err
	}
	return s.do(req, into)
}

func (s *Server) do(req *http.Request, into any) error {
	client := s.Client
	if client == nil {
		client = http.DefaultClient
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 64<<20))
	if err != nil {
		return err
	}
	if resp.StatusCode/100 != 2 {
		return &StatusError{resp.StatusCode, body}
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(body, into)
}

// Tail is the end of the log.
func (s *Server) Tail(n int) string {
	log, err := os.ReadFile(s.LogFile())
	if err != nil {
		return err.Error()
	}
	return string(log[max(0, len(log)-n):])
}
