package testscripts

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// pairCommand runs servers that are to be a pair. Each has a name, its data in $WORK/NAME, its log in
// $WORK/NAME.log and its address in the variable of its name in capitals. A server that is
// started again has the addresses that it had.
//
//	pair start NAME [args…]        in the time zone $TZ_NAME, with the plug-ins in $PLUGINS_NAME
//	pair stop|kill|freeze|thaw NAME
//	pair issue NAME 03|04 [flags…] issues NAME.license, for two servers on this machine
//	pair license NAME 03|04        issues one and activates it
//	pair form A B                  licences for both, then one code: A is the primary
func pairCommand(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: pair start|stop|kill|freeze|thaw|issue|license|form NAME…")
	}
	p, name := ts.Value(pairKey{}).(*pairServers), args[1]
	switch args[0] {
	case "start":
		p.start(ts, name, args[2:])
	case "stop":
		ts.Check(p.end(ts, name, syscall.SIGTERM))
	case "kill":
		_ = p.end(ts, name, syscall.SIGKILL) // that it was killed is the point
	case "freeze":
		ts.Check(p.named(ts, name).process.Signal(syscall.SIGSTOP))
	case "thaw":
		ts.Check(p.named(ts, name).process.Signal(syscall.SIGCONT))
	case "issue":
		p.issue(ts, name, args[2], args[3:]...)
	case "license":
		p.license(ts, name, args[2])
	case "form":
		p.form(ts, name, args[2])
	default:
		ts.Fatalf("pair %s: unknown", args[0])
	}
}

// pairServers are the servers of a script by name; they lie under pairKey.
type pairServers struct{ byName map[string]*pairServer }

type pairKey struct{}

type pairServer struct {
	server
	web, link string // addresses
}

func newPairServers() *pairServers { return &pairServers{map[string]*pairServer{}} }

func (p *pairServers) named(ts *testscript.TestScript, name string) *pairServer {
	s := p.byName[name]
	if s == nil || s.process == nil {
		ts.Fatalf("there is no server %q", name)
	}
	return s
}

func (s *pairServer) url() string { return "http://" + s.web }

// lastingAddress is one that nobody listens on, and that neither the system nor another script
// gets: a server that is stopped finds it free again.
func lastingAddress() (string, error) {
	const first, many, tries = 20_000, 10_000, 100
	for range tries {
		address := fmt.Sprintf("127.0.0.1:%d", first+rand.IntN(many))
		if _, taken := addresses.LoadOrStore(address, true); taken {
			continue
		}
		l, err := net.Listen("tcp", address)
		if err == nil {
			return address, l.Close()
		}
	}
	return "", fmt.Errorf("there is no free address from port %d on", first)
}

// addresses are those that lastingAddress gave.
var addresses sync.Map

func freeAddress(ts *testscript.TestScript) string {
	address, err := lastingAddress()
	ts.Check(err)
	return address
}

func (p *pairServers) start(ts *testscript.TestScript, name string, args []string) {
	s := p.byName[name]
	if s == nil {
		s = &pairServer{web: freeAddress(ts), link: freeAddress(ts)}
		p.byName[name] = s
		config := fmt.Sprintf("name: %s\nworkers: 2\nweb: {listen: %q}\npair: {listen: %q, address: %q, url: %q}\n", name, s.web, s.link, s.link, s.url())
		ts.Check(os.WriteFile(ts.MkAbs(name+".yaml"), []byte(config), 0o644))
		ts.Setenv(strings.ToUpper(name), s.url())
	}
	log, err := os.OpenFile(ts.MkAbs(name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	ts.Check(err)
	program := ts.Getenv("TWINLEAF")
	if faults := ts.Getenv("TWINLEAF_FAULTS"); faults != "" {
		program = faults
	}
	cmd := exec.Command(program, append([]string{"serve", "--data", ts.MkAbs(name), "--config", ts.MkAbs(name + ".yaml")}, args...)...)
	cmd.Dir = ts.MkAbs(".")
	plugins := ts.Getenv("PLUGINS_" + strings.ToUpper(name))
	if plugins == "" {
		plugins = os.Getenv("TWINLEAF_PLUGINS")
	}
	cmd.Env = []string{"PATH=" + ts.Getenv("PATH"), "HOME=" + ts.Getenv("HOME"), "NO_COLOR=1", "TWINLEAF_PLUGINS=" + plugins}
	if zone := ts.Getenv("TZ_" + strings.ToUpper(name)); zone != "" {
		cmd.Env = append(cmd.Env, "TZ="+zone)
	}
	cmd.Stdout, cmd.Stderr = log, log
	ts.Check(cmd.Start())
	s.process, s.ended = cmd.Process, make(chan error, 1)
	ended := s.ended
	go func() { ended <- cmd.Wait(); log.Close() }()
	ts.Defer(func() { _ = cmd.Process.Kill() })
	eventually(ts, name+" answers", func() error { return get(s.url() + "/healthz") })
	eventually(ts, name+" has its data service", func() error {
		var h struct{ Data struct{ State, Cause string } }
		if err := getJSON(s.url()+"/readyz", &h); err != nil {
			return err
		}
		if h.Data.State != "up" {
			return fmt.Errorf("the data service is %s: %s", h.Data.State, h.Data.Cause)
		}
		return nil
	})
}

func (p *pairServers) end(ts *testscript.TestScript, name string, sig syscall.Signal) error {
	s := p.named(ts, name)
	ts.Check(s.process.Signal(sig))
	select {
	case err := <-s.ended:
		return err
	case <-time.After(patience):
		ts.Fatalf("%s did not end within %v", name, patience)
		return nil
	}
}

// issue writes NAME.license: a role for both servers of this machine, and what the flags say.
func (p *pairServers) issue(ts *testscript.TestScript, name, role string, flags ...string) {
	if _, err := os.Stat(ts.MkAbs("office.key")); err != nil {
		ts.Check(ts.Exec("twinleaf", "license", "keygen", "office"))
	}
	var here struct {
		Machine struct {
			Cores int
			MACs  []string
		}
	}
	ts.Check(getJSON(p.named(ts, name).url()+"/v1/license", &here))
	_ = os.Remove(ts.MkAbs(name + ".license")) // of an earlier role
	args := []string{"license", "issue", "--signer", "office.key", "--role", role, "--cores", fmt.Sprint(2 * here.Machine.Cores), "-o", name + ".license"}
	for _, mac := range here.Machine.MACs {
		args = append(args, "--mac", mac)
	}
	ts.Check(ts.Exec("twinleaf", append(args, flags...)...))
}

// license gives a server a licence of a role for both servers of this machine.
func (p *pairServers) license(ts *testscript.TestScript, name, role string) {
	p.issue(ts, name, role)
	ts.Check(ts.Exec("twinleaf", "activate", name+".license", "--trust", "office.key.pub", "--server", p.named(ts, name).url()))
}

// form makes a pair of two servers and waits until it protects.
func (p *pairServers) form(ts *testscript.TestScript, primary, secondary string) {
	p.license(ts, primary, "03")
	p.license(ts, secondary, "04")
	a, b := p.named(ts, primary), p.named(ts, secondary)
	var made struct{ Code string }
	ts.Check(postJSON(a.url()+"/v1/pair/init", nil, &made))
	ts.Check(ts.Exec("twinleaf", "pair", "join", made.Code, "--server", b.url()))
	for name, s := range map[string]*pairServer{primary: a, secondary: b} {
		eventually(ts, name+" is protected and at parity", func() error {
			var pair struct {
				Paired bool
				Link   struct{ Protected bool }
				Parity struct{ At bool }
			}
			if err := getJSON(s.url()+"/v1/pair", &pair); err != nil {
				return err
			}
			if !pair.Paired || !pair.Link.Protected || !pair.Parity.At {
				return fmt.Errorf("it stands so: %+v", pair)
			}
			return nil
		})
	}
}

// getJSON reads what a server answers, whatever the status.
func getJSON(url string, into any) error {
	resp, err := http.Get(url)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return json.NewDecoder(resp.Body).Decode(into)
}

func postJSON(url string, body, into any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	resp, err := http.Post(url, "application/json", bytes.NewReader(text))
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		var problem struct{ Code, Detail, Remedy string }
		_ = json.NewDecoder(resp.Body).Decode(&problem) // the status says it all
		return fmt.Errorf("%s: %s: %+v", url, resp.Status, problem)
	}
	return json.NewDecoder(resp.Body).Decode(into)
}
