package overnats

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/twinleaf-scan/twinleaf/core"
	"github.com/twinleaf-scan/twinleaf/pipeline/farm"
)

func TestAnAnswerIsCutAndPutTogether(t *testing.T) {
	p, err := newPacker()
	if err != nil {
		t.Fatal(err)
	}
	defer p.close()
	for _, size := range []int{0, 100, 3 * minPayload} {
		want := farm.Answer{Text: core.PageText{Text: core.File{Name: "a"}, Words: size}, Page: noise(size)}
		packed, err := p.pack(want)
		if err != nil {
			t.Fatal(err)
		}
		var a assembly
		messages := cut(packed, minPayload)
		for i, m := range messages {
			if len(m) > minPayload {
				t.Errorf("a message of %d bytes", len(m))
			}
			f, load, err := decodeFrame(m)
			if err != nil {
				t.Fatal(err)
			}
			whole, err := a.add(f, load)
			if err != nil || whole != (i == len(messages)-1) {
				t.Errorf("part %d of %d: %v %v", i, len(messages), whole, err)
			}
		}
		got, err := p.unpack(a.bytes)
		if err != nil || got.Text != want.Text || !bytes.Equal(got.Page, want.Page) {
			t.Errorf("%d bytes: got %+v, %v", size, got.Text, err)
		}
	}
}

func TestAnAnswerWithAPartMissingOrDamagedIsNone(t *testing.T) {
	messages := cut(noise(3*minPayload), minPayload)
	for what, all := range map[string][][]byte{
		"one is missing":  {messages[0], messages[2]},
		"the first twice": {messages[0], messages[0]},
		"in the middle":   {messages[1]},
		"of two answers":  {messages[0], cut(noise(3*minPayload), minPayload)[1]},
		"damaged":         append(append([][]byte{}, messages[:len(messages)-1]...), flipped(messages[len(messages)-1])),
	} {
		var a assembly
		var err error
		for _, m := range all {
			f, load, bad := decodeFrame(m)
			if bad != nil {
				t.Fatal(bad)
			}
			if _, err = a.add(f, load); err != nil {
				break
			}
		}
		if err == nil {
			t.Errorf("%s: it is taken", what)
		}
	}
}

// flipped has another last byte.
func flipped(m []byte) []byte {
	m = bytes.Clone(m)
	m[len(m)-1] ^= 1
	return m
}

func TestReasonsCrossTheWire(t *testing.T) {
	for code, want := range map[string]error{codeBasis: farm.ErrBasis, codeAway: farm.ErrGone} {
		if got := fault(code, errors.New("because")).err(); !errors.Is(got, want) || !strings.Contains(got.Error(), "because") {
			t.Errorf("%s: got %v", code, got)
		}
	}
	if got := fault(codeFailed, errors.New("because")).err(); errors.Is(got, farm.ErrGone) || got.Error() != "because" {
		t.Errorf("got %v", got)
	}
}

// FuzzMessages reads what anybody may send; what is taken is within its bounds.
func FuzzMessages(f *testing.F) {
	p, err := newPacker()
	if err != nil {
		f.Fatal(err)
	}
	packed, err := p.pack(farm.Answer{Page: []byte("{}")})
	if err != nil {
		f.Fatal(err)
	}
	text, err := json.Marshal(order{newID(), farm.Task{Image: core.File{Ref: core.Ref(strings.Repeat("a", 64)), Size: 1}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add(packed)
	f.Add(cut([]byte("load"), minPayload)[0])
	f.Add(frame{Kind: kindBeat}.encode(nil))
	f.Add(fault(codeBasis, errors.New("x")).encode(nil))
	f.Add([]byte(`{"name":"a","slots":1,"version":"1","payload":1000000}`))
	f.Add([]byte(`{"server":"north-1","version":"1"}`))
	f.Add([]byte(`{"id":"aaaaaaaaaaaaaaaaaaaaaaaa","ref":"` + strings.Repeat("a", 64) + `","at":0}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if g, load, err := decodeFrame(raw); err == nil {
			again, same, err := decodeFrame(g.encode(load))
			if err != nil || again != g || !bytes.Equal(same, load) {
				t.Errorf("%+v is read as %+v, %v", g, again, err)
			}
			_, _ = new(assembly).add(g, load)
		}
		if h, err := decodeHello(raw); err == nil && (h.Slots < 0 || h.Slots > maxSlots || h.Payload < minPayload) {
			t.Errorf("%+v is taken", h)
		}
		if o, err := decodeOrder(raw); err == nil && (o.Task.Image.Size <= 0 || o.Task.Image.Size > maxImage) {
			t.Errorf("%+v is taken", o)
		}
		if a, err := decodeAsk(raw); err == nil && a.At < 0 {
			t.Errorf("%+v is taken", a)
		}
		_, _ = decodeWelcome(raw)
		_, _ = p.unpack(raw)
	})
}
