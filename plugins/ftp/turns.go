package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/twinleaf-scan/twinleaf/sdk/deliver"
)

// FTP has no lock, and a rename that replaces what is there. So deliveries into one folder
// take turns: who wants to plan and place puts a file of a name of its own into turnsDir,
// and looks. Alone there, it has the turn; otherwise it takes its file away and tries again
// later. Of two that come at once both put before they look, so at most one finds itself
// alone.
//
// Who crashes leaves its file. Names are never used twice: a file that somebody has seen for
// the time stale is one of a turn that is over, whatever the clocks say.
const turnsDir = deliver.Private + "/turns"

// turnSuffix ends the names in turnsDir that count: there are servers that put something of
// their own into every folder.
const turnSuffix = ".turn"

// pace is how long turns take.
type pace struct {
	turn  time.Duration // a rename begins within it
	stall time.Duration // that the server may leave us waiting meanwhile; a rename waits twice
	stale time.Duration // after which nothing of a turn is under way
	poll  time.Duration // between two looks, on average
}

var usual = pace{turn: 20 * time.Second, stall: 10 * time.Second, stale: 45 * time.Second, poll: 250 * time.Millisecond}

// wait is how long a call waits for others.
func (p pace) wait() time.Duration { return p.stale + time.Minute }

// errTurnOver is temporary: the next call goes on where this one stopped.
var errTurnOver = errors.New("the server was too slow for one turn; others may deliver now")

// errWaited is temporary too.
var errWaited = errors.New("other deliveries hold the folder")

// errHidden says that the server does not let us see our own files.
var errHidden = errors.New("the server does not list what lies in " + turnsDir)

// turns is turnsDir. Its names are without the folder.
type turns interface {
	names() ([]string, error)
	put(name string) error
	remove(name string) error
}

// turn is the right to plan and to place until its end.
type turn struct {
	name string // "": none
	end  time.Time
}

// spread is how much longer than one try the pauses between tries may be: those who have met
// meet again where they come back within the time that a try takes.
const spread = 8

// take waits for a turn.
func (p pace) take(ctx context.Context, in turns) (turn, error) {
	seen := map[string]time.Time{} // since when
	for {
		begun := time.Now()
		t, err := p.tryTake(in, seen)
		if err != nil || t.name != "" {
			return t, err
		}
		if err := deliver.Pause(ctx, p.poll/2+mathrand.N(p.poll+spread*time.Since(begun))); err != nil {
			return turn{}, fmt.Errorf("%w: %w", errWaited, err)
		}
	}
}

// tryTake gives no turn where somebody else is there.
func (p pace) tryTake(in turns, seen map[string]time.Time) (turn, error) {
	names, err := in.names()
	if err != nil || p.busy(in, names, seen) {
		return turn{}, err
	}
	mine := turn{strings.ToLower(rand.Text()) + turnSuffix, time.Now().Add(p.turn)}
	if err := in.put(mine.name); err != nil {
		_ = in.remove(mine.name)
		return turn{}, err
	}
	names, err = in.names()
	if err == nil && !slices.Contains(names, mine.name) {
		err = errHidden
	}
	others := slices.DeleteFunc(names, func(name string) bool { return name == mine.name })
	if err != nil || p.busy(in, others, seen) {
		_ = in.remove(mine.name)
		return turn{}, err
	}
	return mine, nil
}

// busy reports whether one of the names may be of a turn that goes on, and removes the others.
func (p pace) busy(in turns, names []string, seen map[string]time.Time) bool {
	now, live := time.Now(), false
	for _, name := range names {
		since, known := seen[name]
		if !known {
			seen[name], since = now, now
		}
		if now.Sub(since) < p.stale {
			live = true
			continue
		}
		_ = in.remove(name) // or it goes with the next delivery
	}
	return live
}

// Lock is part of deliver.Locker.
func (f *files) Lock(ctx context.Context) (func(), error) {
	ctx, cancel := context.WithTimeout(ctx, f.pace.wait())
	defer cancel()
	f.way.patience(f.pace.stall)
	var err error
	if f.turn, err = f.pace.take(ctx, turnFiles{f}); err != nil {
		return nil, err
	}
	return func() {
		_ = turnFiles{f}.remove(f.turn.name)
		f.turn = turn{}
		f.way.patience(stallTimeout)
	}, nil
}

// turnFiles are the files of the turns on the server.
type turnFiles struct{ files *files }

func (t turnFiles) names() ([]string, error) {
	names, err := t.files.ftp.NameList(turnsDir)
	if saysNone(err) {
		return nil, nil
	}
	for i, name := range names {
		names[i] = path.Base(name)
	}
	return slices.DeleteFunc(names, func(name string) bool { return !strings.HasSuffix(name, turnSuffix) }), err
}

func (t turnFiles) put(name string) error {
	const words = "a delivery plans or places its files\n"
	if err := t.files.ftp.Stor(turnsDir+"/"+name, strings.NewReader(words)); err != nil {
		return fmt.Errorf("write %s/%s: %w", turnsDir, name, err)
	}
	return nil
}

func (t turnFiles) remove(name string) error { return t.files.ftp.Delete(turnsDir + "/" + name) }
