package core

// Role is what somebody may do on a server. Each role may all that those before it may.
type Role string

// The roles of E4. A worker is a machine that reads pages for a server (see package
// pipeline/farm); nothing of the web service is for it.
const (
	Worker        Role = "worker"        // take pages and give back their text, and nothing else
	Submitter     Role = "submitter"     // submit, and see and cancel the jobs of one's own
	Operator      Role = "operator"      // see and manage all jobs, look at profiles and destinations
	Administrator Role = "administrator" // change settings, users, tokens and the licence
)

// rank orders the roles; 0 is none.
func (r Role) rank() int {
	switch r {
	case Worker:
		return 1
	case Submitter:
		return 2
	case Operator:
		return 3
	case Administrator:
		return 4
	}
	return 0
}

// Allows reports whether somebody with this role may do what needs another. No role
// allows nothing, and nothing allows an unknown role.
func (r Role) Allows(needed Role) bool { return r.rank() >= needed.rank() && needed.rank() > 0 }

// ParseRole takes a role as people write it.
func ParseRole(s string) (Role, error) {
	if r := Role(s); r.rank() > 0 {
		return r, nil
	}
	return "", Refuse(CodeBadRequest, "known are: worker, submitter, operator, administrator", "%.40q is no role", s)
}

// Caller is who makes a request.
type Caller struct {
	Name string // of a user, or that of a token with "token:" before it; empty: nobody in particular, where no one has to say who they are
	Role Role
}
