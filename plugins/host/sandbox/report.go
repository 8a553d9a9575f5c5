package sandbox

import "strings"

// Report is what [Probe] found out about this machine.
type Report struct {
	Level      Level    `json:"level"`                // the best that works
	Missing    []Reason `json:"missing,omitempty"`    // why no better one does, best first
	Unenforced []string `json:"unenforced,omitempty"` // what nothing holds a process to, in words
}

// Reason is why a level does not work.
type Reason struct {
	Level Level  `json:"level"`
	Why   string `json:"why"`
	Hint  string `json:"hint,omitempty"` // what the operator may do about it
}

// Why is the reason for which no better level works; empty at full.
func (r Report) Why() string {
	var all []string
	for _, m := range r.Missing {
		all = append(all, m.Level.String()+": "+m.Why)
	}
	return strings.Join(all, "; ")
}

// Hint is what the operator may do for a better level.
func (r Report) Hint() string {
	for _, m := range r.Missing {
		if m.Hint != "" {
			return m.Hint
		}
	}
	return ""
}
