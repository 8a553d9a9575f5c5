package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
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
	Bytes       int64    `json:"bytes,omitempty"`
	Pages       int      `json:"pages,omitempty"`
	Pixels      int64    `json:"pixels,omitempty"`
	PageTimeout Duration `json:"pageTimeout,omitzero"`
	JobTimeout  Duration `json:"jobTimeout,omitzero"`
}

// Duration is written as "1m30s".
type Duration string

func (d Duration) parse(field string) (time.Duration, error) {
	if d == "" {
		return 0, nil
	}
	v, err := time.ParseDuration(string(d))
	if err != nil || v <= 0 {
		return 0, fmt.Errorf("%s: %q is no duration; write it as 90s or 2m", field, string(d))
	}
	return v, nil
}

func words(d time.Duration) Duration {
	if d == 0 {
		return ""
	}
	return Duration(d.String())
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

// Core is the profile as the pipeline takes it. An error names the field that is
// wrong and what it may hold.
func (p Profile) Core() (core.Profile, error) {
	c := core.Profile{Destinations: p.Destinations, Options: core.Options{
		Languages: p.Languages, Mode: core.Mode(p.Mode), PDFA: p.PDFA, Optimize: p.Optimize,
		Outputs: p.Outputs, Deliver: p.Deliver,
		Limits: core.Limits{Bytes: p.Limits.Bytes, Pages: p.Limits.Pages, Pixels: p.Limits.Pixels},
	}}
	var err1, err2 error
	c.Limits.PageTimeout, err1 = p.Limits.PageTimeout.parse("limits.pageTimeout")
	c.Limits.JobTimeout, err2 = p.Limits.JobTimeout.parse("limits.jobTimeout")
	return c, errors.Join(err1, err2, CheckOptions(c.Options), checkNames("destinations", p.Destinations))
}

// CheckOptions reports the first option whose value is none that it may have.
func CheckOptions(o core.Options) error {
	for _, l := range o.Languages {
		if !language.MatchString(l) {
			return fmt.Errorf("languages: %q is no language name; write it as eng or deu", l)
		}
	}
	return errors.Join(
		oneOf("mode", string(o.Mode), "", "skip", "redo", "force"),
		oneOf("pdfa", o.PDFA, "", "2u", "2b", "1b", "none"),
		oneOf("optimize", o.Optimize, "", "none", "lossless"),
		allOf("outputs", o.Outputs, core.OutputPDF, core.OutputText, core.OutputHOCR, core.OutputALTO),
		allOf("deliver", o.Deliver, core.OutputPDF, core.OutputText, core.OutputHOCR, core.OutputALTO, core.OutputManifest),
		notNegative(o.Limits),
	)
}

func notNegative(l core.Limits) error {
	if l.Bytes < 0 || l.Pages < 0 || l.Pixels < 0 || l.PageTimeout < 0 || l.JobTimeout < 0 {
		return errors.New("limits: a limit cannot be negative")
	}
	return nil
}

var language = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]{0,31}(/[A-Za-z0-9_]{1,32})?$`)

// Languages takes "eng+deu" apart.
func Languages(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == '+' || r == ',' || r == ' ' })
}

// ParseProfile reads a profile from JSON and refuses unknown fields.
func ParseProfile(data []byte) (core.Profile, error) {
	var p Profile
	if err := Strict(data, &p); err != nil {
		return core.Profile{}, err
	}
	return p.Core()
}

// ParseDestination reads a destination from JSON and refuses unknown fields. What
// lies in settings is the plug-in's own.
func ParseDestination(data []byte) (core.Destination, error) {
	var d core.Destination
	if err := Strict(data, &d); err != nil {
		return d, err
	}
	if !Name.MatchString(d.Plugin) {
		return d, errors.New(`plugin: name the plug-in that delivers, e.g. "folder"`)
	}
	return d, nil
}

// Name is what profiles, destinations and plug-ins may be called.
var Name = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`)

func checkNames(field string, names []string) error {
	for _, n := range names {
		if !Name.MatchString(n) {
			return fmt.Errorf("%s: %q is no name; use letters, digits, dot, dash and underscore", field, n)
		}
	}
	return nil
}

// Strict decodes one JSON value and refuses unknown fields and anything after it.
func Strict(data []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return plainJSON(err)
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("there is something after the end of the JSON value")
	}
	return nil
}

// plainJSON says a decoder's error in words that do not name Go types.
func plainJSON(err error) error {
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		return fmt.Errorf("%s: a %s cannot stand here", wrong.Field, wrong.Value)
	}
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return fmt.Errorf("not JSON at byte %d", syntax.Offset)
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the JSON value is empty or cut short")
	}
	return errors.New(strings.TrimPrefix(err.Error(), "json: "))
}

func oneOf(field, v string, allowed ...string) error {
	if slices.Contains(allowed, v) {
		return nil
	}
	return fmt.Errorf("%s: %q is none of %s", field, v, strings.TrimPrefix(strings.Join(allowed, ", "), ", "))
}

func allOf(field string, vs []string, allowed ...string) error {
	for _, v := range vs {
		if err := oneOf(field, v, allowed...); err != nil {
			return err
		}
	}
	return nil
}
