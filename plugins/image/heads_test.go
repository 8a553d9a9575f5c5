package main

import (
	"errors"
	"testing"

	"github.com/twinleaf-scan/twinleaf/plugins/image/head"
	"github.com/twinleaf-scan/twinleaf/sdk"
)

func TestHeadsOfAFileAreReadOnce(t *testing.T) {
	h, reads := &heads{}, 0
	tiff := func(sha256 string, most int, err error) {
		_, _ = remember(h, &input{sha256: sha256}, sdk.Limits{Pages: most}, func(int) ([]head.TIFFPage, error) {
			reads++
			return []head.TIFFPage{{Width: 1}}, err
		})
	}
	for _, c := range []struct {
		name, sha256 string
		most         int
		err          error
		want         int // reads so far
	}{
		{"the first time", "a", 10, nil, 1},
		{"the same file", "a", 10, nil, 1},
		{"another limit", "a", 11, nil, 2},
		{"another file", "b", 11, nil, 3},
		{"the first file again", "a", 10, nil, 4},
		{"a file that cannot be read", "c", 10, errors.New("damaged"), 5},
		{"and again", "c", 10, nil, 6},
		{"a file without a checksum", "", 10, nil, 7},
		{"and again", "", 10, nil, 8},
	} {
		if tiff(c.sha256, c.most, c.err); reads != c.want {
			t.Errorf("%s: %d reads so far, want %d", c.name, reads, c.want)
		}
	}
	images, err := remember(h, &input{sha256: "a"}, sdk.Limits{Pages: 10}, func(int) ([]head.PNM, error) { return []head.PNM{{Width: 2}}, nil })
	if err != nil || len(images) != 1 || images[0].Width != 2 {
		t.Errorf("heads of another kind of file: %v, %v", images, err)
	}
}
