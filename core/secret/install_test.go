package secret

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

func noEnv(string) string { return "" }

func loaded(t *testing.T, data string) Key {
	t.Helper()
	k, err := Load(data, noEnv)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func files(t *testing.T, data string) []string {
	t.Helper()
	entries, err := os.ReadDir(data)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func TestAKeyIsTakenAndTheOldOneKept(t *testing.T) {
	data := t.TempDir()
	old, next := loaded(t, data), Key{1, 2, 3}
	for _, k := range []Key{next, next, {4}} {
		if err := Stage(data, k); err != nil {
			t.Fatal(err)
		}
		if got := loaded(t, data); got == k && k != next {
			t.Error("a staged key is in use")
		}
		for range 2 { // once more, as after a power cut
			if err := Settle(data, true); err != nil {
				t.Fatal(err)
			}
		}
		if got := loaded(t, data); got != k {
			t.Errorf("got %v after Settle", got.Export())
		}
	}
	if want := []string{"secret.key", "secret.key.left-1", "secret.key.left-2"}; !reflect.DeepEqual(files(t, data), want) {
		t.Errorf("got %v, want %v", files(t, data), want)
	}
	if kept, err := read(filepath.Join(data, "secret.key.left-1")); err != nil || kept != old {
		t.Errorf("the old key is not kept: %v", err)
	}
}

func TestASettlementThatWasCutOffKeepsTheOldKeyOnce(t *testing.T) {
	data := t.TempDir()
	old := loaded(t, data)
	if err := Stage(data, Key{1}); err != nil {
		t.Fatal(err)
	}
	if err := keepOld(filepath.Join(data, fileName), old); err != nil { // and then the power went
		t.Fatal(err)
	}
	if err := Settle(data, true); err != nil {
		t.Fatal(err)
	}
	if want := []string{"secret.key", "secret.key.left-1"}; !reflect.DeepEqual(files(t, data), want) || loaded(t, data) != (Key{1}) {
		t.Errorf("got %v, want %v", files(t, data), want)
	}
}

func TestAStagedKeyIsForgottenOutsideOfAPair(t *testing.T) {
	data := t.TempDir()
	old := loaded(t, data)
	if err := Stage(data, Key{1}); err != nil {
		t.Fatal(err)
	}
	if err := Settle(data, false); err != nil {
		t.Fatal(err)
	}
	if got := files(t, data); len(got) != 1 || loaded(t, data) != old {
		t.Errorf("got %v", got)
	}
}

func TestADamagedStagedKeyIsNotTaken(t *testing.T) {
	data := t.TempDir()
	old := loaded(t, data)
	if err := os.WriteFile(filepath.Join(data, stagedName), []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := Settle(data, true); err == nil || loaded(t, data) != old {
		t.Errorf("got %v", err)
	}
}

func TestAKeyFromOutsideIsFixed(t *testing.T) {
	dir := t.TempDir()
	env := map[string]string{}
	get := func(name string) string { return env[name] }
	if Fixed(get) {
		t.Error("no key is given from outside")
	}
	env[credentialsKey] = dir
	if Fixed(get) {
		t.Error("there is no credential")
	}
	if err := os.WriteFile(filepath.Join(dir, credential), make([]byte, 32), 0o600); err != nil {
		t.Fatal(err)
	}
	if !Fixed(get) {
		t.Error("the credential is the key")
	}
	if env = map[string]string{FileKey: "x"}; !Fixed(get) {
		t.Error("the file is the key")
	}
}

func TestADigestTellsKeysApart(t *testing.T) {
	if a, b := (Key{1}).Digest(), (Key{2}).Digest(); a == b || len(a) != 64 {
		t.Errorf("%s and %s", a, b)
	}
}
