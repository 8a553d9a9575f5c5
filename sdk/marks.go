package sdk

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"
)

// GrantKeyword is the keyword by which a settings schema says that the operator's own
// value of a field is a permission: [GrantNet], [GrantHost] or [GrantWrite].
const GrantKeyword = "x-grant"

// The grants. An author marks a field of the settings with the struct tag `grant:"net"`,
// `grant:"host"` or `grant:"write"`; what the operator writes there is then allowed to the
// processes that work with these settings, and to no others.
const (
	GrantNet   = "net"   // a URL or host:port, which may be private; a list of them
	GrantHost  = "host"  // the same, and the ports from 1024 on of its host: for protocols that agree on a port, as FTP does
	GrantWrite = "write" // an absolute path of a folder
)

// mark carries the struct tags grant and secret of a settings struct into its schema:
// a secret is writeOnly, as JSON Schema calls it, and the server never shows it.
func mark(schema *jsonschema.Schema, t reflect.Type) error {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		if t.Kind() == reflect.Slice && schema != nil {
			schema = schema.Items
		}
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || schema == nil {
		return nil
	}
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" {
			name = f.Name
		}
		field := schema.Properties[name]
		if field == nil || f.Anonymous {
			continue
		}
		if err := markField(field, f); err != nil {
			return err
		}
		if err := mark(field, f.Type); err != nil {
			return err
		}
	}
	return nil
}

func markField(field *jsonschema.Schema, f reflect.StructField) error {
	grant, secret := f.Tag.Get("grant"), f.Tag.Get("secret")
	switch grant {
	case "":
	case GrantNet, GrantHost, GrantWrite:
		if field.Extra == nil {
			field.Extra = map[string]any{}
		}
		field.Extra[GrantKeyword] = grant
	default:
		return fmt.Errorf("field %s: grant:%q is none of %s, %s and %s", f.Name, grant, GrantNet, GrantHost, GrantWrite)
	}
	switch secret {
	case "":
	case "true":
		if f.Type.Kind() != reflect.String {
			return fmt.Errorf("field %s: only a string can be a secret", f.Name)
		}
		field.WriteOnly = true
	default:
		return fmt.Errorf("field %s: secret:%q: the only value is true", f.Name, secret)
	}
	return nil
}
