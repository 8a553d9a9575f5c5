package store

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/twinleaf-scan/twinleaf/sdk"
)

const (
	anH1     = "h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
	otherH1  = "h1:e3b0xEKY/BwUmvv0yJlvuSQnrkHkZJuTTKSVmRt4Urg="
	aSchema  = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	anEntry  = "a.b 1.0.0 program=ab sdk=2 kind=filter signer=none perms=none schema=" + aSchema
	aHash    = "\n  h1 linux/amd64 " + anH1 + "\n"
	goodLock = "# a comment\n\n" + anEntry + " active" + aHash + "a.b 2.0.0 program=bin/ab sdk=1 kind=filter,reader signer=acme+1f2e3d4c " +
		"perms=net:api.example.com:443,exec:pdftoppm,sharedmem,memory:512,cpu:60 schema=" + aSchema + aHash + "  h1 linux/arm64 " + otherH1 + "\n"
)

func parse(t testing.TB, text string) Lock {
	t.Helper()
	l, err := ParseLock([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestALockIsReadAsItIsWritten(t *testing.T) {
	l := parse(t, goodLock)
	want := Lock{[]Entry{
		{Name: "a.b", Version: "1.0.0", Program: "ab", Protocol: 2, Kinds: []sdk.Kind{"filter"}, Permissions: "none", Schema: aSchema, Active: true,
			Hashes: map[string]string{"linux/amd64": anH1}},
		{Name: "a.b", Version: "2.0.0", Program: "bin/ab", Protocol: 1, Kinds: []sdk.Kind{"filter", "reader"}, Signer: "acme+1f2e3d4c",
			Permissions: "net:api.example.com:443,exec:pdftoppm,sharedmem,memory:512,cpu:60", Schema: aSchema,
			Hashes: map[string]string{"linux/amd64": anH1, "linux/arm64": otherH1}},
	}}
	if !reflect.DeepEqual(l, want) {
		t.Errorf("got  %+v\nwant %+v", l, want)
	}
	again := parse(t, string(l.Bytes()))
	if !again.Equal(l) || string(again.Bytes()) != string(l.Bytes()) {
		t.Errorf("written and read again it is\n%s", again.Bytes())
	}
}

func TestTheOrderOfALockDoesNotMatter(t *testing.T) {
	var text strings.Builder
	for _, v := range []string{"1.0.0", "1.2.0", "1.10.0", "2.0.0-rc.1", "2.0.0"} {
		text.WriteString(strings.Replace(anEntry, "1.0.0", v, 1) + aHash)
	}
	l := parse(t, text.String())
	shuffled := Lock{slices.Clone(l.Entries)}
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(shuffled.Entries), func(i, j int) {
		e := shuffled.Entries
		e[i], e[j] = e[j], e[i]
	})
	if slices.EqualFunc(l.Entries, shuffled.Entries, Entry.Equal) || !l.Equal(shuffled) || string(l.Bytes()) != string(shuffled.Bytes()) {
		t.Errorf("shuffled it is another lock:\n%s\n%s", l.Bytes(), shuffled.Bytes())
	}
	if got := parse(t, string(shuffled.Bytes())); !slices.EqualFunc(got.Entries, l.Entries, Entry.Equal) {
		t.Errorf("versions are not in rising order:\n%s", shuffled.Bytes())
	}
	shuffled.Entries[0].Active = true
	if l.Equal(shuffled) {
		t.Error("an active version makes no difference")
	}
}

func TestALockWithAMistakeNamesTheLine(t *testing.T) {
	change := func(old, now string) string { return strings.Replace(anEntry+aHash, old, now, 1) }
	for _, c := range []struct{ name, text, want string }{
		{"unknown key", change("perms=none", "perms=none colour=red"), "line 1: want NAME VERSION"},
		{"key missing", change(" perms=none", ""), "line 1: want NAME VERSION"},
		{"keys swapped", change("sdk=2 kind=filter", "kind=filter sdk=2"), "line 1: want sdk="},
		{"two spaces", change(" sdk", "  sdk"), "line 1: want NAME VERSION"},
		{"bad name", change("a.b", "A.b"), "line 1: \"A.b\" is no name"},
		{"bad version", change("1.0.0", "one"), "line 1: \"one\" is no version"},
		{"bad generation", change("sdk=2", "sdk=02"), "line 1: sdk=02 is no number"},
		{"generation 0", change("sdk=2", "sdk=0"), "line 1: 0 is no generation"},
		{"kinds not sorted", change("kind=filter", "kind=reader,filter"), "line 1: kind=reader,filter is not sorted"},
		{"kind twice", change("kind=filter", "kind=filter,filter"), "line 1: kind=filter,filter is not sorted"},
		{"bad signer", change("signer=none", "signer=acme"), "line 1: \"acme\" is no signer"},
		{"unknown permission", change("perms=none", "perms=root"), "there is no permission \"root\""},
		{"permissions not in order", change("perms=none", "perms=exec:b,exec:a"), "are not in order"},
		{"bad schema", change(aSchema, "sha256:00"), "is no digest"},
		{"program outside", change("program=ab", "program=../ab"), "leads out of the folder"},
		{"absolute program", change("program=ab", "program=/bin/sh"), "is absolute"},
		{"carriage returns", strings.ReplaceAll(anEntry+aHash, "\n", "\r\n"), "line 1: only printable text"},
		{"no digest", anEntry + "\n", "a.b 1.0.0 has no digest"},
		{"digest first", "# head" + aHash, "line 2: a digest stands before"},
		{"bad digest", change(anH1, "h1:xyz"), "line 2: \"h1:xyz\" is no h1 digest"},
		{"digest not canonical", change(anH1, strings.Replace(anH1, "SuFU=", "SuFV=", 1)), "is no h1 digest"},
		{"bad platform", change("linux/amd64", "linux"), "line 2: \"linux\" is no platform"},
		{"platform twice", anEntry + aHash + aHash[1:], "line 3: platform linux/amd64 is there twice"},
		{"entry twice", anEntry + aHash + anEntry + aHash, "a.b 1.0.0 is there twice"},
		{"two active", anEntry + " active" + aHash + strings.Replace(anEntry, "1.0.0", "2.0.0", 1) + " active" + aHash, "two versions of a.b are active"},
		{"binary", "\x00\x01", "line 1: only printable text"},
		{"too big", strings.Repeat("# \n", maxLock), "more than"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := ParseLock([]byte(c.text))
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), LockFile) {
				t.Errorf("got %v, want %s… %s", err, LockFile, c.want)
			}
		})
	}
}

func FuzzLock(f *testing.F) {
	f.Add([]byte(goodLock))
	f.Add([]byte(anEntry + aHash))
	f.Fuzz(func(t *testing.T, text []byte) {
		l, err := ParseLock(text)
		if err != nil {
			return
		}
		again := parse(t, string(l.Bytes()))
		if !again.Equal(l) {
			t.Errorf("not the same after it was written:\n%s", l.Bytes())
		}
	})
}

func TestPermissionsAreOneWord(t *testing.T) {
	// A new permission must be written into the lock, or a plug-in could grow it unnoticed.
	if n := reflect.TypeFor[sdk.Permissions]().NumField(); n != 5 {
		t.Errorf("sdk.Permissions has %d fields; Permissions writes 5", n)
	}
	for _, c := range []struct {
		p    sdk.Permissions
		want string
	}{
		{sdk.Permissions{}, "none"},
		{sdk.Permissions{Net: []string{"b.example:443", "a.example:443", "b.example:443"}}, "net:a.example:443,net:b.example:443"},
		{sdk.Permissions{Exec: []string{"a b,c=d\n"}, SharedMem: true}, "exec:a+b%2Cc%3Dd%0A,sharedmem"},
		{sdk.Permissions{MemoryMB: -1, CPUSeconds: 5}, "memory:-1,cpu:5"},
	} {
		got := Permissions(c.p)
		if got != c.want {
			t.Errorf("got %s, want %s", got, c.want)
		}
		if err := checkPermissions(got); err != nil {
			t.Error(err)
		}
	}
}

func TestTheSchemaDigestSeesMeaningOnly(t *testing.T) {
	digest := func(c ...sdk.ComponentManifest) string {
		t.Helper()
		d, err := SchemaDigest(c)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	a := sdk.ComponentManifest{ID: "a", Kind: "filter", Ops: []string{"x", "y"}, Schema: []byte(`{"a":1,"b":[2.50]}`)}
	same := sdk.ComponentManifest{ID: "a", Kind: "filter", Ops: []string{"y", "x"}, Schema: []byte("{ \"b\": [2.50],\n\"a\":1 }")}
	b := sdk.ComponentManifest{ID: "b", Kind: "filter", Schema: []byte(`{}`)}
	if digest(a, b) != digest(b, same) {
		t.Error("order and spaces make a difference")
	}
	grown := same
	grown.Schema = []byte(`{"a":1,"b":[2.50],"c":true}`)
	if digest(a) == digest(grown) || digest(a) == digest(a, b) {
		t.Error("another setting or component makes no difference")
	}
}
