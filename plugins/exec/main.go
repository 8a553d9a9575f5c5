// Command exec makes a plug-in of any program that reads JSON and writes JSON: a shell
// script, say. It is the program of a plug-in folder beside a plugin.json, which says what
// the plug-in is and which command does a call:
//
//	{"name": "acme.numbers", "version": "1.0.0", "kind": "indexer", "command": ["sh", "./find.sh"],
//	 "permissions": {"exec": ["sh", "grep"]}, "settings": {"type": "object", …}}
//
// The command is started for each call, in a scratch folder. It finds one [Request] on its
// standard input and prints one [Answer]; lines on its standard error go to the log.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/twinleaf-scan/twinleaf/sdk"
)

// Plugin is plugin.json.
type Plugin struct {
	sdk.Info
	Kind     sdk.Kind        `json:"kind"`
	Media    []string        `json:"media,omitempty"` // of a reader
	Command  []string        `json:"command"`         // program and arguments; ./FILE is in the folder of plugin.json. The sandbox runs what permissions.exec names
	Settings json.RawMessage `json:"settings,omitempty"`
}

func main() {
	p, dir, err := load()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	sdk.Serve(p.Info, sdk.Raw(p.Kind, p.Media, p.Settings, p.program(dir).run))
}

// load reads the plugin.json beside the program.
func load() (Plugin, string, error) {
	exe, err := os.Executable()
	if err != nil {
		return Plugin{}, "", fmt.Errorf("find the plug-in's folder: %w", err)
	}
	dir := filepath.Dir(exe)
	p, err := read(filepath.Join(dir, "plugin.json"))
	return p, dir, err
}

// maxFile bounds plugin.json in bytes.
const maxFile = 1 << 20

func read(path string) (Plugin, error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return Plugin{}, fmt.Errorf("there is no %s beside this program\nhint: exec is half a plug-in: \"twinleaf plugin new --lang shell\" writes the other half", filepath.Base(path))
	}
	if err != nil {
		return Plugin{}, err
	}
	defer f.Close()
	var p Plugin
	d := json.NewDecoder(io.LimitReader(f, maxFile))
	d.DisallowUnknownFields()
	if err := d.Decode(&p); err != nil {
		return Plugin{}, fmt.Errorf("plugin.json: %w", err)
	}
	if len(p.Command) == 0 || p.Command[0] == "" {
		return Plugin{}, errors.New(`plugin.json: "command" is missing` + "\nhint: it is a list: the program and its arguments")
	}
	return p, nil
}

// program is the command, with a path for each word that names a file of the folder.
func (p Plugin) program(dir string) program {
	words := append([]string(nil), p.Command...)
	for i, w := range words {
		if strings.HasPrefix(w, "./") {
			words[i] = filepath.Join(dir, w)
		}
	}
	return words
}
