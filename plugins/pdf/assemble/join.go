package assemble

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/twinleaf-scan/twinleaf/plugins/pdf/source"
)

// joinTime bounds one run of qpdf; joining 1,000 pages takes half a second.
const joinTime = 5 * time.Minute

// join writes the pages of all parts, in order, as one PDF. qpdf reads its arguments
// from standard input, so that no password stands in the list of processes.
func join(ctx context.Context, parts []part, out string) error {
	ctx, cancel := context.WithTimeout(ctx, joinTime)
	defer cancel()
	var args strings.Builder
	args.WriteString("--empty\n--pages\n")
	for _, p := range parts {
		args.WriteString(p.path + "\n")
		if p.password != "" {
			args.WriteString("--password=" + p.password + "\n")
		}
		args.WriteString(ranges(p.pages) + "\n")
	}
	args.WriteString("--\n" + out + "\n")
	cmd := exec.CommandContext(ctx, "qpdf", "@-")
	cmd.Stdin = strings.NewReader(args.String())
	var said bytes.Buffer
	cmd.Stderr = &said
	err := cmd.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() == 3 { // done, with warnings
		return nil
	}
	if err != nil {
		err = fmt.Errorf("qpdf: %w: %s", err, strings.TrimSpace(said.String()))
		return source.Failed(ctx, err, "the %d parts of the document cannot be joined", len(parts))
	}
	return nil
}

// ranges writes page numbers as qpdf reads them, e.g. 1-3,7; no numbers mean all.
func ranges(pages []int) string {
	if len(pages) == 0 {
		return "1-z"
	}
	var out []string
	for i := 0; i < len(pages); {
		n := i + 1
		for n < len(pages) && pages[n] == pages[n-1]+1 {
			n++
		}
		r := strconv.Itoa(pages[i])
		if n > i+1 {
			r += "-" + strconv.Itoa(pages[n-1])
		}
		out, i = append(out, r), n
	}
	return strings.Join(out, ",")
}
