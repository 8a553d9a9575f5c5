package secret

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/twinleaf-scan/twinleaf/internal/durable"
)

// Key is what secrets are sealed with. It prints as the mask.
type Key [32]byte

// String keeps a key out of logs; see Export.
func (Key) String() string { return "********" }

// GoString keeps a key out of logs, too.
func (k Key) GoString() string { return k.String() }

// Export is the key as text, for another server: 44 characters of Base64.
func (k Key) Export() string { return base64.StdEncoding.EncodeToString(k[:]) }

// Import reads a key that Export gave.
func Import(text string) (Key, error) {
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil || len(raw) != len(Key{}) {
		return Key{}, errors.New("this is no secret key: 44 characters of Base64 are expected")
	}
	return Key(raw), nil
}

// Where the key lies.
const (
	FileKey        = "TWINLEAF_SECRET_KEY_FILE" // environment: path of the key's file
	credentialsKey = "CREDENTIALS_DIRECTORY"    // environment: folder of systemd's credentials
	credential     = "twinleaf-secret-key"      // in that folder
	fileName       = "secret.key"               // in the data folder
)

// Load reads the server's key: from the file that the environment names, else from
// systemd's credential, else from the data folder, where it is made when it is not there.
func Load(data string, getenv func(string) string) (Key, error) {
	if path := getenv(FileKey); path != "" {
		return read(path)
	}
	if dir := getenv(credentialsKey); dir != "" {
		key, err := read(filepath.Join(dir, credential))
		if !errors.Is(err, fs.ErrNotExist) {
			return key, err
		}
	}
	path := filepath.Join(data, fileName)
	key, err := read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return create(path)
	}
	if err != nil {
		return key, err
	}
	return key, private(path)
}

func read(path string) (Key, error) {
	f, err := os.Open(path)
	if err != nil {
		return Key{}, fmt.Errorf("secret key: %w", err)
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, int64(len(Key{}))+1))
	if err != nil {
		return Key{}, fmt.Errorf("secret key: %w", err)
	}
	if len(raw) != len(Key{}) {
		return Key{}, fmt.Errorf("secret key: %s does not have exactly %d bytes\nhint: bring back the right file; a new one is made with: head -c %d /dev/urandom", path, len(Key{}), len(Key{}))
	}
	return Key(raw), nil
}

// private refuses a key that others may read.
func private(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("secret key: %w", err)
	}
	if open := info.Mode().Perm() & 0o077; open != 0 {
		return fmt.Errorf("secret key: %s may be read by others (mode %#o)\nhint: chmod 600 %s", path, info.Mode().Perm(), path)
	}
	return nil
}

// create writes a new key and waits until it is on disk: what is sealed with it must
// not outlive it.
func create(path string) (Key, error) {
	var key Key
	if _, err := rand.Read(key[:]); err != nil {
		return key, fmt.Errorf("secret key: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return key, fmt.Errorf("secret key: %w", err)
	}
	temp, err := os.CreateTemp(filepath.Dir(path), ".secret-key-*") // 0600
	if err != nil {
		return key, fmt.Errorf("secret key: %w", err)
	}
	defer os.Remove(temp.Name())
	_, err = temp.Write(key[:])
	if err = errors.Join(err, temp.Sync(), temp.Close()); err != nil {
		return key, fmt.Errorf("secret key: %w", err)
	}
	// A link does not overwrite: of two servers that begin at once, one makes the key.
	if err := os.Link(temp.Name(), path); errors.Is(err, fs.ErrExist) {
		return read(path)
	} else if err != nil {
		return key, fmt.Errorf("secret key: %w", err)
	}
	if err := durable.Sync(filepath.Dir(path)); err != nil {
		return key, fmt.Errorf("secret key: %w", err)
	}
	return key, nil
}
