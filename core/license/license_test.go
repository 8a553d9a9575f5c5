package license

import (
	"bytes"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

var day0 = time.Date(2026, 3, 1, 9, 30, 0, 0, time.UTC)

func operator(t testing.TB, name string) (private, public string) {
	t.Helper()
	private, public, err := NewSigner(rand.Reader, name)
	if err != nil {
		t.Fatal(err)
	}
	return private, public
}

func sample() License {
	return License{
		Key: "JBVTXUI030000085", Kind: Permanent, Holder: "Müller & Söhne", Cores: 8,
		MACs: []string{"00-16-3E-00-00-02", "00:16:3e:00:00:01", "00:16:3e:00:00:01"}, NotBefore: day0,
	}
}

func issued(t testing.TB, l License, private string) []byte {
	t.Helper()
	file, err := Issue(l, private)
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// GS7, GS8: the shape of a key and its role.
func TestAKeySaysItsRole(t *testing.T) {
	for s, want := range map[string]Role{"JBVTXUI030000085": Primary, "JBXDXUI040000045": Secondary} {
		if k, err := ParseKey(s); err != nil || k.Role() != want {
			t.Errorf("%s: role %s (%v), want %s", s, k.Role(), err, want)
		}
	}
	for _, s := range []string{"", "JBVTXUI050000085", "jbvtxui030000085", "JBVTXUI03000008", "JBVTXUI0300000855", "JBVTXU1030000085", " JBVTXUI030000085", "JBVTXUI03000008x"} {
		if k, err := ParseKey(s); err == nil || Key(s).Role() == Primary {
			t.Errorf("%q is taken as %q with role %s", s, k, Key(s).Role())
		}
	}
}

func TestALicenceComesBackAsItWasIssued(t *testing.T) {
	private, public := operator(t, "office")
	got, err := Read(issued(t, sample(), private), public)
	if err != nil {
		t.Fatal(err)
	}
	if got.Key != "JBVTXUI030000085" || got.Cores != 8 || got.Holder != "Müller & Söhne" || !got.NotBefore.Equal(day0) || !strings.HasPrefix(got.Signer, "office+") {
		t.Errorf("got %+v", got)
	}
	if want := []string{"00:16:3e:00:00:01", "00:16:3e:00:00:02"}; strings.Join(got.MACs, " ") != strings.Join(want, " ") {
		t.Errorf("addresses %v, want %v", got.MACs, want)
	}
}

// A licence edited by one byte, anywhere, is refused.
func TestEveryByteOfALicenceCounts(t *testing.T) {
	private, public := operator(t, "office")
	file := issued(t, sample(), private)
	for i := range file {
		edited := bytes.Clone(file)
		edited[i] ^= 1
		if _, err := Read(edited, public); err == nil {
			t.Fatalf("byte %d (%q) was changed without a word", i, file[i])
		}
	}
	edited := bytes.Replace(file, []byte(`"cores": 8`), []byte(`"cores": 9`), 1)
	if _, err := Read(edited, public); err == nil || !strings.Contains(err.Error(), "changed after it was issued") {
		t.Errorf("got %v, want it told that the licence was changed", err)
	}
}

func TestALicenceOfAStrangerIsRefused(t *testing.T) {
	private, _ := operator(t, "stranger")
	_, public := operator(t, "office")
	_, err := Read(issued(t, sample(), private), public)
	if !errors.Is(err, ErrUntrusted) || !strings.Contains(err.Error(), "stranger+") {
		t.Errorf("got %v", err)
	}
	if _, err := Read([]byte("hello"), public); err == nil || !strings.Contains(err.Error(), "no licence file") {
		t.Errorf("got %v", err)
	}
}

func TestALicenceThatCannotBeIsNotIssued(t *testing.T) {
	private, _ := operator(t, "office")
	for want, change := range map[string]func(*License){
		"no activation key":       func(l *License) { l.Key = "X" },
		"permanent or trial":      func(l *License) { l.Kind = "eternal" },
		"allows nothing":          func(l *License) { l.Cores = 0 },
		"names the MAC addresses": func(l *License) { l.MACs = nil },
		"no MAC address":          func(l *License) { l.MACs = []string{"00:16"} },
		"from when":               func(l *License) { l.NotBefore = time.Time{} },
		"trial licence says when": func(l *License) { l.Kind = Trial },
		"ends before it begins":   func(l *License) { l.Expires = day0 },
		"control characters":      func(l *License) { l.Holder = "a\nb" },
	} {
		l := sample()
		change(&l)
		if _, err := Issue(l, private); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want … %s …", err, want)
		}
	}
	if _, err := Issue(sample(), "rubbish"); err == nil {
		t.Error("rubbish signed a licence")
	}
	if _, _, err := NewSigner(rand.Reader, "my office"); err == nil {
		t.Error("a key has a name with a space")
	}
}

// EP20: the codes.
func TestTheStateOfALicenceHasACode(t *testing.T) {
	ending := sample()
	ending.Expires = day0.AddDate(0, 0, 60)
	for name, c := range map[string]struct {
		l    License
		at   time.Time
		want Code
		days int
	}{
		"for ever":           {sample(), day0.AddDate(50, 0, 0), 800000, 0},
		"too early":          {sample(), day0.Add(-time.Second), 800002, 0},
		"31 days left":       {ending, day0.AddDate(0, 0, 29), 800000, 31},
		"30 days left":       {ending, day0.AddDate(0, 0, 30), 800000, 30},
		"just under 30 days": {ending, day0.AddDate(0, 0, 30).Add(time.Second), 800001, 29},
		"the last second":    {ending, ending.Expires.Add(-time.Second), 800001, 0},
		"over":               {ending, ending.Expires, 800002, 0},
	} {
		if got, days := c.l.State(c.at); got != c.want || days != c.days {
			t.Errorf("%s: %d (%s) with %d days, want %d with %d", name, got, got.Text(), days, c.want, c.days)
		}
	}
}

func messages(all []Problem) string {
	var m []string
	for _, p := range all {
		m = append(m, p.Message)
	}
	return strings.Join(m, "|")
}

// EP17, EP18, EP19: the two messages, word for word, at their limits.
func TestCoresAndAddressesAreHeldAgainstTheLicence(t *testing.T) {
	const cpu, mac = "CPU limit exhausted. Can\u2019t allocate more CPUs.", "Invalid license for multi-server environment setup."
	l := sample()
	if err := l.Check(); err != nil {
		t.Fatal(err)
	}
	good := []string{"00:16:3e:00:00:02"}
	for name, c := range map[string]struct {
		u    Use
		want string
	}{
		"n-1 cores":            {Use{7, good}, ""},
		"n cores":              {Use{8, good}, ""},
		"n+1 cores":            {Use{9, good}, cpu},
		"address missing":      {Use{8, nil}, mac},
		"address wrong":        {Use{8, []string{"00:16:3e:00:00:03"}}, mac},
		"one of two addresses": {Use{8, []string{"00:16:3e:00:00:03", "00:16:3e:00:00:01"}}, ""},
		"both":                 {Use{9, []string{"00:16:3e:00:00:03"}}, cpu + "|" + mac},
	} {
		got := l.Problems(day0, c.u)
		if messages(got) != c.want {
			t.Errorf("%s: %q, want %q", name, messages(got), c.want)
		}
		for _, p := range got {
			if p.Cause == "" || p.Remedy == "" {
				t.Errorf("%s: %q lacks cause or remedy", name, p.Message)
			}
		}
	}
	l.Expires = day0.AddDate(0, 0, 3)
	if got := l.Problems(day0, Use{1, good}); len(got) != 1 || got[0].Code != NearExpiry || !strings.Contains(got[0].Cause, "in 3 days, on 2026-03-04") {
		t.Errorf("near its end: %+v", got)
	}
	if got := l.Problems(l.Expires, Use{1, good}); len(got) != 1 || got[0].Code != Expired {
		t.Errorf("after its end: %+v", got)
	}
}

func TestCoresOverTheLimitAreNotUsed(t *testing.T) {
	l := sample()
	for _, c := range []struct {
		own, others int
		active      bool
		want        int
	}{
		{4, 4, true, 4}, {4, 4, false, 4}, {8, 8, true, 7}, {8, 8, false, 1}, {6, 4, true, 6}, {4, 6, false, 2}, {64, 0, true, 7}, {1, 64, false, 1},
	} {
		if got := l.Allow(c.own, c.others, c.active); got != c.want {
			t.Errorf("%d of its own beside %d, active %v: %d, want %d", c.own, c.others, c.active, got, c.want)
		}
	}
}

func shelf(t *testing.T) (*Shelf, string) {
	t.Helper()
	s, err := OpenShelf(filepath.Join(t.TempDir(), "license"))
	if err != nil {
		t.Fatal(err)
	}
	private, public := operator(t, "office")
	if err := s.Trust(public); err != nil {
		t.Fatal(err)
	}
	return s, private
}

// GS12: promotion is deactivate 04, activate 03, in that order.
func TestAnotherRoleNeedsTheFirstToGo(t *testing.T) {
	s, private := shelf(t)
	second := sample()
	second.Key = "JBXDXUI040000045"
	for _, l := range []License{sample(), second} {
		if _, err := s.Import(issued(t, l, private)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Active(); !errors.Is(err, ErrNone) {
		t.Errorf("before: %v", err)
	}
	if _, err := s.Activate(second.Key, day0); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Activate("JBVTXUI030000085", day0); err == nil || !strings.Contains(err.Error(), "twinleaf deactivate") {
		t.Errorf("03 over 04: %v", err)
	}
	if key, err := s.Deactivate(); err != nil || key != second.Key {
		t.Errorf("deactivated %s (%v)", key, err)
	}
	if _, err := s.Activate("JBVTXUI030000085", day0); err != nil {
		t.Error(err)
	}
	if l, err := s.Active(); err != nil || l.Key.Role() != Primary {
		t.Errorf("active: %+v (%v)", l, err)
	}
	if keys, err := s.List(); err != nil || len(keys) != 2 {
		t.Errorf("imported: %v (%v)", keys, err)
	}
}

func TestAKeyWithoutItsFileIsMissing(t *testing.T) {
	s, private := shelf(t)
	if _, err := s.Activate("JBVTXUI030000085", day0); !errors.Is(err, ErrMissing) || !strings.Contains(err.Error(), "800005") {
		t.Errorf("got %v", err)
	}
	if _, err := s.Import(issued(t, sample(), private)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Activate("JBVTXUI030000085", day0.Add(-time.Hour)); err == nil || !strings.Contains(err.Error(), "800002") {
		t.Errorf("too early: %v", err)
	}
	if _, err := s.Activate("../trusted", day0); err == nil {
		t.Error("a path is taken for a key")
	}
	if _, err := s.Deactivate(); !errors.Is(err, ErrNone) {
		t.Errorf("nothing to deactivate: %v", err)
	}
}

func TestAFileThatWasSwappedIsNoticed(t *testing.T) {
	s, private := shelf(t)
	other := sample()
	other.Key = "JBXDXUI040000045"
	if _, err := s.Import(issued(t, sample(), private)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.path(string(other.Key)+".license"), issued(t, sample(), private), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get(other.Key); err == nil || !strings.Contains(err.Error(), "holds that of") {
		t.Errorf("got %v", err)
	}
}

func TestTrustIsGivenOnce(t *testing.T) {
	s, _ := shelf(t)
	trusted, err := s.Trusted()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Trust(trusted[0]); err != nil {
		t.Errorf("the same key again: %v", err)
	}
	_, other := operator(t, "other")
	if err := s.Trust(other); err == nil || !strings.Contains(err.Error(), "trusts office+") {
		t.Errorf("another key: %v", err)
	}
	stranger, _ := operator(t, "other")
	if _, err := s.Import(issued(t, sample(), stranger)); !errors.Is(err, ErrUntrusted) {
		t.Errorf("a stranger's licence: %v", err)
	}
}

func FuzzRead(f *testing.F) {
	private, public := operator(f, "office")
	f.Add(issued(f, sample(), private))
	f.Add([]byte("twinleaf license 1\n{}\n\n— office AAAA\n"))
	f.Fuzz(func(t *testing.T, file []byte) {
		if l, err := Read(file, public); err == nil {
			if err := l.Check(); err != nil {
				t.Errorf("a licence that is none was taken: %v", err)
			}
		}
	})
}
