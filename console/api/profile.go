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
