package main

import (
	"bufio"
	"bytes"
	"compress/zlib"
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
)

// The pages are A4 at 300 dpi, as the stand-in says that they are, with one bit a pixel:
// white below some rows of noise, so that they travel with about as many bytes as text has.
const width, height, noisy = 2480, 3508, 64

// writePages writes a TIFF of n pages, no two of which are the same.
func writePages(path string, n int) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close() // Flush tells
	w := bufio.NewWriter(f)
	random := rand.New(rand.NewPCG(1, 2))
	const fields = 11
	le := func(v any) { _ = binary.Write(w, binary.LittleEndian, v) } // Flush tells
	_, _ = w.WriteString("II*\x00")
	for at, i := 4, 0; i < n; i++ {
		strip, err := drawn(random)
		if err != nil {
			return err
		}
		begin := at + 4
		here := begin + len(strip) // of the resolution
		le(uint32(here + 8))       // where the directory is, behind the one before
		le(strip)
		le([]uint32{300, 1})
		le(uint16(fields))
		for _, e := range [fields][3]uint32{
			{256, 4, width}, {257, 4, height}, {258, 3, 1}, {259, 3, 8}, {262, 3, 0}, {273, 4, uint32(begin)}, {278, 4, height},
			{279, 4, uint32(len(strip))}, {282, 5, uint32(here)}, {283, 5, uint32(here)}, {296, 3, 2},
		} {
			le([]uint16{uint16(e[0]), uint16(e[1])})
			if e[1] == 3 {
				le([]uint16{1, 0, uint16(e[2]), 0})
			} else {
				le([]uint32{1, e[2]})
			}
		}
		at = here + 8 + 2 + 12*fields
	}
	le(uint32(0))
	return w.Flush()
}

// drawn is a page's rows, deflated, of an even length.
func drawn(random *rand.Rand) ([]byte, error) {
	rows := make([]byte, width/8*height)
	for i := range rows[:width/8*noisy] {
		rows[i] = byte(random.Uint32())
	}
	var out bytes.Buffer
	z := zlib.NewWriter(&out)
	if _, err := z.Write(rows); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return append(out.Bytes(), make([]byte, out.Len()%2)...), nil
}

// lightPlugins is a folder of plug-ins where the stand-in is the filter and the recognizer.
func lightPlugins(ctx context.Context, dir string, o options) (string, error) {
	light := filepath.Join(dir, "plugins")
	if err := os.Mkdir(light, 0o755); err != nil {
		return "", err
	}
	if err := os.Chmod(dir, 0o755); err != nil { // plug-ins have users of their own
		return "", err
	}
	for _, name := range []string{"image", "pdf", "folder"} {
		if err := os.Symlink(filepath.Join(o.plugins, name), filepath.Join(light, name)); err != nil {
			return "", err
		}
	}
	build := exec.CommandContext(ctx, "go", "build", "-o", filepath.Join(light, "standin"), "-ldflags", "-X main.builtTime="+o.page.String(), "./bench/standin")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return "", fmt.Errorf("build the stand-in: %w", err)
	}
	return light, nil
}
