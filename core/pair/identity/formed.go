package identity

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/twinleaf-scan/twinleaf/core/pair"
	"github.com/twinleaf-scan/twinleaf/internal/durable"
	"github.com/twinleaf-scan/twinleaf/internal/strict"
)

// Peer is the other server of a pair.
type Peer struct {
	ID          string   `json:"id"`
	Name        string   `json:"name"`
	Fingerprint string   `json:"fingerprint"`   // see [Fingerprint]
	Addresses   []string `json:"addresses"`     // host:port of its listener for the peer, tried in order
	URL         string   `json:"url,omitempty"` // its public web address
}

// Formed is the pair that a server is in.
type Formed struct {
	Pair    string        `json:"pair"` // id that both servers were given
	Role    pair.Role     `json:"role"` // of this server when the pair was formed
	Peer    Peer          `json:"peer"`
	At      time.Time     `json:"at"`
	Signer  string        `json:"signer,omitempty"` // public key that both licences are signed with; empty: they have none
	Silence time.Duration `json:"silence"`          // nanoseconds
	Manual  bool          `json:"manual,omitempty"` // only people take over
}

// formedForm is the number of pair.json's form.
const formedForm = 1

type formedText struct {
	Format int `json:"format"`
	Formed
}

// Bounds of what a pair may be said to be.
const (
	maxAddresses = 8
	maxText      = 1000 // bytes
	maxFile      = 64 << 10
)

// Check says what is wrong with a pair.
func (f Formed) Check() error {
	switch {
	case f.Pair == "" || len(f.Pair) > maxText:
		return errors.New("the pair has no id")
	case f.Role != pair.Primary && f.Role != pair.Secondary:
		return fmt.Errorf("the role %.20q is neither primary nor secondary", f.Role)
	case !ValidID(f.Peer.ID):
		return fmt.Errorf("%.60q cannot be the id of a server", f.Peer.ID)
	case len(f.Peer.Addresses) == 0 || len(f.Peer.Addresses) > maxAddresses:
		return fmt.Errorf("the peer has %d addresses, 1 to %d are possible", len(f.Peer.Addresses), maxAddresses)
	case slices.ContainsFunc(append([]string{f.Peer.Name, f.Peer.URL, f.Signer}, f.Peer.Addresses...), func(s string) bool { return len(s) > maxText }):
		return fmt.Errorf("a text has more than %d bytes", maxText)
	case f.Silence < 0:
		return errors.New("the silence is less than none")
	}
	if sum, err := hex.DecodeString(f.Peer.Fingerprint); err != nil || len(sum) != 32 {
		return fmt.Errorf("%.70q is no fingerprint", f.Peer.Fingerprint)
	}
	return nil
}

// Formed is the pair that this server is in; nil: it is in none.
func (i *Identity) Formed() (*Formed, error) {
	raw, err := readSmall(i.path(pairFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the pair: %w", err)
	}
	const hint = restore + "; if there is none, leave the pair on both servers and form it again"
	var t formedText
	if err := strict.JSON(raw, &t); err != nil {
		return nil, broken(i.path(pairFile), fmt.Sprintf("is damaged (%v)", err), hint)
	}
	if t.Format != formedForm {
		return nil, broken(i.path(pairFile), fmt.Sprintf("has form %d, this version of Twinleaf knows form %d", t.Format, formedForm), "start the version of Twinleaf that wrote it")
	}
	if err := t.Check(); err != nil {
		return nil, broken(i.path(pairFile), fmt.Sprintf("cannot be right: %v", err), hint)
	}
	if t.Peer.ID == i.ID {
		return nil, broken(i.path(pairFile), fmt.Sprintf("names this server, %s, as its own peer", i.ID), "was the data folder copied from the peer? "+Copied)
	}
	return &t.Formed, nil
}

// Copied is what to do where a server was begun with a copy of another one's data.
const Copied = "every server begins with an empty data folder of its own: stop the server, move its data folder away and start it again"

// ErrPaired is the error of a server that is in another pair.
var ErrPaired = errors.New("this server is in a pair")

// Form makes this server one of a pair, or says anew what the peer of its pair is. It is
// on disk when Form returns.
func (i *Identity) Form(f Formed) error {
	if err := f.Check(); err != nil {
		return fmt.Errorf("form the pair: %w", err)
	}
	if f.Peer.ID == i.ID || f.Peer.Fingerprint == i.Fingerprint {
		return fmt.Errorf("form the pair: the peer is this server itself, %s\nhint: %s", i.ID, Copied)
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	was, err := i.Formed()
	if err != nil {
		return err
	}
	if was != nil && (was.Pair != f.Pair || was.Peer.ID != f.Peer.ID) {
		return fmt.Errorf("form the pair: %w with %s\nhint: leave it first: twinleaf pair leave", ErrPaired, was.Peer.ID)
	}
	f.At = f.At.UTC().Truncate(time.Second)
	text, err := json.MarshalIndent(formedText{formedForm, f}, "", "  ")
	if err != nil {
		return fmt.Errorf("form the pair: %w", err)
	}
	if err := durable.Write(i.path(pairFile), append(text, '\n'), 0o600); err != nil {
		return fmt.Errorf("form the pair: %w", err)
	}
	return nil
}

// maxLeft bounds how many pairs that were left are kept.
const maxLeft = 10_000

// Leave makes this server one of no pair. What pair.json said is kept for people as
// pair.json.left-1, or the next free number. To leave no pair is no error, and so is to
// leave one whose file is damaged.
func (i *Identity) Leave() error {
	i.mu.Lock()
	defer i.mu.Unlock()
	for n := 1; n <= maxLeft; n++ {
		left := fmt.Sprintf("%s.left-%d", i.path(pairFile), n)
		if _, err := os.Lstat(left); err == nil {
			continue
		}
		err := os.Rename(i.path(pairFile), left)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil {
			err = durable.Sync(i.dir)
		}
		if err != nil {
			return fmt.Errorf("leave the pair: %w", err)
		}
		return nil
	}
	return fmt.Errorf("leave the pair: %d pairs were left before\nhint: delete some of %s.left-*", maxLeft, i.path(pairFile))
}

// readSmall reads a file that is never large.
func readSmall(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close() // read only
	raw, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(raw) > maxFile {
		err = broken(path, fmt.Sprintf("has more than %d bytes", maxFile), restore)
	}
	return raw, err
}
