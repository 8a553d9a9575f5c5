package core

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
)

// exact makes sure that a JSON value says what it says only once and in the very words of
// v, the struct that it is decoded into. encoding/json is generous: it takes "Settings"
// for "settings", and of two fields of one name the last. Whoever looks at the value as it
// is written, to seal its secrets, would look past such a field.
func exact(data []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	return exactValue(d, reflect.TypeOf(v), "")
}

// exactValue reads one value of d, which t describes; nil and types that are no structs
// describe nothing, but their fields, too, have one value each.
func exactValue(d *json.Decoder, t reflect.Type, at string) error {
	token, err := d.Token()
	if err != nil {
		return err
	}
	for t != nil && t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch token {
	case json.Delim('{'):
		return exactObject(d, t, at)
	case json.Delim('['):
		for n := 0; d.More(); n++ {
			if err := exactValue(d, itemOf(t), fmt.Sprintf("%s/%d", at, n)); err != nil {
				return err
			}
		}
		_, err = d.Token()
	}
	return err
}

func exactObject(d *json.Decoder, t reflect.Type, at string) error {
	known := fieldsOf(t)
	seen := map[string]bool{}
	for d.More() {
		token, err := d.Token()
		if err != nil {
			return err
		}
		name, _ := token.(string)
		if seen[name] {
			return fmt.Errorf("%s/%.100s is there twice", at, name)
		}
		seen[name] = true
		field, ok := known[name]
		if known != nil && !ok {
			return fmt.Errorf("unknown field %.100q", strings.TrimPrefix(at+"/"+name, "/"))
		}
		if err := exactValue(d, field, at+"/"+name); err != nil {
			return err
		}
	}
	_, err := d.Token()
	return err
}

// fieldsOf are the types of a struct's fields by their names in JSON; nil for what is no
// struct, or reads JSON in its own way.
func fieldsOf(t reflect.Type) map[string]reflect.Type {
	if t == nil || t.Kind() != reflect.Struct || reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]()) {
		return nil
	}
	all := map[string]reflect.Type{}
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		all[name] = f.Type
	}
	return all
}

// itemOf is the type of a list's items; nil where that is not known.
func itemOf(t reflect.Type) reflect.Type {
	if t == nil || t.Kind() != reflect.Slice {
		return nil
	}
	return t.Elem()
}
