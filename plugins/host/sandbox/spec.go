package sandbox

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// Spec is all there is to say about one confined start.
type Spec struct {
	Level Level `json:"level"`

	Path string   `json:"path"` // of the program; what lies beside it is not seen
	Args []string `json:"args"` // with the program's name first
	Env  []string `json:"env"`  // complete
	Dir  string   `json:"dir"`  // working folder, one of those below

	Read   []string `json:"read,omitempty"`   // files and folders to read, besides the system's libraries
	Write  []string `json:"write,omitempty"`  // folders to write to
	Grants []string `json:"grants,omitempty"` // folders of the operator to write to; one that is missing stays missing
	Exec   []string `json:"exec,omitempty"`   // programs that it may run, and their interpreters; see [Resolve]

	SharedMem bool   `json:"sharedMem,omitempty"` // memory shared between its own processes
	Limits    Limits `json:"limits,omitzero"`
	Nice      int    `json:"nice,omitempty"`

	UID int `json:"uid"` // to run as, when the host is root; else the host's own
	GID int `json:"gid"`
}

// Limits are ceilings of a process; 0: none.
type Limits struct {
	MemoryMB   int   `json:"memoryMB,omitempty"`   // private memory that is mapped; address space may be 4 GB more
	CPUSeconds int   `json:"cpuSeconds,omitempty"` // over its life
	FileBytes  int64 `json:"fileBytes,omitempty"`  // of each file that it writes
	OpenFiles  int   `json:"openFiles,omitempty"`
	Processes  int   `json:"processes,omitempty"` // and threads
}

// ErrorPrefix begins the line in which the shim says what did not work.
const ErrorPrefix = "sandbox: "

const (
	shimArg = "__sandbox"         // first argument of the shim
	specKey = "TWINLEAF_CONFINED" // its one environment variable
)

// maxSpec bounds the encoded Spec: the kernel takes 128 KB in one variable.
const maxSpec = 100 << 10

// check refuses what cannot be meant.
func (s Spec) check() error {
	if s.Level < None || s.Level > Full {
		return fmt.Errorf("%s is not one of the sandbox", s.Level)
	}
	if len(s.Args) == 0 {
		return errors.New("a program needs its name as the first argument")
	}
	if s.UID < 0 || s.GID < 0 {
		return fmt.Errorf("user %d, group %d: want numbers that are not negative", s.UID, s.GID)
	}
	for _, path := range slices.Concat([]string{s.Path, s.Dir}, s.Read, s.Write, s.Grants, s.Exec) {
		if !filepath.IsAbs(path) || filepath.Clean(path) != path || path == "/" || strings.ContainsRune(path, 0) {
			return fmt.Errorf("%q is not a clean absolute path below /", path)
		}
	}
	return nil
}

// encode is the variable that carries s to the shim.
func (s Spec) encode() (string, error) {
	if err := s.check(); err != nil {
		return "", err
	}
	raw, err := json.Marshal(s)
	if err != nil {
		return "", err
	}
	if len(raw) > maxSpec {
		return "", fmt.Errorf("the description of a confined start has %d bytes, more than %d", len(raw), maxSpec)
	}
	return specKey + "=" + string(raw), nil
}

func decode(raw string) (Spec, error) {
	var s Spec
	d := json.NewDecoder(bytes.NewReader([]byte(raw)))
	d.DisallowUnknownFields()
	if err := d.Decode(&s); err != nil {
		return Spec{}, fmt.Errorf("description of a confined start: %w", err)
	}
	if d.More() {
		return Spec{}, errors.New("description of a confined start: more than one")
	}
	return s, s.check()
}

// readable are the paths that a process may read, besides the system's.
func (s Spec) readable() []string {
	return slices.Concat([]string{s.Path}, s.Read)
}

// env gives a variable of the process's environment.
func (s Spec) env(key string) string {
	for _, kv := range s.Env {
		if value, ok := strings.CutPrefix(kv, key+"="); ok {
			return value
		}
	}
	return ""
}
