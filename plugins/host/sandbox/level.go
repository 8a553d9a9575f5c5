package sandbox

import "fmt"

// Level is how far a process is confined. A higher level has all that a lower one
// has. The zero Level is none of them: not decided.
type Level int

// The levels; the package comment says what they hold back.
const (
	None Level = iota + 1
	RLimit
	Landlock
	Full
)

var levelNames = [...]string{None: "none", RLimit: "rlimit", Landlock: "landlock", Full: "full"}

// String is the level's name.
func (l Level) String() string {
	if l < None || int(l) >= len(levelNames) {
		return fmt.Sprintf("level %d", int(l))
	}
	return levelNames[l]
}

// ParseLevel reads a level's name.
func ParseLevel(name string) (Level, error) {
	for l := None; l <= Full; l++ {
		if l.String() == name {
			return l, nil
		}
	}
	return 0, fmt.Errorf("%q is no level of the sandbox; there are none, rlimit, landlock and full", name)
}

// MarshalText gives the level's name.
func (l Level) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// UnmarshalText reads a level's name.
func (l *Level) UnmarshalText(text []byte) (err error) {
	*l, err = ParseLevel(string(text))
	return err
}

// Policy is what an operator wants of the sandbox before strangers' programs run.
// The zero Policy is BestEffort.
type Policy string

// The policies.
const (
	BestEffort      Policy = "best-effort" // the best level that works here, whichever it is
	RequireLandlock Policy = "require-landlock"
	RequireFull     Policy = "require-full"
)

// ParsePolicy reads a policy's name; an empty one is BestEffort.
func ParsePolicy(name string) (Policy, error) {
	switch p := Policy(name); p {
	case "":
		return BestEffort, nil
	case BestEffort, RequireLandlock, RequireFull:
		return p, nil
	}
	return "", fmt.Errorf("%q is no policy of the sandbox; there are %s, %s and %s", name, BestEffort, RequireLandlock, RequireFull)
}

// UnmarshalText reads a policy's name.
func (p *Policy) UnmarshalText(text []byte) (err error) {
	*p, err = ParsePolicy(string(text))
	return err
}

// Met reports whether a level is enough.
func (p Policy) Met(l Level) bool {
	switch p {
	case RequireFull:
		return l >= Full
	case RequireLandlock:
		return l >= Landlock
	}
	return true
}
