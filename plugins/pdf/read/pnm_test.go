package read

import (
	"bufio"
	"bytes"
	"fmt"
	"path/filepath"
	"testing"
)

func TestPicturesTurnByEXIFOrientation(t *testing.T) {
	p := picture{header{'5', 3, 2}, []byte("abcdef")}
	for orient, want := range map[int]string{
		1: "3x2 abcdef", 2: "3x2 cbafed", 3: "3x2 fedcba", 4: "3x2 defabc",
		5: "2x3 adbecf", 6: "2x3 daebfc", 7: "2x3 fcebda", 8: "2x3 cfbead", 9: "3x2 abcdef",
	} {
		q := p.turned(orient)
		if got := fmt.Sprintf("%dx%d %s", q.w, q.h, q.samples); got != want {
			t.Errorf("orientation %d: got %s, want %s", orient, got, want)
		}
	}
}

func TestPicturesComeBackFromTheirFiles(t *testing.T) {
	for _, p := range []picture{
		{header{'4', 11, 2}, []byte("\x01\x00\x00\x01\x01\x01\x00\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x01")},
		{header{'5', 2, 2}, []byte("abcd")},
		{header{'6', 1, 2}, []byte("abcdef")},
	} {
		path := filepath.Join(t.TempDir(), "x"+p.suffix())
		if err := p.write(path); err != nil {
			t.Fatal(err)
		}
		got, err := readPNM(path, 100)
		if err != nil || !bytes.Equal(got.samples, p.samples) || got.header != p.header {
			t.Errorf("got %+v and %v, want %+v", got, err, p)
		}
		if _, err := readPNM(path, 1); err == nil {
			t.Error("a picture over the limit was read")
		}
	}
}

func TestPicturesStretch(t *testing.T) {
	p := picture{header{'5', 2, 2}, []byte("abcd")}
	if got := string(p.stretched(4, 3).samples); got != "aabbaabbccdd" {
		t.Errorf("got %s", got)
	}
}

// FuzzHeader holds that no bytes make the header reader give a size below 1.
func FuzzHeader(f *testing.F) {
	f.Add([]byte("P5\n2 2\n255\nabcd"))
	f.Add([]byte("P4 1 1\n\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if h, err := parseHeader(bufio.NewReader(bytes.NewReader(b))); err == nil && (h.w < 1 || h.h < 1 || h.suffix() == "") {
			t.Fatalf("%+v", h)
		}
	})
}
