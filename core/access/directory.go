package access

import (
	"cmp"
	"context"
	"crypto/rand"
	"io"
	"strings"
	"sync"
	"time"
)

// Settings are the shared settings as they are kept, with their secrets sealed.
type Settings interface {
	// Setting gives the value of a key, nil where it is not set.
	Setting(key string) ([]byte, error)
	// Settings gives the values of all keys that begin with a prefix.
	Settings(prefix string) (map[string][]byte, error)
	// SetSetting changes a key for good; nil removes it. user is who wants it.
	SetSetting(ctx context.Context, key string, value []byte, user string) error
}

// Sealer seals the session key for its place among the settings.
type Sealer interface {
	Seal(place, clear string) (string, error)
	Open(place, sealed string) (string, error)
}

// Config is what may be turned. The zero value works.
type Config struct {
	Life    time.Duration // of a session, from the log-in; default 12 h
	Idle    time.Duration // of a session that is not used; default 30 min
	Hashes  int           // passwords hashed at the same time, 19 MiB each; default 2
	Callers int           // names and addresses whose failed log-ins are remembered; default 10,000

	cost cost // of hashing a password; default present. Tests take less

	Now    func() time.Time // default time.Now
	Random io.Reader        // default the system's
}

func (c Config) withDefaults() Config {
	c.Life = cmp.Or(c.Life, 12*time.Hour)
	c.Idle = cmp.Or(c.Idle, 30*time.Minute)
	c.Hashes = cmp.Or(c.Hashes, 2)
	c.Callers = cmp.Or(c.Callers, 10_000)
	if c.cost == (cost{}) {
		c.cost = present
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Random == nil {
		c.Random = rand.Reader
	}
	return c
}

// Directory answers who somebody is and keeps users and tokens. Its methods may be
// called from any goroutine.
type Directory struct {
	config   Config
	settings Settings
	sealer   Sealer
	hashing  chan struct{} // one token for each password that is being hashed
	tries    *limiter
	ended    *limited[struct{}] // sessions that were logged out here, by id
	used     *limited[time.Time]

	changing sync.Mutex // held from looking at users and tokens to changing them
}

// New makes a directory over the settings.
func New(c Config, settings Settings, sealer Sealer) *Directory {
	c = c.withDefaults()
	return &Directory{
		config: c, settings: settings, sealer: sealer, hashing: make(chan struct{}, c.Hashes),
		tries: newLimiter(c.Callers), ended: newLimited[struct{}](maxEnded), used: newLimited[time.Time](maxTokens),
	}
}

// Open reports whether there is neither a user nor a token.
func (d *Directory) Open() (bool, error) {
	for _, prefix := range []string{userPrefix, tokenPrefix} {
		found, err := d.settings.Settings(prefix)
		if err != nil || len(found) > 0 {
			return false, err
		}
	}
	return true, nil
}

// Private reports whether the value of a setting is nobody's business: only a Directory
// reads and writes it.
func Private(key string) bool {
	return strings.HasPrefix(key, userPrefix) || strings.HasPrefix(key, tokenPrefix) || strings.HasPrefix(key, keyPrefix)
}

// Codes of failures that only this package has; see package core for the others.
const (
	CodeUnauthorized = "unauthorized"   // the credential is none, or no more
	CodeTooMany      = "too-many-tries" // log-ins failed too often
)
