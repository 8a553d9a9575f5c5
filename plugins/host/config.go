package host

import (
	"errors"
	"log/slog"
	"runtime"
	"slices"
	"time"

	"github.com/twinleaf-scan/twinleaf/plugins/host/sandbox"
	"github.com/twinleaf-scan/twinleaf/sdk"
)

// Config says how plug-ins run. With Dir alone it works.
type Config struct {
	Dir    string // plug-in folder: every executable file in it is a plug-in
	Store  string // plug-ins that the operator has added, see package store; only its active ones run. Default: none
	Spool  string // files in the hands of plug-ins; best on the blob store's file system. Default: below the system's temporary folder
	Memory string // file for what the plug-ins said of themselves, so that one which nobody calls is not started; default: none
	Run    string // sockets; a short path. Default: below the system's temporary folder

	DistributionOnly bool // no libraries that were built for this processor are looked for, see package native

	Signed bool // plug-ins of the store must be signed by a key that it trusts

	Workers int              // processes of each reader, filter and recognizer; default: number of CPUs
	Pool    map[sdk.Kind]int // processes by kind, instead of Workers; deliverers, assemblers and indexers have 2 by default
	Sparing bool             // no more processes are started beforehand than a single page needs, until Warm
	Own     map[sdk.Kind][]string
	// Own names the server's own plug-ins of a kind: they serve where a job names no
	// other; default: the plug-ins that come with Twinleaf.

	Sandbox sandbox.Policy // for plug-ins of the store; default: best effort
	Level   sandbox.Level  // of the sandbox; default: the best that works here
	Read    []string       // files and folders that all plug-ins may read, beside the system's: language packs, say

	Env  map[string][]string // by program name in Dir: KEY=VALUE beyond the minimal environment
	Nice int                 // of all plug-in processes; default 10, negative: 0

	Recycle      int           // calls after which a process is replaced; default 200
	MemoryMB     int           // resident memory of a process and its children; default 2048. A plug-in may ask for less
	OutputBytes  int64         // largest file that is taken from a plug-in; default 8 GiB
	SlotBytes    int64         // on disk that a process may have written in one call; default twice OutputBytes
	SlotFiles    int           // number of them; default 50,000
	StartTimeout time.Duration // from exec to the manifest; default 10 s
	CallTimeout  time.Duration // of a call whose context has no deadline; default 30 min
	Grace        time.Duration // for a cancelled call to stop before its process is killed; default 2 s
	Strikes      int           // failed starts and crashes in a row, on different inputs, until quarantine; default 5
	Quarantine   time.Duration // until a plug-in in quarantine is tried again; default 10 min
	Patience     time.Duration // of Open with plug-ins that are slow to start; default 1.5 s
	Heartbeat    time.Duration // between two questions to a process whether it is well; default 2 s, negative: never
	Misses       int           // questions in a row without an answer until a process is replaced; default 3

	Private []string // folders of the server that no plug-in may write to, beside Dir, Spool and Run

	Logger *slog.Logger // default: discards

	program string   // the one to look at, instead of Dir and Store
	open    []string // folders that every plug-in may write to as the user that it is; for tests
}

func (c Config) withDefaults() (Config, error) {
	if c.Dir == "" && c.program == "" {
		return c, errors.New("no plug-in folder is given")
	}
	if c.Store != "" {
		c.Private = append(slices.Clip(c.Private), c.Store)
	}
	if c.Own == nil {
		c.Own = map[sdk.Kind][]string{
			sdk.KindReader: {"image", "pdf"}, sdk.KindFilter: {"leptonica"},
			sdk.KindRecognizer: {"tesseract"}, sdk.KindAssembler: {"pdf"},
		}
	}
	set(&c.Workers, runtime.NumCPU())
	set(&c.Nice, 10)
	set(&c.Recycle, 200)
	set(&c.MemoryMB, 2048)
	set(&c.OutputBytes, 8<<30)
	set(&c.SlotBytes, 2*c.OutputBytes)
	set(&c.SlotFiles, 50_000)
	set(&c.StartTimeout, 10*time.Second)
	set(&c.CallTimeout, 30*time.Minute)
	set(&c.Grace, 2*time.Second)
	set(&c.Strikes, 5)
	set(&c.Quarantine, 10*time.Minute)
	set(&c.Patience, 1500*time.Millisecond)
	set(&c.Heartbeat, 2*time.Second)
	set(&c.Misses, 3)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c, nil
}

func set[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// size is how many processes a plug-in with these kinds may have.
func (c Config) size(kinds []sdk.Kind) int {
	n := 1
	for _, k := range kinds {
		n = max(n, c.sizeOf(k))
	}
	return n
}

func (c Config) sizeOf(k sdk.Kind) int {
	if n := c.Pool[k]; n > 0 {
		return n
	}
	switch k {
	case sdk.KindReader, sdk.KindFilter, sdk.KindRecognizer:
		return c.Workers
	}
	return 2
}
