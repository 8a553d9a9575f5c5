package secret

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/twinleaf-scan/twinleaf/internal/durable"
)

// Digest tells one key from another and nothing else of it: 64 hexadecimal digits.
func (k Key) Digest() string {
	sum := sha256.Sum256(append([]byte("twinleaf secret key\n"), k[:]...))
	return hex.EncodeToString(sum[:])
}

// Fixed reports whether the key is given to the server from outside, so that it cannot
// take another one.
func Fixed(getenv func(string) string) bool {
	if getenv(FileKey) != "" {
		return true
	}
	dir := getenv(credentialsKey)
	if dir == "" {
		return false
	}
	_, err := os.Stat(filepath.Join(dir, credential))
	return err == nil
}

// stagedName is where a key waits beside that of the data folder.
const stagedName = fileName + ".joining"

// Stage puts a key on disk beside the server's own, which stays in use. Settle decides.
func Stage(data string, k Key) error {
	if err := durable.Write(filepath.Join(data, stagedName), k[:], 0o600); err != nil {
		return fmt.Errorf("secret key: %w", err)
	}
	return nil
}

// Settle ends what Stage began. With take, the staged key becomes that of the data folder,
// and the old one is kept as secret.key.left-1, or the next free number; else the staged
// one goes. Cut off, it may be asked again; where nothing was staged it does nothing.
func Settle(data string, take bool) error {
	staged, path := filepath.Join(data, stagedName), filepath.Join(data, fileName)
	next, err := read(staged)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil && take {
		return err
	}
	now, err := read(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if !take || err == nil && now == next {
		err = os.Remove(staged)
	} else {
		if err = keepOld(path, now); err == nil {
			err = os.Rename(staged, path)
		}
	}
	if err == nil {
		err = durable.Sync(data)
	}
	if err != nil {
		return fmt.Errorf("secret key: %w", err)
	}
	return nil
}

// maxKept bounds how many old keys are kept.
const maxKept = 1000

// keepOld gives the key's file a second name, unless it has one already.
func keepOld(path string, key Key) error {
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for n := 1; n <= maxKept; n++ {
		name := fmt.Sprintf("%s.left-%d", path, n)
		err := os.Link(path, name)
		if err == nil {
			return durable.Sync(filepath.Dir(path))
		}
		if !errors.Is(err, fs.ErrExist) {
			return err
		}
		if was, err := read(name); err == nil && was == key {
			return nil
		}
	}
	return fmt.Errorf("%d old keys are kept beside %s already", maxKept, path)
}
