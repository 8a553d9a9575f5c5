package api

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/twinleaf-scan/twinleaf/core"
)

// Profile is a [core.Profile] as people write it, in JSON or YAML: the same
// fields, with durations as "90s". Every field may be left out.
type Profile struct {
	Languages    []string `json:"languages,omitempty" doc:"Tesseract names; default eng"`
	Mode         string   `json:"mode,omitempty" enum:"skip,redo,force" doc:"Pages that carry text: leave them, redo hidden text, or recognise everything anew"`
	PDFA         string   `json:"pdfa,omitempty" enum:"2u,2b,1b,none"`
	Optimize     string   `json:"optimize,omitempty" enum:"none,lossless"`
	Outputs      []string `json:"outputs,omitempty" doc:"pdf, text, hocr, alto; default all"`
	Deliver      []string `json:"deliver,omitempty" doc:"pdf, text, hocr, alto, manifest; default pdf"`
	Destinations []string `json:"destinations,omitempty" doc:"default: delivered"`
	Limits       Limits   `json:"limits,omitzero"`

	Readers    []string `json:"readers,omitempty" doc:"Reader plug-ins that are asked first"`
	Filters    []Step   `json:"filters,omitempty" doc:"In this order, each on the image of the one before; default: the server's own"`
	Recognizer *Step    `json:"recognizer,omitempty" doc:"Default: the server's own"`
	Indexers   []Step   `json:"indexers,omitempty" doc:"Their fields go into the manifest and the document; default: none"`
	Assembler  *Step    `json:"assembler,omitempty" doc:"Default: the server's own"`
	Split      *Split   `json:"split,omitempty" doc:"Make several documents of one scan"`
}

// Step is a [core.Step]: a plug-in with its settings.
type Step struct {
	Plugin    string `json:"plugin,omitempty" doc:"Default: the server's own of the kind"`
	Component string `json:"component,omitempty" doc:"Of the plug-in; default: its only one of the kind"`
	Settings  any    `json:"settings,omitempty" doc:"As the component's schema says"`
}

// Split is a [core.Split].
type Split struct {
	At   []string `json:"at" doc:"blank, separator"`
	Keep bool     `json:"keep,omitempty" doc:"The sheet stays as the first page of the document that it begins"`
}

func stepOf(s core.Step) Step {
	out := Step{Plugin: s.Plugin, Component: s.Component}
	if len(s.Settings) > 0 {
		out.Settings = s.Settings
	}
	return out
}

func stepsOf(list []core.Step) []Step {
	var out []Step
	for _, s := range list {
		out = append(out, stepOf(s))
	}
	return out
}

func stepIf(s *core.Step) *Step {
	if s == nil {
		return nil
	}
	out := stepOf(*s)
	return &out
}

// Limits are [core.Limits] with durations in words.
type Limits struct {
	Bytes       int64  `json:"bytes,omitempty"`
	Pages       int    `json:"pages,omitempty"`
	Pixels      int64  `json:"pixels,omitempty"`
	PageTimeout string `json:"pageTimeout,omitzero"`
	JobTimeout  string `json:"jobTimeout,omitzero"`
}

func words(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return d.String()
}

// OfProfile is p as people write it.
func OfProfile(p core.Profile) Profile {
	return Profile{
		Languages: p.Languages, Mode: string(p.Mode), PDFA: p.PDFA, Optimize: p.Optimize,
		Outputs: p.Outputs, Deliver: p.Deliver, Destinations: p.Destinations,
		Limits: Limits{
			Bytes: p.Limits.Bytes, Pages: p.Limits.Pages, Pixels: p.Limits.Pixels,
			PageTimeout: words(p.Limits.PageTimeout), JobTimeout: words(p.Limits.JobTimeout),
		},
		Readers: p.Readers, Filters: stepsOf(p.Filters), Recognizer: stepIf(p.Recognizer),
		Indexers: stepsOf(p.Indexers), Assembler: stepIf(p.Assembler), Split: (*Split)(p.Split),
	}
}

// Core is the profile as the pipeline takes it. What is wrong with it comes back
// as a *[core.Failure].
func (p Profile) Core() (core.Profile, error) {
	data, err := json.Marshal(p)
	if err != nil {
		return core.Profile{}, fmt.Errorf("write the profile: %w", err)
	}
	return core.ParseProfile(data)
}

// Languages takes "eng+deu" apart.
func Languages(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == '+' || r == ',' || r == ' ' })
}
