package cache

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

func key(n int) Key { return KeyOf(fmt.Append(nil, n)) }

// opened opens a store whose clock moves a second with each look, so that files differ in
// time, and waits until it knows what it has.
func opened(t testing.TB, dir string, cfg Config) *Store {
	t.Helper()
	now := time.Now()
	var mu sync.Mutex
	cfg.Now = func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		now = now.Add(time.Second)
		return now
	}
	s, err := Open(dir, cfg)
	if err != nil {
		t.Fatal(err)
	}
	<-s.loaded
	t.Cleanup(s.Close)
	return s
}

func has(s *Store, keys ...int) (there []int) {
	for _, n := range keys {
		if _, ok := s.Get(key(n)); ok {
			there = append(there, n)
		}
	}
	return there
}

func TestWhatWasPutComesBack(t *testing.T) {
	s := opened(t, t.TempDir(), Config{})
	if _, ok := s.Get(key(1)); ok {
		t.Error("an empty store has an entry")
	}
	for _, value := range []string{"", "one", "another"} {
		s.Put(key(1), []byte(value))
		if got, ok := s.Get(key(1)); !ok || string(got) != value {
			t.Errorf("got %q, %v, want %q", got, ok, value)
		}
	}
	want := Stats{Entries: 1, Bytes: 4096, Hits: 3, Misses: 1, Puts: 3}
	if got := s.Stats(); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestTheEntryThatWasNotUsedForLongestGoesFirst(t *testing.T) {
	for name, cfg := range map[string]Config{"by count": {Entries: 3}, "by bytes": {Bytes: 3 * 4096, Entry: 4000}} {
		t.Run(name, func(t *testing.T) {
			s := opened(t, t.TempDir(), cfg)
			for n := range 3 {
				s.Put(key(n), []byte("x"))
			}
			has(s, 0)
			s.Put(key(3), []byte("x"))
			if got := fmt.Sprint(has(s, 0, 1, 2, 3)); got != "[0 2 3]" {
				t.Errorf("left are %s", got)
			}
			if got := s.Stats(); got.Evicted != 1 || got.Entries != 3 || got.Bytes != 3*4096 {
				t.Errorf("got %+v", got)
			}
			if _, err := os.Lstat(s.place(key(1))); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("its file: %v", err)
			}
		})
	}
}

// The order of use outlives a restart, and so do the bounds, which may be narrower then.
func TestEntriesOutliveARestart(t *testing.T) {
	dir := t.TempDir()
	s := opened(t, dir, Config{})
	for n := range 4 {
		s.Put(key(n), []byte("x"))
	}
	has(s, 1)
	s.Close()
	if err := os.WriteFile(filepath.Join(s.fresh(), "entry-torn"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	s = opened(t, dir, Config{Entries: 2})
	if got := s.Stats(); got.Entries != 2 || got.Bytes != 2*4096 {
		t.Errorf("got %+v", got)
	}
	if got := fmt.Sprint(has(s, 0, 1, 2, 3)); got != "[1 3]" {
		t.Errorf("left are %s", got)
	}
	if left, err := os.ReadDir(s.fresh()); err != nil || len(left) > 0 {
		t.Errorf("half an entry is left: %v, %v", left, err)
	}
}

// An entry that lies there is given before the store has counted it.
func TestEntriesAreThereBeforeTheyAreCounted(t *testing.T) {
	dir := t.TempDir()
	s := opened(t, dir, Config{})
	s.Put(key(1), []byte("x"))
	s.Close()
	s, err := Open(dir, Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if got := has(s, 1); len(got) != 1 {
		t.Error("it is not there")
	}
}

func TestADamagedEntryIsDropped(t *testing.T) {
	value := bytes.Repeat([]byte("value"), 100)
	for name, damage := range map[string]func(string) error{
		"a flipped bit of the value": func(path string) error { return flip(path, -1) },
		"of the checksum":            func(path string) error { return flip(path, 10) },
		"of the head":                func(path string) error { return flip(path, 0) },
		"cut":                        func(path string) error { return os.Truncate(path, 100) },
		"empty":                      func(path string) error { return os.Truncate(path, 0) },
		"far too long":               func(path string) error { return os.Truncate(path, 1<<30) },
		"another entry's file":       func(path string) error { return os.WriteFile(path, fileOf(key(2), value), 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			s := opened(t, t.TempDir(), Config{})
			s.Put(key(1), value)
			if err := damage(s.place(key(1))); err != nil {
				t.Fatal(err)
			}
			if _, ok := s.Get(key(1)); ok {
				t.Error("it was given")
			}
			if got := s.Stats(); got.Damaged != 1 || got.Entries != 0 || got.Bytes != 0 {
				t.Errorf("got %+v", got)
			}
			s.Put(key(1), value)
			if got, ok := s.Get(key(1)); !ok || !bytes.Equal(got, value) {
				t.Error("it cannot be put again")
			}
		})
	}
}

func fileOf(k Key, value []byte) []byte {
	return append(append([]byte(magic), checksum(k, value)...), value...)
}

func flip(path string, at int) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if at < 0 {
		at += len(data)
	}
	data[at] ^= 4
	return os.WriteFile(path, data, 0o600)
}

// What somebody removed is a miss, and is not counted any longer.
func TestAFileThatIsGoneIsAMiss(t *testing.T) {
	s := opened(t, t.TempDir(), Config{})
	s.Put(key(1), []byte("x"))
	if err := os.RemoveAll(filepath.Dir(s.place(key(1)))); err != nil {
		t.Fatal(err)
	}
	if _, ok := s.Get(key(1)); ok || s.Stats().Entries != 0 || s.Stats().Damaged != 0 {
		t.Errorf("got %v, %+v", ok, s.Stats())
	}
}

func TestAFullDiskKeepsNothing(t *testing.T) {
	free := int64(1000)
	s := opened(t, t.TempDir(), Config{Reserve: 900, free: func(string) (int64, error) { return free, nil }})
	s.Put(key(1), make([]byte, 101))
	if got := s.Stats(); got.Unkept != 1 || got.Entries != 0 {
		t.Errorf("on a full disk: %+v", got)
	}
	s.Put(key(1), make([]byte, 100))
	if got := s.Stats(); got.Puts != 1 {
		t.Errorf("with room: %+v", got)
	}
	s.Put(key(2), make([]byte, s.cfg.Entry+1))
	if got := s.Stats(); got.Unkept != 2 {
		t.Errorf("too large: %+v", got)
	}
}

// A folder that takes nothing is no reason to fail, at any point.
func TestAFolderThatIsGoneKeepsNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	s := opened(t, dir, Config{})
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	s.Put(key(1), []byte("x"))
	if _, ok := s.Get(key(1)); ok || s.Stats().Unkept != 1 {
		t.Errorf("got %v, %+v", ok, s.Stats())
	}
}

func TestAClosedStoreKeepsNothing(t *testing.T) {
	s := opened(t, t.TempDir(), Config{})
	s.Close()
	s.Put(key(1), []byte("x"))
	if left, err := os.ReadDir(s.fresh()); s.Stats().Unkept != 1 || err != nil || len(left) > 0 {
		t.Errorf("got %+v, left %v, %v", s.Stats(), left, err)
	}
}

// What is not ours in the folder stays and is not counted.
func TestForeignFilesAreLeftAlone(t *testing.T) {
	dir := t.TempDir()
	at := filepath.Join(dir, "ab")
	if err := os.MkdirAll(at, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"note", key(1).String(), key(1).String() + "00"} {
		if err := os.WriteFile(filepath.Join(at, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s := opened(t, dir, Config{Entries: 1})
	s.Put(key(2), nil)
	s.Put(key(3), nil)
	if left, err := os.ReadDir(at); err != nil || len(left) != 3 || s.Stats().Entries != 1 {
		t.Errorf("left %v, %v; %+v", left, err, s.Stats())
	}
}

// Whatever many do at once, what is got is what was put, and the books are right.
func TestManyAtOnce(t *testing.T) {
	dir := t.TempDir()
	s := opened(t, dir, Config{Entries: 20, Bytes: 100 << 10})
	var all sync.WaitGroup
	for w := range 8 {
		all.Go(func() {
			random := rand.New(rand.NewPCG(1, uint64(w)))
			for range 300 {
				n := random.IntN(40)
				want := bytes.Repeat([]byte{byte(n)}, n*100)
				switch random.IntN(10) {
				case 0, 1, 2, 3:
					s.Put(key(n), want)
				case 4:
					s.Drop(key(n))
				default:
					if got, ok := s.Get(key(n)); ok && !bytes.Equal(got, want) {
						t.Errorf("entry %d: %d bytes that were not put", n, len(got))
					}
				}
			}
		})
	}
	all.Wait()
	got := s.Stats()
	if got.Entries > 20 || got.Bytes > 100<<10 || got.Evicted == 0 || got.Hits == 0 {
		t.Errorf("got %+v", got)
	}
	s.Close()
	if again := opened(t, dir, Config{}).Stats(); again.Entries != got.Entries || again.Bytes != got.Bytes {
		t.Errorf("the books said %+v, the folder says %+v", got, again)
	}
}

// pageText is as large as the compressed text of a dense page.
var pageText = bytes.Repeat([]byte("0123456789abcdef"), 2000)

func BenchmarkGet(b *testing.B) {
	s := opened(b, b.TempDir(), Config{})
	s.Put(key(1), pageText)
	b.SetBytes(int64(len(pageText)))
	for b.Loop() {
		if _, ok := s.Get(key(1)); !ok {
			b.Fatal("it is not there")
		}
	}
}

func BenchmarkMiss(b *testing.B) {
	s := opened(b, b.TempDir(), Config{})
	for b.Loop() {
		s.Get(key(1))
	}
}

func BenchmarkPut(b *testing.B) {
	for name, entries := range map[string]int{"room": 1 << 30, "full": 100} {
		b.Run(name, func(b *testing.B) {
			s := opened(b, b.TempDir(), Config{Entries: entries, Bytes: 1 << 40})
			b.SetBytes(int64(len(pageText)))
			n := 0
			for b.Loop() {
				n++
				s.Put(key(n%1000), pageText)
			}
		})
	}
}

func BenchmarkOpen(b *testing.B) {
	dir := b.TempDir()
	s := opened(b, dir, Config{})
	for n := range 10_000 {
		s.Put(key(n), nil)
	}
	for b.Loop() {
		s, err := Open(dir, Config{})
		if err != nil {
			b.Fatal(err)
		}
		<-s.loaded
		s.Close()
	}
}
