package read

import (
	"bytes"
	"image"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/image/tiff"
)

func TestDrawingForRecognitionIsAPlainTIFF(t *testing.T) {
	in, out := filepath.Join(t.TempDir(), "in.pgm"), filepath.Join(t.TempDir(), "out.tif")
	samples := []byte{0, 50, 100, 150, 200, 255}
	if err := os.WriteFile(in, append([]byte("P5\n3 2\n255\n"), samples...), 0o600); err != nil {
		t.Fatal(err)
	}
	h, err := grayTIFF(in, out, 300)
	if err != nil || h.w != 3 || h.h != 2 {
		t.Fatalf("got %+v, %v, want 3 x 2", h, err)
	}
	data, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	img, err := tiff.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if gray, ok := img.(*image.Gray); !ok || !bytes.Equal(gray.Pix, samples) {
		t.Errorf("got %v, want gray samples %v", img, samples)
	}
}

func TestDrawingThatIsCutIsNoTIFF(t *testing.T) {
	for name, content := range map[string]string{"cut": "P5\n3 2\n255\nabcde", "bits": "P4\n3 2\nab", "empty": ""} {
		in := filepath.Join(t.TempDir(), "in.pgm")
		if err := os.WriteFile(in, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := grayTIFF(in, filepath.Join(t.TempDir(), "out.tif"), 300); err == nil {
			t.Errorf("%s: a TIFF was made of %q", name, content)
		}
	}
}
