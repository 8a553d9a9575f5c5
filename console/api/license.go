package api

import "time"

// License is how the licence of a server stands.
type License struct {
	Code     int       `json:"code" doc:"800000 valid, 800001 near expiry, 800002 expired or not yet valid, 800005 key missing, 800006 unknown"`
	State    string    `json:"state" doc:"The code in words"`
	Key      string    `json:"key,omitempty"`
	Role     string    `json:"role,omitempty" doc:"03 primary, 04 secondary"`
	Kind     string    `json:"kind,omitempty" doc:"permanent or trial"`
	Holder   string    `json:"holder,omitempty"`
	Signer   string    `json:"signer,omitempty"`
	Cores    int       `json:"cores,omitempty" doc:"Of all servers together"`
	MACs     []string  `json:"macs,omitempty" doc:"Of all servers"`
	Begins   time.Time `json:"notBefore,omitzero"`
	Expires  time.Time `json:"expires,omitzero"`
	DaysLeft int       `json:"daysLeft,omitempty"`

	Problems []LicenseProblem `json:"problems,omitempty"`
	Machine  Machine          `json:"machine"`
	Imported []string         `json:"imported,omitempty" doc:"Keys whose files are here"`
	Trusted  []string         `json:"trusted,omitempty" doc:"Whose signatures count"`
}

// LicenseProblem is something about the licence that a person has to see to.
type LicenseProblem struct {
	Code    string `json:"code" doc:"The state's number, license-cores or license-macs"`
	Message string `json:"message"`
	Cause   string `json:"cause"`
	Remedy  string `json:"remedy"`
}

// Machine is what a licence is held against.
type Machine struct {
	Cores  int      `json:"cores" doc:"Of this server"`
	Others int      `json:"others,omitempty" doc:"Cores of the other server"`
	MACs   []string `json:"macs" doc:"Of this server"`
}

// Activation asks for a licence to be put in force: one that comes as a file, or one whose
// file is here, by its key.
type Activation struct {
	Key   string `json:"key,omitempty" maxLength:"40"`
	File  string `json:"file,omitempty" maxLength:"65536" doc:"The signed file's text"`
	Trust string `json:"trust,omitempty" maxLength:"1000" doc:"Public key of the signer; needed the first time"`
}
