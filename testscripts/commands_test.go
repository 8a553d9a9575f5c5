package testscripts

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unicode"

	"github.com/rogpeppe/go-internal/testscript"
)

// patience is how long a script waits for something that must happen.
const patience = 90 * time.Second

// server start [args…] | stop | kill: one server a script, on a port of its own,
// with its data in $WORK/data. $SERVER is its address. Its log is $WORK/server.log.
func serverCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: server start|stop|kill")
	}
	switch args[0] {
	case "start":
		startServer(ts, args[1:])
	case "stop":
		ts.Check(endServer(ts, syscall.SIGTERM))
	case "kill":
		_ = endServer(ts, syscall.SIGKILL) // that it was killed is the point
	default:
		ts.Fatalf("server %s: unknown", args[0])
	}
}

func startServer(ts *testscript.TestScript, args []string) {
	addr := freeAddress(ts)
	log, err := os.OpenFile(ts.MkAbs("server.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	ts.Check(err)
	cmd := exec.Command(ts.Getenv("TWINLEAF"), append([]string{"serve", "--data", ts.MkAbs("data"), "--listen", addr}, args...)...)
	cmd.Dir = ts.MkAbs(".")
	cmd.Env = []string{"PATH=" + ts.Getenv("PATH"), "HOME=" + ts.Getenv("HOME"), "NO_COLOR=1", "TWINLEAF_PLUGINS=" + os.Getenv("TWINLEAF_PLUGINS"), "SSL_CERT_FILE=" + ts.Getenv("SSL_CERT_FILE")}
	cmd.Stdout, cmd.Stderr = log, log
	ts.Check(cmd.Start())
	s := ts.Value(serverKey{}).(*server)
	s.process, s.ended = cmd.Process, make(chan error, 1)
	go func() { s.ended <- cmd.Wait(); log.Close() }()
	ts.Defer(func() { _ = cmd.Process.Kill() })
	ts.Setenv("SERVER", "http://"+addr)
	eventually(ts, "the server takes jobs", func() error { return get("http://" + addr + "/readyz") })
}

// server is the one that a script runs; its value lies under serverKey.
type server struct {
	process *os.Process
	ended   chan error // its Wait
}

type serverKey struct{}

func endServer(ts *testscript.TestScript, sig syscall.Signal) error {
	s := ts.Value(serverKey{}).(*server)
	ts.Check(s.process.Signal(sig))
	select {
	case err := <-s.ended:
		return err
	case <-time.After(patience):
		ts.Fatalf("the server did not end within %v", patience)
		return nil
	}
}

func get(url string) error {
	client := http.Client{Timeout: 2 * time.Second}
	resp, err := client.Get(url)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", url, resp.Status)
	}
	return nil
}

// eventually PROGRAM args…: the program succeeds before patience ends.
func eventuallyCommand(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) == 0 {
		ts.Fatalf("usage: eventually PROGRAM args")
	}
	eventually(ts, strings.Join(args, " "), func() error {
		err := ts.Exec(args[0], args[1:]...)
		if neg && err == nil {
			return errors.New("still succeeds")
		}
		if neg {
			return nil
		}
		return err
	})
}

// await GLOB…: each pattern has a match before patience ends.
func awaitCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("await cannot be negated")
	}
	for _, pattern := range args {
		eventually(ts, "a file "+pattern, func() error {
			found, err := filepath.Glob(ts.MkAbs(pattern))
			if err == nil && len(found) == 0 {
				err = errors.New("none yet")
			}
			return err
		})
	}
}

// eventually asks until ask is content.
func eventually(ts *testscript.TestScript, what string, ask func() error) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	var err error
	for end := time.Now().Add(patience); time.Now().Before(end); <-tick.C {
		if err = ask(); err == nil {
			return
		}
	}
	ts.Fatalf("%s: not within %v: %v", what, patience, err)
}

// slowly FROM TO: writes TO in five pieces, one every 700 ms, as a device on a
// slow network does.
func slowlyCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: slowly FROM TO")
	}
	content, err := os.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	f, err := os.Create(ts.MkAbs(args[1]))
	ts.Check(err)
	defer f.Close()
	pace := time.NewTicker(700 * time.Millisecond)
	defer pace.Stop()
	const pieces = 5
	for i := range pieces {
		_, err := f.Write(content[i*len(content)/pieces : (i+1)*len(content)/pieces])
		ts.Check(err)
		<-pace.C
	}
}

// words FILE TRUTH PERCENT: at least PERCENT of the words of TRUTH stand in FILE,
// each as often as there.
func wordsCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: words FILE TRUTH PERCENT")
	}
	want, err := strconv.ParseFloat(args[2], 64)
	ts.Check(err)
	have := map[string]int{}
	for _, w := range split(ts.ReadFile(args[0])) {
		have[w]++
	}
	truth, found := split(ts.ReadFile(args[1])), 0
	for _, w := range truth {
		if have[w] > 0 {
			have[w]--
			found++
		}
	}
	if len(truth) == 0 {
		ts.Fatalf("%s has no words", args[1])
	}
	if got := 100 * float64(found) / float64(len(truth)); got < want {
		ts.Fatalf("%s has %.1f %% of the words of %s, want %.1f %%", args[0], got, args[1], want)
	}
}

func split(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

// exit CODE PROGRAM args…: the program ends with exactly this code. Its output
// is kept as stdout and stderr for later commands.
func exitCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exit CODE PROGRAM args")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	err = ts.Exec(args[1], args[2:]...)
	var ended *exec.ExitError
	if errors.As(err, &ended) {
		got = ended.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("%s ended with %d, want %d", strings.Join(args[1:], " "), got, want)
	}
}

// count N GLOB: exactly N files match.
func countCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: count N GLOB")
	}
	found, err := filepath.Glob(ts.MkAbs(args[1]))
	ts.Check(err)
	if strconv.Itoa(len(found)) != args[0] {
		ts.Fatalf("%s matches %d files, want %s: %s", args[1], len(found), args[0], bytes.TrimSpace([]byte(strings.Join(found, " "))))
	}
}

// keep NAME FILE: $NAME is the text of the file without the space around it.
func keepCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: keep NAME FILE")
	}
	ts.Setenv(args[0], strings.TrimSpace(ts.ReadFile(args[1])))
}
