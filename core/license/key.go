// Package license knows what a licence says, whether it is genuine, and what it allows.
//
// A licence is a text that an operator signs with a key of their own (Ed25519, in the form
// of signed notes). There is no service to ask and nothing to phone: a server without a licence
// runs alone, in full; a pair wants one licence a server, for it settles which of the two is
// the primary.
package license

import (
	"fmt"
	"regexp"
)

// Key is an activation key: seven letters, two digits that are the role, seven digits,
// for example JBVTXUI030000085.
type Key string

// Role is what a server with a licence is in a pair.
type Role string

// The roles by the digits of the key.
const (
	Primary   Role = "03"
	Secondary Role = "04"
)

func (r Role) String() string {
	switch r {
	case Primary:
		return "primary (03)"
	case Secondary:
		return "secondary (04)"
	}
	return fmt.Sprintf("role %q", string(r))
}

var keyShape = regexp.MustCompile(`^([A-Z]{7})([0-9]{2})([0-9]{7})$`)

// ParseKey takes a key as people write it. One of another shape or with a role that is
// neither 03 nor 04 is an error.
func ParseKey(s string) (Key, error) {
	m := keyShape.FindStringSubmatch(s)
	if m == nil {
		return "", fmt.Errorf("%.40q is no activation key: want seven capital letters, two digits for the role and seven digits, like JBVTXUI030000085", s)
	}
	if r := Role(m[2]); r != Primary && r != Secondary {
		return "", fmt.Errorf("activation key %s has the role %s: want 03 for a primary or 04 for a secondary", s, r)
	}
	return Key(s), nil
}

// Role is what the key makes of a server; empty for a key that [ParseKey] would refuse.
func (k Key) Role() Role {
	m := keyShape.FindStringSubmatch(string(k))
	if m == nil {
		return ""
	}
	return Role(m[2])
}
