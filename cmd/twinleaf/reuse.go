package main

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/twinleaf-scan/twinleaf/core/cache"
	"github.com/twinleaf-scan/twinleaf/pipeline/reuse"
	"github.com/twinleaf-scan/twinleaf/plugins/host"
)

// cacheFolder holds, in the data folder, what plug-ins answered before.
const cacheFolder = "cache"

// maxAnswer is how many bytes of an answer are kept: a dense page has some 200 KB of text.
const maxAnswer = 16 << 20

// cacheConfig says how much of what plug-ins answered is kept for the next time.
type cacheConfig struct {
	Bytes byteSize `yaml:"bytes"` // on disk; default 1GiB; "off": nothing is kept
}

// byteSize is a number of bytes; 0 is the default, a negative one is off.
type byteSize int64

// UnmarshalYAML takes 1048576, 512MiB, 1GiB and off.
func (b *byteSize) UnmarshalYAML(n *yaml.Node) error {
	v, err := parseBytes(n.Value)
	if err != nil || n.Kind != yaml.ScalarNode {
		return fmt.Errorf("line %d: %q is no number of bytes; write 512MiB, 1GiB or off", n.Line, n.Value)
	}
	*b = v
	return nil
}

func parseBytes(s string) (byteSize, error) {
	if s == "off" || s == "0" || s == "false" {
		return -1, nil
	}
	shift := 0
	for i, unit := range []string{"KiB", "MiB", "GiB", "TiB"} {
		if head, ok := strings.CutSuffix(s, unit); ok {
			s, shift = strings.TrimSpace(head), 10*(i+1)
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 1 || n > 1<<62>>shift {
		return 0, fmt.Errorf("%q is no number of bytes", s)
	}
	return byteSize(n << shift), nil
}

// answers is what plug-ins answered before, for who asks the same again. A nil one keeps nothing.
type answers struct {
	store  *cache.Store
	memory *reuse.Memory
}

// openKept opens what was kept in a data folder. Where that cannot be, all is done anew.
func openKept(data string, c cacheConfig, h *host.Host, log *slog.Logger) *answers {
	if c.Bytes < 0 {
		return nil
	}
	log = log.With("part", "cache")
	store, err := cache.Open(filepath.Join(data, cacheFolder), cache.Config{Bytes: int64(c.Bytes), Logger: log})
	if err != nil {
		log.Warn("nothing is kept of what plug-ins answer", "err", err)
		return nil
	}
	memory, err := reuse.New(store, h, maxAnswer)
	if err != nil {
		store.Close()
		log.Warn("nothing is kept of what plug-ins answer", "err", err)
		return nil
	}
	return &answers{store, memory}
}

// again is the memory of the stages.
func (k *answers) again() *reuse.Memory {
	if k == nil {
		return nil
	}
	return k.memory
}

func (k *answers) close() {
	if k != nil {
		k.store.Close()
	}
}
