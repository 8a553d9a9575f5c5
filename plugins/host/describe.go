package host

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/twinleaf-scan/twinleaf/sdk"
)

// Description is what a program says of itself, and how it was kept while it said it.
type Description struct {
	Manifest sdk.Manifest
	Status   Status
}

// Describe starts a program once, confined as config wants it, and asks it what it
// is. The program need not lie in a plug-in folder; config names none.
func Describe(ctx context.Context, config Config, program string) (d Description, err error) {
	if config.program, err = filepath.Abs(program); err != nil {
		return d, err
	}
	info, err := os.Stat(program)
	switch {
	case err != nil:
		return d, err
	case !info.Mode().IsRegular() || info.Mode().Perm()&0o111 == 0:
		return d, fmt.Errorf("%s is no executable file", program)
	}
	config.Dir, config.Workers, config.Patience = filepath.Dir(config.program), 1, time.Minute // until the start has ended
	h, err := Open(ctx, config)
	if err != nil {
		return d, err
	}
	defer func() { err = errors.Join(err, h.Close()) }()
	p := h.plugins[0]
	h.await(p.file())
	if _, problem := p.ready(); problem != nil {
		return d, problem
	}
	return Description{p.about, h.status(p)}, nil
}
