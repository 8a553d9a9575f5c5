package core

import (
	"bytes"
	"encoding/json"
	"fmt"
	"iter"
	"regexp"
	"slices"
	"strings"
)

// StepKind is the kind of plug-in that a step asks; the words are those of plug-ins.
type StepKind string

// The kinds.
const (
	StepReader     StepKind = "reader"
	StepFilter     StepKind = "filter"
	StepRecognizer StepKind = "recognizer"
	StepIndexer    StepKind = "indexer"
	StepAssembler  StepKind = "assembler"
	StepDeliverer  StepKind = "deliverer"
)

// What options may name.
const (
	maxSteps        = 8        // of one kind
	maxReaders      = 16       //
	maxStepSettings = 64 << 10 // bytes
)

// Steps gives every plug-in that the options name, so that a server can say whether it has it.
func (o Options) Steps() iter.Seq2[StepKind, Step] {
	return func(yield func(StepKind, Step) bool) {
		for _, name := range o.Readers {
			if !yield(StepReader, Step{Plugin: name}) {
				return
			}
		}
		for _, s := range o.Filters {
			if !yield(StepFilter, s) {
				return
			}
		}
		if o.Recognizer != nil && !yield(StepRecognizer, *o.Recognizer) {
			return
		}
		for _, s := range o.Indexers {
			if !yield(StepIndexer, s) {
				return
			}
		}
		if o.Assembler != nil {
			yield(StepAssembler, *o.Assembler)
		}
	}
}

// FilterSteps are the filters in their order: those of the options, else the server's own alone.
func (o Options) FilterSteps() []Step {
	if len(o.Filters) == 0 {
		return []Step{{}}
	}
	return o.Filters
}

// Of is the step of a kind that has at most one, the empty step where none is named.
func (o Options) Of(kind StepKind) Step {
	var s *Step
	switch kind {
	case StepRecognizer:
		s = o.Recognizer
	case StepAssembler:
		s = o.Assembler
	}
	if s == nil {
		return Step{}
	}
	return *s
}

// String names the step for people.
func (s Step) String() string {
	switch {
	case s.Plugin == "":
		return "the server's own"
	case s.Component == "":
		return s.Plugin
	}
	return s.Plugin + "/" + s.Component
}

// stepJSON is how people write a step: as its object, or as plug-in or plug-in/component.
type stepJSON Step

func (s *stepJSON) UnmarshalJSON(data []byte) error {
	var name string
	if json.Unmarshal(data, &name) == nil {
		plugin, component, named := strings.Cut(name, "/")
		if plugin == "" || named && component == "" {
			return fmt.Errorf("a step is written as a plug-in's name or {plugin: NAME, settings: {…}}")
		}
		*s = stepJSON{Plugin: plugin, Component: component}
		return nil
	}
	var plain Step
	if err := strict(data, &plain); err != nil {
		return fmt.Errorf("a step of a profile: %w", err)
	}
	*s = stepJSON(plain)
	return s.tidy()
}

// tidy leaves one spelling of the settings.
func (s *stepJSON) tidy() error {
	if len(s.Settings) == 0 {
		return nil
	}
	var b bytes.Buffer
	if err := json.Compact(&b, s.Settings); err != nil {
		return err
	}
	s.Settings = b.Bytes()
	if b.String() == "null" || b.String() == "{}" {
		s.Settings = nil
	}
	return nil
}

func stepsOf(list []stepJSON) []Step {
	var out []Step
	for _, s := range list {
		out = append(out, Step(s))
	}
	return out
}

// splitJSON is how people write where to split: one word, a list of them, or an object.
type splitJSON Split

func (s *splitJSON) UnmarshalJSON(data []byte) error {
	var word string
	if json.Unmarshal(data, &word) == nil {
		*s = splitJSON{At: []string{word}}
		return nil
	}
	if json.Unmarshal(data, &s.At) == nil {
		return nil
	}
	var plain Split
	if err := strict(data, &plain); err != nil {
		return fmt.Errorf("split: %w", err)
	}
	*s = splitJSON(plain)
	return nil
}

var pluginName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)

// checkSteps says what is wrong with the plug-ins that options name, as far as that can be
// told without them.
func (o Options) checkSteps() error {
	if len(o.Filters) > maxSteps || len(o.Indexers) > maxSteps || len(o.Readers) > maxReaders {
		return Refuse(CodeBadRequest, fmt.Sprintf("name at most %d filters, %d indexers and %d readers", maxSteps, maxSteps, maxReaders),
			"%d filters, %d indexers and %d readers are too many", len(o.Filters), len(o.Indexers), len(o.Readers))
	}
	if slices.Contains(o.Readers, "") {
		return Refuse(CodeBadRequest, "name a plug-in, or leave readers out", "a reader without a name")
	}
	for kind, s := range o.Steps() {
		if err := s.check(kind); err != nil {
			return err
		}
	}
	return o.checkSplit()
}

func (s Step) check(kind StepKind) error {
	for _, name := range []string{s.Plugin, s.Component} {
		if name != "" && !pluginName.MatchString(name) {
			return Refuse(CodeBadRequest, `run "twinleaf plugin list"`, "%q cannot be the name of a %s", name, kind)
		}
	}
	if len(s.Settings) > maxStepSettings {
		return Refuse(CodeBadRequest, "give less", "the settings of %s %s have %d bytes, the limit is %d", kind, s, len(s.Settings), maxStepSettings)
	}
	var object map[string]any
	if len(s.Settings) > 0 && json.Unmarshal(s.Settings, &object) != nil {
		return Refuse(CodeBadRequest, "write settings: {NAME: VALUE}", "the settings of %s %s are no object", kind, s)
	}
	return nil
}

func (o Options) checkSplit() error {
	if o.Split == nil {
		return nil
	}
	known := []string{SplitBlank, SplitSeparator}
	remedy := "write split: blank, split: separator, or both as a list"
	if len(o.Split.At) == 0 {
		return Refuse(CodeBadRequest, remedy, "split does not say where")
	}
	for _, at := range o.Split.At {
		if !slices.Contains(known, at) {
			return Refuse(CodeBadRequest, remedy, "%q is no place to split at", at)
		}
	}
	if slices.Contains(o.Split.At, SplitSeparator) && len(o.Filters) == 0 {
		return Refuse(CodeBadRequest, "name one that does in filters, e.g. filters: [leptonica, separator]",
			"to split at separator sheets, a filter must find them; the server's own does not")
	}
	return nil
}
