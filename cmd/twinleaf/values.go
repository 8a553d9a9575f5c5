package main

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"
)

// wrongFlag says in plain words what is wrong with a flag or its value.
func wrongFlag(c *cobra.Command, err error) error {
	help := "see " + c.CommandPath() + " --help"
	e, ok := errors.AsType[*pflag.InvalidValueError](err)
	if !ok {
		return usage(help, "%s", err)
	}
	f := e.GetFlag()
	wrong, hint := wrongValue(e.GetValue(), f.Value.Type())
	switch {
	case wrong == "":
		return usage(help, "%s", err)
	case hint == "":
		hint = help
	}
	return usage(hint, "--%s: %s", f.Name, wrong)
}

// wrongValue says what is wrong with a value where a type is wanted, and what to write;
// "" if that is none of the types it knows.
func wrongValue(value, wanted string) (wrong, hint string) {
	switch wanted {
	case "int", "int64", "uint", "uint64":
		if _, err := strconv.ParseInt(value, 0, 64); errors.Is(err, strconv.ErrRange) {
			return fmt.Sprintf("%s is too large", value), ""
		}
		return fmt.Sprintf("%q is no number", value), ""
	case "float64":
		return fmt.Sprintf("%q is no number", value), ""
	case "bool":
		return fmt.Sprintf("%q is neither true nor false", value), "write true or false"
	case "duration", "time.Duration":
		if _, err := time.ParseDuration(value + "s"); err == nil {
			return fmt.Sprintf("%q has no unit", value), "write " + value + "s"
		}
		return fmt.Sprintf("%q is no length of time", value), "write it as 90s or 5m"
	}
	return "", ""
}

// advised makes a usage error of one that says what to write after its last semicolon, or
// not at all: then that is fallback.
func advised(before string, err error, fallback string) error {
	text := err.Error()
	if strings.Contains(text, "\nhint: ") {
		return usage("", "%s%s", before, text)
	}
	if at := strings.LastIndex(text, "; "); at >= 0 {
		return usage(text[at+2:], "%s%s", before, text[:at])
	}
	return usage(fallback, "%s%s", before, text)
}

// configFields is where the fields of a configuration are described.
const configFields = "the fields are described in docs/operations.md"

// wrongYAML says what is wrong with a file of which data is the content: the field, where
// its value is of another type than the field.
func wrongYAML(path string, data []byte, err error) error {
	te, ok := errors.AsType[*yaml.TypeError](err)
	var doc yaml.Node
	if !ok || len(te.Errors) == 0 || yaml.Unmarshal(data, &doc) != nil {
		return usage(configFields, "%s: %s", path, plainYAML(err))
	}
	var all []string
	advice := ""
	for _, text := range te.Errors {
		wrong, hint := wrongField(&doc, text)
		if all = append(all, wrong); advice == "" {
			advice = hint
		}
	}
	if advice == "" {
		advice = configFields
	}
	return usage(advice, "%s: %s", path, strings.Join(all, "; "))
}

// mistyped is how the library says that a value is of another type than its field.
var mistyped = regexp.MustCompile("^line ([0-9]+): cannot unmarshal (\\S+)(?: `(.*)`)? into (.+)$")

// wrongField says what the library does in one of its errors, with the field's name.
func wrongField(doc *yaml.Node, text string) (wrong, hint string) {
	m := mistyped.FindStringSubmatch(text)
	if m == nil {
		return plainYAML(errors.New(text)), ""
	}
	line, _ := strconv.Atoi(m[1]) // of digits
	name, value := fieldAt(doc, nil, line, m[2], m[3])
	if name == "" {
		return plainYAML(errors.New(text)), ""
	}
	if value.Kind == yaml.ScalarNode {
		if wrong, hint = wrongValue(value.Value, m[4]); wrong != "" {
			return fmt.Sprintf("line %d: %s: %s", line, name, wrong), hint
		}
	}
	return fmt.Sprintf("line %d: %s cannot be %s", line, name, kindWord(m[2])), ""
}

// kindWord is what people call a value of a tag.
func kindWord(tag string) string {
	switch tag {
	case "!!seq":
		return "a list"
	case "!!map":
		return "a list of fields"
	}
	return "a single value"
}

// fieldAt finds the value of a tag on a line, and the names of the fields that lead to
// it. The library shortens a long text to its beginning and three dots.
func fieldAt(n *yaml.Node, names []string, line int, tag, text string) (name string, value *yaml.Node) {
	begin, short := strings.CutSuffix(text, "...")
	if len(names) > 0 && n.Line == line && n.ShortTag() == tag && (text == n.Value || short && strings.HasPrefix(n.Value, begin) || n.Kind != yaml.ScalarNode) {
		return strings.Join(names, ": "), n
	}
	for i, c := range n.Content {
		below := names
		switch n.Kind {
		case yaml.MappingNode:
			if i%2 == 0 {
				continue // a name
			}
			below = append(names[:len(names):len(names)], n.Content[i-1].Value)
		case yaml.SequenceNode:
			below = append(names[:len(names):len(names)], fmt.Sprintf("entry %d", i+1))
		}
		if name, value = fieldAt(c, below, line, tag, text); name != "" {
			return name, value
		}
	}
	return "", nil
}
