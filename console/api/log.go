package api

import (
	"encoding/json"
	"time"
)

// LogQuery says which lines of the log are wanted.
type LogQuery struct {
	Since time.Time // none that are older
	Level string    // debug, info, warn or error: none that are lower
	After uint64    // those behind this one; 0: the newest
	Limit int       // how many at most
}

// Log are lines of the log, the oldest first.
type Log struct {
	Lines []json.RawMessage `json:"lines" doc:"Each an object that begins with n (its number, which grows), time, level and msg"`
	Next  uint64            `json:"next" doc:"As after it gives the lines that follow"`
	Lost  uint64            `json:"lost,omitempty" doc:"Lines since the server started that the files lack because the disk did not take them"`
}

// LogLevel is from which level on a server logs.
type LogLevel struct {
	Level string `json:"level" enum:"debug,info,warn,error" doc:"Of this server, until it restarts"`
}
