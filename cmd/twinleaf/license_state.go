package main

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/twinleaf-scan/twinleaf/console/api"
	"github.com/twinleaf-scan/twinleaf/core/license"
)

const (
	licenseFolder = "license"        // in the data folder
	licenseEvery  = time.Hour        // between two lines in the log about the licence
	licenseLook   = 10 * time.Second // between two looks at it
)

// machine is what a licence is held against on one server.
type machine struct {
	cores int      // that Go may use here
	macs  []string // of network cards, sorted
}

// thisMachine is where the program runs. Addresses of the loopback and of nothing count
// for none.
func thisMachine() machine {
	m := machine{cores: runtime.GOMAXPROCS(0)}
	cards, err := net.Interfaces()
	if err != nil {
		return m // without addresses the licence says what is wrong
	}
	for _, c := range cards {
		mac, err := license.ParseMAC(c.HardwareAddr.String())
		if err == nil && c.Flags&net.FlagLoopback == 0 && mac != "00:00:00:00:00:00" {
			m.macs = append(m.macs, mac)
		}
	}
	slices.Sort(m.macs)
	m.macs = slices.Compact(m.macs)
	return m
}

// peerUse is what the other server of a pair takes of the licence, as it was last heard:
// nobody asks it for the sake of the licence, so that a server that is gone delays nothing
// (EP4-9).
type peerUse struct {
	cores  int  // of the other server; 0: there is none
	active bool // this server is the one that works

	name string       // of the other server
	role license.Role // of the licence that it has in force; empty: none, or it is not heard now
}

// licensing is the licence of this server and what follows from it.
type licensing struct {
	dir     string
	machine func() machine
	peer    func() peerUse
	now     func() time.Time
	log     *slog.Logger
	limit   func(pages int) // takes the bound of pages at once; 0: none
	looks   chan struct{}   // has room for one: look again

	mu    sync.Mutex     // guards shelf
	shelf *license.Shelf // nil until it could be opened
}

func newLicensing(data string, log *slog.Logger, limit func(int)) *licensing {
	return &licensing{
		dir: filepath.Join(data, licenseFolder), machine: thisMachine, peer: func() peerUse { return peerUse{active: true} },
		now: time.Now, log: log, limit: limit, looks: make(chan struct{}, 1),
	}
}

// open opens the shelf, which needs the disk.
func (l *licensing) open() (*license.Shelf, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.shelf == nil {
		shelf, err := license.OpenShelf(l.dir)
		if err != nil {
			return nil, err
		}
		l.shelf = shelf
	}
	return l.shelf, nil
}

// active is the licence in force, [license.ErrNone] if there is none.
func (l *licensing) active() (license.Signed, error) {
	if _, err := os.Stat(l.dir); errors.Is(err, fs.ErrNotExist) {
		return license.Signed{}, license.ErrNone // looking leaves no trace
	}
	shelf, err := l.open()
	if err != nil {
		return license.Signed{}, err
	}
	return shelf.Active()
}

// standing is how the licence stands at one moment.
type standing struct {
	code     license.Code
	none     bool // no licence is in force, and none needs to be
	signed   license.Signed
	days     int
	problems []license.Problem
	machine  machine
	peer     peerUse
}

// look reads the shelf, which another process may have changed.
func (l *licensing) look() standing {
	s := standing{machine: l.machine(), peer: l.peer()}
	var err error
	s.signed, err = l.active()
	switch {
	case errors.Is(err, license.ErrNone):
		s.code, s.none = license.KeyMissing, true
		return s
	case errors.Is(err, license.ErrMissing):
		s.code = license.KeyMissing
		s.problems = []license.Problem{{Code: s.code, Message: "The licence's key is missing.", Cause: sentence(err), Remedy: "Activate the licence's file again."}}
		return s
	case err != nil:
		s.code = license.Unknown
		s.problems = []license.Problem{{Code: s.code, Message: "The state of the licence is unknown.", Cause: sentence(err), Remedy: "Activate the licence's file again; if that fails, issue a new one."}}
		return s
	}
	now := l.now()
	s.code, s.days = s.signed.State(now)
	s.problems = s.signed.Problems(now, license.Use{Cores: s.machine.cores + s.peer.cores, MACs: s.machine.macs})
	return s
}

func sentence(err error) string { return firstLine(err) + "." }

// pages is how many pages may be worked on at once, 0 for as many as there are workers.
func (s standing) pages() int {
	if s.signed.Cores == 0 || s.machine.cores+s.peer.cores <= s.signed.Cores {
		return 0
	}
	return s.signed.Allow(s.machine.cores, s.peer.cores, s.peer.active)
}

// same reports whether nothing has happened since another look that somebody must know.
func (s standing) same(o standing) bool {
	return s.code == o.code && s.none == o.none && s.signed.Key == o.signed.Key && s.pages() == o.pages() &&
		slices.EqualFunc(s.problems, o.problems, func(a, b license.Problem) bool { return a.ID() == b.ID() })
}

// run looks at the licence now and then until ctx ends. It tells how the licence stands
// at once, when that changed, and every hour.
func (l *licensing) run(ctx context.Context) {
	last, told := l.look(), l.now()
	l.apply(last)
	tick := time.NewTicker(licenseLook)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-l.looks:
		}
		if s := l.look(); !s.same(last) || l.now().Sub(told) >= licenseEvery {
			last, told = s, l.now()
			l.apply(s)
		}
	}
}

// again has run look once more soon.
func (l *licensing) again() {
	select {
	case l.looks <- struct{}{}:
	default:
	}
}

// apply tells how the licence stands and bounds the work by it.
func (l *licensing) apply(s standing) {
	l.limit(s.pages())
	if s.none {
		l.log.Info("no licence is active; one server needs none")
		return
	}
	l.log.Info("licence", "code", int(s.code), "state", s.code.Text(), "key", s.signed.Key, "role", roleWord(s.signed.Key))
	for _, p := range s.problems {
		level := slog.LevelError
		if p.Code == license.NearExpiry {
			level = slog.LevelWarn
		}
		l.log.Log(context.Background(), level, p.Message, "code", p.ID(), "cause", p.Cause, "remedy", p.Remedy)
	}
}

// view is a standing as the API tells it.
func (l *licensing) view() (api.License, error) {
	s := l.look()
	out := api.License{
		Code: int(s.code), State: s.code.Text(), DaysLeft: s.days,
		Key: string(s.signed.Key), Role: string(s.signed.Key.Role()), Kind: string(s.signed.Kind), Holder: s.signed.Holder, Signer: s.signed.Signer,
		Cores: s.signed.Cores, MACs: s.signed.MACs, Begins: s.signed.NotBefore, Expires: s.signed.Expires,
		Machine: api.Machine{Cores: s.machine.cores, Others: s.peer.cores, MACs: append([]string{}, s.machine.macs...)},
	}
	for _, p := range s.problems {
		out.Problems = append(out.Problems, api.LicenseProblem{Code: p.ID(), Message: p.Message, Cause: p.Cause, Remedy: p.Remedy})
	}
	if s.none && len(out.Problems) == 0 {
		if _, err := os.Stat(l.dir); err != nil {
			return out, nil
		}
	}
	shelf, err := l.open()
	if err != nil {
		return out, err
	}
	keys, err := shelf.List()
	if err != nil {
		return out, err
	}
	for _, k := range keys {
		out.Imported = append(out.Imported, string(k))
	}
	trusted, err := shelf.Trusted()
	for _, k := range trusted {
		out.Trusted = append(out.Trusted, license.NameOf(k))
	}
	return out, err
}

func roleWord(k license.Key) string {
	if k == "" {
		return "none"
	}
	return k.Role().String()
}
