package api

import (
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
)

// RenewedHeader brings a newer text of the session whose text was sent as a bearer token.
const RenewedHeader = "Twinleaf-Renewed"

// User is a person who may log in.
type User struct {
	Name    string    `json:"name"`
	Role    core.Role `json:"role" enum:"submitter,operator,administrator"`
	Created time.Time `json:"created"`
	Changed time.Time `json:"changed" doc:"Role or password"`
}

// UserChange makes a user or changes one; a new one needs both fields.
type UserChange struct {
	Role     core.Role `json:"role,omitempty" enum:"submitter,operator,administrator"`
	Password string    `json:"password,omitempty" maxLength:"256" doc:"At least 10 characters. It is never shown"`
}

// Token lets a machine in. What it sends is shown once, when it is made.
type Token struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"`
	Role    core.Role `json:"role" enum:"worker,submitter,operator,administrator"`
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires,omitzero" doc:"Nothing: never"`
	By      string    `json:"by,omitempty" doc:"Who made it"`
	Used    time.Time `json:"used,omitzero" doc:"Last time on this server since its start"`
}

// NewToken is a token to be made.
type NewToken struct {
	Name    string    `json:"name" maxLength:"64"`
	Role    core.Role `json:"role" enum:"worker,submitter,operator,administrator"`
	Expires time.Time `json:"expires,omitzero" doc:"Nothing: never"`
}

// MadeToken is a new token with its text.
type MadeToken struct {
	Token
	Text string `json:"token" doc:"For the header Authorization: Bearer. It cannot be asked for again"`
}

// LogIn is who logs in.
type LogIn struct {
	User     string `json:"user" maxLength:"64"`
	Password string `json:"password" maxLength:"256"`
}

// NewPassword is a user's change of their own password.
type NewPassword struct {
	Old string `json:"old" maxLength:"256"`
	New string `json:"new" maxLength:"256"`
}

// Session is a user who logged in, or whoever else asks.
type Session struct {
	ID      string    `json:"-"` // the same in all texts of one session
	User    string    `json:"user,omitempty" doc:"Of a machine, token: and the token's name; nothing on a server where nobody has to say who they are"`
	Role    core.Role `json:"role" enum:"worker,submitter,operator,administrator"`
	Token   string    `json:"token,omitempty" doc:"For the header Authorization: Bearer, when logging in"`
	Guard   string    `json:"guard,omitempty" doc:"A browser sends it as X-CSRF-Token with every change"`
	Expires time.Time `json:"expires,omitzero" doc:"If it is not used until then"`
}

// Removed answers the removal of a user or token.
type Removed struct {
	Open bool `json:"open" doc:"Nobody is left: nobody has to say who they are any more"`
}
