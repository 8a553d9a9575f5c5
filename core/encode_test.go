package core

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"reflect"
	"strings"
	"testing"
	"time"
)

// bodies has one of each type.
func bodies() []Body {
	return []Body{
		JobSubmitted{}, StageStarted{}, DocumentIngested{}, PageRasterized{}, PageCleaned{},
		PageRecognized{}, DocumentAssembled{}, Delivered{}, StageFailed{}, JobHeld{},
		JobReleased{}, JobCancelled{}, JobRetried{}, SettingChanged{}, TakeoverBegan{},
		HandedBack{}, ModeChanged{}, Snapshot{},
	}
}

// fill gives every exported field that is journaled a value other than zero.
func fill(v reflect.Value, n *int64) {
	*n++
	switch {
	case v.Type() == reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(time.Date(2024, 5, 6, 7, 8, 9, int(*n), time.UTC)))
		return
	case v.Type() == reflect.TypeFor[[]byte]():
		v.SetBytes([]byte{byte(*n), '"', 0, 0xff})
		return
	case v.Type() == reflect.TypeFor[json.RawMessage]():
		v.SetBytes([]byte(`{"n":[true]}`))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString("välue <&> \"" + string(rune('a'+*n%26)) + "\" \u2028\n")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(*n)
	case reflect.Uint64:
		v.SetUint(uint64(*n))
	case reflect.Float64:
		v.SetFloat(float64(*n) + 0.1)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), n)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0), n)
		fill(v.Index(1), n)
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key, n)
		fill(value, n)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).Tag.Get("json") != "-" {
				fill(v.Field(i), n)
			}
		}
	default:
		panic("fill: " + v.Type().String())
	}
}

func filled(b Body) Body {
	v := reflect.New(reflect.TypeOf(b)).Elem()
	var n int64
	fill(v, &n)
	return v.Interface().(Body)
}

func TestEveryEventComesBackAsItWas(t *testing.T) {
	at := time.Date(2024, 2, 29, 23, 59, 58, 123456789, time.UTC)
	for _, zero := range bodies() {
		for name, body := range map[string]Body{"zero": zero, "filled": filled(zero)} {
			for _, job := range []JobID{"", "a-01HX", "né\"<\n"} {
				want := Event{At: at, Job: job, Body: body}
				line, err := EncodeEvent(want)
				if err != nil {
					t.Fatalf("EncodeEvent(%s %s): %v", name, zero.Type(), err)
				}
				if bytes.ContainsAny(line, "\n\x00") {
					t.Errorf("%s %s: more than one line: %q", name, zero.Type(), line)
				}
				got, err := DecodeEvent(line)
				if err != nil {
					t.Fatalf("DecodeEvent(%s): %v", line, err)
				}
				if !reflect.DeepEqual(got, want) {
					t.Errorf("%s %s:\n got %+v\nwant %+v", name, zero.Type(), got, want)
				}
				slow, err := decodeAny(line)
				if err != nil || !reflect.DeepEqual(slow, want) {
					t.Errorf("%s %s the slow way: %v\n got %+v\nwant %+v", name, zero.Type(), err, slow, want)
				}
			}
		}
	}
}

func TestEveryBodyTypeIsTested(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), "body.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	tested := map[string]bool{}
	for _, b := range bodies() {
		tested[b.Type()] = true
		if name := reflect.TypeOf(b).Name(); name != b.Type() {
			t.Errorf("%s calls itself %q", name, b.Type())
		}
	}
	for _, d := range f.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || fn.Name.Name != "Type" {
			continue
		}
		if name := fn.Recv.List[0].Type.(*ast.Ident).Name; !tested[name] {
			t.Errorf("%s is missing from bodies()", name)
		}
	}
}

func TestTimesAreWrittenInUTC(t *testing.T) {
	at := time.Date(2024, 7, 1, 12, 0, 0, 0, time.FixedZone("", 2*3600))
	line, err := EncodeEvent(Event{At: at, Job: "a-1", Body: JobRetried{Round: 2}})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"type":"JobRetried","at":"2024-07-01T10:00:00Z","job":"a-1","data":{"round":2}}`
	if string(line) != want {
		t.Errorf("got  %s\nwant %s", line, want)
	}
}

type strange struct{}

func (strange) Type() string { return "Strange" }

func TestUnknownEventsAreRefused(t *testing.T) {
	for _, b := range []Body{nil, strange{}, &JobHeld{}} {
		if line, err := EncodeEvent(Event{Body: b}); !errors.Is(err, ErrUnknownEvent) {
			t.Errorf("EncodeEvent(%T) = %s, %v; want ErrUnknownEvent", b, line, err)
		}
	}
	line := `{"type":"Strange","at":"2024-07-01T10:00:00Z","job":"","data":{}}`
	if e, err := DecodeEvent([]byte(line)); !errors.Is(err, ErrUnknownEvent) {
		t.Errorf("DecodeEvent = %+v, %v; want ErrUnknownEvent", e, err)
	}
}

func TestBrokenEventsAreRefused(t *testing.T) {
	const at = `"at":"2024-07-01T10:00:00Z","job":"a-1"`
	for name, line := range map[string]string{
		"nothing":          ``,
		"no JSON":          `JobHeld`,
		"cut":              `{"type":"JobHeld",` + at + `,"data":{"reason":"x"`,
		"no data":          `{"type":"JobHeld",` + at + `}`,
		"null data":        `{"type":"JobHeld",` + at + `,"data":null}`,
		"list for data":    `{"type":"JobHeld",` + at + `,"data":[]}`,
		"wrong field type": `{"type":"JobHeld",` + at + `,"data":{"reason":7}}`,
		"another field":    `{"type":"JobHeld",` + at + `,"data":{},"more":1}`,
		"trailing":         `{"type":"JobHeld",` + at + `,"data":{}}{}`,
		"bad time":         `{"type":"JobHeld","at":"yesterday","job":"a-1","data":{}}`,
		"year 10000":       `{"type":"JobHeld","at":"9999-12-31T23:00:00-02:00","job":"a-1","data":{}}`,
	} {
		if e, err := DecodeEvent([]byte(line)); err == nil {
			t.Errorf("%s: DecodeEvent(%s) = %+v, want an error", name, line, e)
		}
	}
}

func TestDecodedEventSharesNothingWithItsBytes(t *testing.T) {
	want := Event{At: time.Unix(0, 0).UTC(), Job: "a-1", Body: filled(JobSubmitted{})}
	line, err := EncodeEvent(want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := DecodeEvent(line)
	if err != nil {
		t.Fatal(err)
	}
	for i := range line {
		line[i] = 'x'
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v\nwant %+v", got, want)
	}
}

func FuzzDecodeEvent(f *testing.F) {
	for _, b := range bodies() {
		for _, b := range []Body{b, filled(b)} {
			line, err := EncodeEvent(Event{At: time.Unix(1, 2), Job: "a-1", Body: b})
			if err != nil {
				f.Fatal(err)
			}
			f.Add(line)
			f.Add([]byte(strings.Replace(string(line), `,"job"`, ` , "job"`, 1)))
		}
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		e, err := DecodeEvent(line)
		if err != nil {
			return
		}
		once, err := EncodeEvent(e)
		if err != nil {
			t.Fatalf("decoded %q but cannot encode %+v: %v", line, e, err)
		}
		e2, err := DecodeEvent(once)
		if err != nil {
			t.Fatalf("cannot decode own %q: %v", once, err)
		}
		twice, err := EncodeEvent(e2)
		if err != nil || !bytes.Equal(once, twice) {
			t.Fatalf("%v\nonce  %s\ntwice %s", err, once, twice)
		}
	})
}

func BenchmarkDecodeEvent(b *testing.B) {
	for _, body := range []Body{StageStarted{}, PageRecognized{}, PageRasterized{}, JobSubmitted{}} {
		line, err := EncodeEvent(Event{At: time.Unix(1, 2), Job: "a-01HXYZ", Body: filled(body)})
		if err != nil {
			b.Fatal(err)
		}
		b.Run(body.Type(), func(b *testing.B) {
			b.SetBytes(int64(len(line)))
			for b.Loop() {
				if _, err := DecodeEvent(line); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
