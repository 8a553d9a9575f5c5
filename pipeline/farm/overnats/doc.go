// Package overnats carries pages between a server and its workers over NATS: plain
// requests and replies, no queue group and no stream, for the dispatcher alone knows
// what is to be done.
//
//	twinleaf.v1.servers                  who is there? every server answers with its id
//	twinleaf.v1.SERVER.hello.WORKER      a worker is there, every 2 s
//	twinleaf.v1.SERVER.bye.WORKER        it goes
//	twinleaf.v1.SERVER.blob.WORKER       it wants a part of an image that it was given
//	twinleaf.v1.SERVER.worker.WORKER.page  the server wants a page read
//	twinleaf.v1.SERVER.worker.WORKER.drop  it wants it no more
//	twinleaf.v1.SERVER.reply.WORKER.PAGE   what becomes of the page: beats, and the answer
//
// A worker that reads a page says so each second; when nothing was heard of it for 3 s
// the page goes to another place. PAGE is a new word for every asking, so what comes late
// reaches nobody. Nothing is kept by NATS: what was under way when it broke is asked again.
//
// The server's side is [Serve], the worker's [Work]. [Listen] is a NATS server inside of
// the server's own program, for those who run none.
package overnats

import (
	"crypto/rand"
	"encoding/hex"
	"regexp"
	"time"
)

// root begins every subject; the number changes when an older side would misunderstand.
const root = "twinleaf.v1."

// discovery is asked by workers that were not told which server is theirs.
const discovery = root + "servers"

// Times that both sides go by.
const (
	helloEvery = 2 * time.Second
	goneAfter  = 3 * helloEvery  // without a hello
	beatEvery  = 1 * time.Second // while a page is read
	lostAfter  = 3 * beatEvery   // without a beat
	askWithin  = 5 * time.Second // for a short question
)

// Bounds of what the other side may send.
const (
	maxTask    = 256 << 10 // bytes of a page's task, most of it settings of the recognizer
	maxHello   = 4 << 10
	maxAsk     = 1 << 10  // bytes of a request for a part of an image
	maxAnswer  = 96 << 20 // bytes of an answer, unpacked: a page's text and what is said of it
	maxPacked  = 32 << 20 // bytes of an answer on the way
	maxImage   = 1 << 30  // bytes of a page image
	maxSlots   = 1024     // of one worker
	maxText    = 1000     // bytes of a name or a reason
	minPayload = 16 << 10 // bytes that a message must be able to carry
	maxPiece   = 512 << 10
)

var (
	idShape   = regexp.MustCompile(`^[0-9a-f]{24}$`)                    // of workers and pages
	nameShape = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`) // of workers, for people
	hostShape = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]{0,44}$`)   // of servers, see core/pair/identity
	refShape  = regexp.MustCompile(`^[0-9a-f]{64}$`)                    // of blobs
)

// ValidName reports whether a worker can have a name.
func ValidName(name string) bool { return nameShape.MatchString(name) }

// newID is a word that nobody guesses and that never comes again.
func newID() string {
	var b [12]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// subjects of one worker of one server.
type subjects struct{ server, worker string }

func (s subjects) hello() string          { return root + s.server + ".hello." + s.worker }
func (s subjects) bye() string            { return root + s.server + ".bye." + s.worker }
func (s subjects) blob() string           { return root + s.server + ".blob." + s.worker }
func (s subjects) page() string           { return root + s.server + ".worker." + s.worker + ".page" }
func (s subjects) drop() string           { return root + s.server + ".worker." + s.worker + ".drop" }
func (s subjects) reply(id string) string { return root + s.server + ".reply." + s.worker + "." + id }
func (s subjects) inbox() string          { return "_INBOX." + s.worker }

// piece is how many bytes of a file go into one message, of which limit bytes are possible.
func piece(limit int64) int64 { return min(limit/2, maxPiece) }
