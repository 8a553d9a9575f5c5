package core

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// profileJSON is how people write a profile: durations are words like "90s".
type profileJSON struct {
	Languages    []string   `json:"languages"`
	Mode         Mode       `json:"mode"`
	PDFA         string     `json:"pdfa"`
	Optimize     string     `json:"optimize"`
	Outputs      []string   `json:"outputs"`
	Deliver      []string   `json:"deliver"`
	Limits       limitsJSON `json:"limits"`
	Destinations []string   `json:"destinations"`

	Readers    []string   `json:"readers"`
	Filters    []stepJSON `json:"filters"`
	Recognizer *stepJSON  `json:"recognizer"`
	Indexers   []stepJSON `json:"indexers"`
	Assembler  *stepJSON  `json:"assembler"`
	Split      *splitJSON `json:"split"`
}

type limitsJSON struct {
	Bytes       int64    `json:"bytes"`
	Pages       int      `json:"pages"`
	Pixels      int64    `json:"pixels"`
	PageTimeout duration `json:"pageTimeout"`
	JobTimeout  duration `json:"jobTimeout"`
}

// duration is a number of nanoseconds or a word like "90s".
type duration time.Duration

func (d *duration) UnmarshalJSON(data []byte) error {
	var n int64
	if json.Unmarshal(data, &n) == nil {
		*d = duration(n)
		return nil
	}
	var word string
	if err := json.Unmarshal(data, &word); err != nil {
		return fmt.Errorf("a duration is written like \"90s\"")
	}
	v, err := time.ParseDuration(word)
	*d = duration(v)
	return err
}

// ParseProfile reads a profile as the setting profile/NAME holds it. It refuses fields that it
// does not know and values that make no sense.
func ParseProfile(data []byte) (Profile, error) {
	var p profileJSON
	if err := strict(data, &p); err != nil {
		return Profile{}, Refuse(CodeBadRequest, "docs/operations.md names the fields of a profile", "this is no profile: %v", err)
	}
	profile := Profile{
		Options: Options{
			Languages: splitLanguages(p.Languages), Mode: p.Mode, PDFA: p.PDFA, Optimize: p.Optimize,
			Outputs: p.Outputs, Deliver: p.Deliver,
			Limits: Limits{
				Bytes: p.Limits.Bytes, Pages: p.Limits.Pages, Pixels: p.Limits.Pixels,
				PageTimeout: time.Duration(p.Limits.PageTimeout), JobTimeout: time.Duration(p.Limits.JobTimeout),
			},
			Readers: p.Readers, Filters: stepsOf(p.Filters), Recognizer: (*Step)(p.Recognizer),
			Indexers: stepsOf(p.Indexers), Assembler: (*Step)(p.Assembler), Split: (*Split)(p.Split),
		},
		Destinations: p.Destinations,
	}
	return profile, profile.Options.Check()
}

// ParseDestination reads a destination as the setting destination/NAME holds it.
func ParseDestination(data []byte) (Destination, error) {
	var d struct {
		Plugin   string          `json:"plugin"`
		Settings json.RawMessage `json:"settings"`
	}
	err := strict(data, &d)
	if err == nil && d.Plugin == "" {
		err = errors.New("it names no plugin")
	}
	if err != nil {
		return Destination{}, Refuse(CodeBadRequest, `write {"plugin": "folder", "settings": {…}}`, "this is no destination: %v", err)
	}
	dest := Destination{Plugin: d.Plugin}
	if len(d.Settings) > 0 {
		dest.Settings = d.Settings
	}
	return dest, nil
}

// strict decodes one JSON value without unknown fields; see exact.
func strict(data []byte, v any) error {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return err
	}
	if _, err := dec.Token(); err != io.EOF {
		return errors.New("something follows it")
	}
	return exact(data, v)
}
