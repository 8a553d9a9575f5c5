package access

import (
	"fmt"
	"testing"
	"time"
)

func TestNobodyLearnsWhoIsAUser(t *testing.T) {
	d, _, _ := house(t)
	_, unknown := d.LogIn(t.Context(), "nobody", words, "192.0.2.1")
	_, wrong := d.LogIn(t.Context(), "sam", "not the four ducks", "192.0.2.1")
	_, odd := d.LogIn(t.Context(), "No/Name", words, "192.0.2.1")
	wantCode(t, "unknown user", unknown, CodeUnauthorized)
	if unknown.Error() != wrong.Error() || odd.Error() != wrong.Error() {
		t.Errorf("told apart: %q, %q, %q", unknown, wrong, odd)
	}
}

func TestLogInsThatFailTooOftenHaveToWait(t *testing.T) {
	d, _, c := house(t)
	d.config.Now = func() time.Time { return c.now }
	for i := range 5 {
		_, err := d.LogIn(t.Context(), "sam", "wrong words again", "192.0.2.1")
		wantCode(t, fmt.Sprint("try ", i), err, CodeUnauthorized)
	}
	_, err := d.LogIn(t.Context(), "sam", words, "192.0.2.1")
	wantCode(t, "the sixth try, though it is right", err, CodeTooMany)
	if _, err := d.LogIn(t.Context(), "sam", words, "192.0.2.9"); err != nil {
		t.Errorf("from another address: %v; nobody may lock a user out", err)
	}
	c.turn(30 * time.Second)
	if _, err := d.LogIn(t.Context(), "sam", words, "192.0.2.1"); err != nil {
		t.Errorf("after the wait: %v", err)
	}
}

func TestTheLimiterStaysSmallAndCountsAddresses(t *testing.T) {
	l := newLimiter(300)
	now := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	passed := 0
	for i := range 2000 {
		if l.take(now, fmt.Sprint("name-", i), "192.0.2.1") == 0 {
			passed++
		}
	}
	if passed != rateAddress.burst {
		t.Errorf("%d tries from one address, want %d", passed, rateAddress.burst)
	}
	for i := range 2000 {
		l.take(now, "sam", network(fmt.Sprintf("198.51.%d.%d", i/256, i%256)))
	}
	if n := len(l.free.all); n > 300 {
		t.Errorf("%d entries, want at most 300", n)
	}
	if l.take(now, "sam", "203.0.113.1") == 0 {
		t.Error("a name may be tried from everywhere without end")
	}
	for range 50 {
		l.take(now, "eve", "2001:db8::/64")
		l.forget(now, "eve", "2001:db8::/64")
	}
	if wait := l.take(now, "eve", "2001:db8::/64"); wait != 0 {
		t.Errorf("right log-ins count: wait %v", wait)
	}
}

func TestOneCustomersNetworkIsOneAddress(t *testing.T) {
	for from, want := range map[string]string{
		"192.0.2.7": "192.0.2.7", "::ffff:192.0.2.7": "192.0.2.7", "2001:db8:1:2:3::4": "2001:db8:1:2::/64", "fe80::1%eth0": "fe80::/64", "pipe": "",
	} {
		if got := network(from); got != want {
			t.Errorf("%s: got %q, want %q", from, got, want)
		}
	}
}

func TestUsersChangeTheirOwnPasswords(t *testing.T) {
	d, _, _ := house(t)
	wantCode(t, "wrong old one", d.ChangePassword(t.Context(), "sam", "no ducks at all", "nine loud geese fly", "192.0.2.1"), CodeUnauthorized)
	if err := d.ChangePassword(t.Context(), "sam", words, "nine loud geese fly", "192.0.2.1"); err != nil {
		t.Fatal(err)
	}
	_, err := d.LogIn(t.Context(), "sam", words, "192.0.2.1")
	wantCode(t, "the old password", err, CodeUnauthorized)
	if _, err := d.LogIn(t.Context(), "sam", "nine loud geese fly", "192.0.2.1"); err != nil {
		t.Error(err)
	}
}
