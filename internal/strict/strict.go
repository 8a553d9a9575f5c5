// Package strict reads what another server or an earlier start wrote, and nothing else.
package strict

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
)

// JSON decodes one JSON value into a pointer. Fields that it does not know are an error,
// and so is anything behind the value.
func JSON(raw []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("something follows it")
	}
	return nil
}
