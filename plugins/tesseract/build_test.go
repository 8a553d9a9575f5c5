package main

import "testing"

func TestAnEngineIsNativeOnlyWhereItIsLoadedFromTheHostsFolder(t *testing.T) {
	loaded := []string{"/lib/x/libc.so.6", "/srv/native/tesseract/lib/libtesseract.so.5"}
	for name, c := range map[string]struct {
		folders, loaded []string
		want            string
	}{
		"host's folder":         {[]string{"/srv/native/tesseract/lib"}, loaded, loaded[1]},
		"second of two folders": {[]string{"/opt", "/srv/native/tesseract/lib"}, loaded, loaded[1]},
		"no folder":             {nil, loaded, ""},
		"another folder":        {[]string{"/srv/native"}, loaded, ""},
		"another library there": {[]string{"/lib/x"}, loaded, ""},
	} {
		if got := loadedFrom(c.folders, c.loaded); got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
	}
}
