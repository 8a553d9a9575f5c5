package link

import (
	"bytes"
	"errors"
	"io"
	"reflect"
	"testing"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/core/journal"
)

// Whatever is taken as a message is one that can be sent again, and means the same.
func FuzzMessage(f *testing.F) {
	for _, m := range allMessages() {
		raw, err := encodeMessage(m)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	f.Add([]byte(`{"kind":"hello","body":{"View":{"server":"n","more":1}}}`))
	f.Add([]byte(`{"kind":"ask-rest","body":{}} {}`))
	f.Add([]byte(`{"kind":"ask-rest","body":null}`))
	f.Add([]byte(`{"kind":"format"}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, err := decodeMessage(raw)
		if err != nil {
			return
		}
		again, err := encodeMessage(m)
		if err != nil {
			t.Skip("escapes made it longer than a message may be")
		}
		back, err := decodeMessage(again)
		if err != nil || !reflect.DeepEqual(m, back) {
			t.Errorf("%+v became %+v, %v", m, back, err)
		}
	})
}

// Whatever is taken as frames is written the same way again.
func FuzzFrames(f *testing.F) {
	write := func(frames ...[]byte) []byte {
		var b bytes.Buffer
		err := writeFrames(&b, func(yield func([]byte, error) bool) {
			for _, f := range frames {
				if !yield(f, nil) {
					return
				}
			}
		})
		if err != nil {
			f.Fatal(err)
		}
		return b.Bytes()
	}
	f.Add(write())
	f.Add(write([]byte("one"), []byte("two")))
	f.Add([]byte("\xff\xff\xff\xff\x02\x00\x00\x00{}"))
	f.Add([]byte("\xff\xff\x7f\x00short"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		frames, err := readBatch(bytes.NewReader(raw))
		if err != nil {
			if frames != nil {
				t.Error("frames beside an error")
			}
			return
		}
		if again := write(frames...); !bytes.Equal(again, raw) {
			t.Errorf("%x became %x", raw, again)
		}
	})
}

// Whatever a peer tells as an error is one, and comes through once more as it is.
func FuzzError(f *testing.F) {
	for _, err := range []error{
		&journal.Gap{Want: 1, Got: 2}, &journal.Fork{Seq: 3}, &journal.Stranger{Want: "a", Got: "b"}, journal.ErrCompacted, core.ErrUnknownEvent,
		core.DataDown("write", errors.New("disk full")), io.EOF,
	} {
		f.Add(encodeError(err))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		err := decodeError(raw)
		if err == nil {
			t.Fatal("no error")
		}
		again := encodeError(err)
		if len(again) > maxError {
			t.Errorf("an error of %d bytes", len(again))
		}
		if once, twice := decodeError(again), decodeError(encodeError(decodeError(again))); once.Error() != twice.Error() {
			t.Errorf("%q became %q", once, twice)
		}
	})
}
