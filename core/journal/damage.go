package journal

import (
	"fmt"
	"strings"
)

// Kind says what sort of damage was found.
type Kind string

// The kinds of damage.
const (
	ChangedBytes Kind = "changed bytes" // a record does not match its hash or checksum
	Hole         Kind = "hole"          // entries are missing between others
	Truncated    Kind = "truncated"     // the end is missing: the watermark says there was more
	Forked       Kind = "forked"        // whole, but not the journal that was acknowledged
	TornBatch    Kind = "torn batch"    // the end of the last batch was never written
)

// Range is a stretch of sequences, both ends included.
type Range struct{ First, Last Seq }

func (r Range) String() string {
	if r.First == r.Last {
		return fmt.Sprint(r.First)
	}
	return fmt.Sprintf("%d-%d", r.First, r.Last)
}

// Damage is the error of a journal that cannot be read as it was written.
// Nothing has been changed on disk. What can be done is in Error's hint.
type Damage struct {
	Dir   string
	Kind  Kind
	Found []string // what is wrong, one line each
	Lost  []Range  // sequences that nothing intact is left of; may be none
	Last  Seq      // last sequence that is intact
}

func (d *Damage) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "the journal in %s is damaged (%s): %s", d.Dir, d.Kind, strings.Join(d.Found, "; "))
	switch {
	case len(d.Lost) > 0:
		fmt.Fprintf(&b, "; lost: entries %s", ranges(d.Lost))
	default:
		b.WriteString("; every entry can be recovered")
	}
	b.WriteString("\nhint: check the disk; then put a backup of the folder back, or let the server recover what is intact: the damaged files are kept beside it")
	return b.String()
}

func ranges(rs []Range) string {
	s := make([]string, len(rs))
	for i, r := range rs {
		s[i] = r.String()
	}
	return strings.Join(s, ", ")
}
