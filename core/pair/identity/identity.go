// Package identity is who a server is: an id that it keeps for ever, the key by which
// its peer knows it, and the pair that it is in.
//
// It is a folder of four files:
//
//	key.pem        the private key, for the server's user alone
//	cert.pem       a certificate of the key, signed by itself and named by the id
//	identity.json  the id; with it the folder is whole
//	pair.json      the pair that the server is in; missing: none
//
// Each is written in one piece, so that a power cut leaves the old or the new one. Since
// identity.json comes last, a first start that was cut off is made again.
//
// A peer is known by its key alone: nobody asks for the certificate's dates or names.
package identity

import (
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"time"

	"github.com/twinleaf-scan/twinleaf/internal/durable"
	"github.com/twinleaf-scan/twinleaf/internal/strict"
)

// Identity is who a server is. Form, Formed and Leave may be called from any goroutine.
type Identity struct {
	ID          string // for ever, e.g. north-k7q2
	Name        string // for people; may change from start to start
	Cert        tls.Certificate
	Fingerprint string // see [Fingerprint]

	dir string
	mu  sync.Mutex // held while pair.json is changed
}

// Files of the folder.
const (
	idFile   = "identity.json"
	keyFile  = "key.pem"
	certFile = "cert.pem"
	pairFile = "pair.json"
)

// idForm is the number of identity.json's form.
const idForm = 1

// idText is what identity.json says.
type idText struct {
	Format int       `json:"format"`
	ID     string    `json:"id"`
	Made   time.Time `json:"made"`
}

// Open reads the identity in a folder, and makes it at the first start. The id of a new
// server is its name with four random letters or digits. A server that has a journal
// already keeps its name as id, for the journal and its jobs are named by it.
//
// The name is one that a configuration may have: letters, digits and dashes, at most 40.
func Open(dir, name string, journalExists bool) (*Identity, error) {
	if !validID.MatchString(name) {
		return nil, fmt.Errorf("identity: %.60q cannot be a server's name", name)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("identity: %w", err)
	}
	if err := durable.Sync(filepath.Dir(dir)); err != nil {
		return nil, fmt.Errorf("identity: %w", err)
	}
	i := &Identity{Name: name, dir: dir}
	id, err := readSmall(i.path(idFile))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		err = i.begin(journalExists)
	case err == nil:
		err = i.resume(id)
	}
	if err != nil {
		return nil, fmt.Errorf("identity: %w", err)
	}
	return i, nil
}

// begin makes everything that a server needs at its first start.
func (i *Identity) begin(journalExists bool) error {
	if _, err := os.Stat(i.path(pairFile)); err == nil {
		return broken(i.path(idFile), "is missing, though this server is in a pair", restore)
	}
	i.ID = i.Name
	if !journalExists {
		i.ID += "-" + suffix()
	}
	if err := i.newKey(); err != nil {
		return err
	}
	text, err := json.Marshal(idText{idForm, i.ID, time.Now().UTC().Truncate(time.Second)})
	if err != nil {
		return err
	}
	return durable.Write(i.path(idFile), append(text, '\n'), 0o600)
}

// resume takes the id and the key that are there.
func (i *Identity) resume(raw []byte) error {
	var t idText
	if err := strict.JSON(raw, &t); err != nil {
		return broken(i.path(idFile), fmt.Sprintf("is damaged (%v)", err), restore)
	}
	if t.Format != idForm {
		return broken(i.path(idFile), fmt.Sprintf("has form %d, this version of Twinleaf knows form %d", t.Format, idForm), "start the version of Twinleaf that wrote it")
	}
	if !validID.MatchString(t.ID) {
		return broken(i.path(idFile), fmt.Sprintf("names no server: %.60q", t.ID), restore)
	}
	i.ID = t.ID
	return i.readKey()
}

func (i *Identity) path(name string) string { return filepath.Join(i.dir, name) }

// validID is a name of at most 40 characters, with room for what makes it an id.
var validID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]{0,44}$`)

// ValidID reports whether a text can be the id of a server.
func ValidID(id string) bool { return validID.MatchString(id) }

// letters has no two that are taken for each other.
const letters = "23456789abcdefghjkmnpqrstuvwxyz"

// suffix is four random letters or digits.
func suffix() string {
	s := make([]byte, 0, 4)
	for len(s) < cap(s) {
		var b [1]byte
		_, _ = rand.Read(b[:])                 // never fails
		if b[0] < byte(256-256%len(letters)) { // else some would come more often
			s = append(s, letters[int(b[0])%len(letters)])
		}
	}
	return string(s)
}

// restore is what helps where a file of the folder is gone or damaged.
const restore = "stop the server and bring the file back from a backup"

// broken says what is wrong with a file, and what to do.
func broken(path, what, hint string) error {
	return fmt.Errorf("%s %s\nhint: %s", path, what, hint)
}
