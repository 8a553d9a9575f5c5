// Command pairdemo shows what a pair of servers is for, on one machine and in less than
// a minute: twenty scans go to the primary, the primary is killed in the middle of them,
// the secondary finishes all, and the primary comes back. Everything in it is real: the
// program, its OCR engine, the commands that a person would type.
//
//	go run ./bench/pairdemo [-twinleaf bin/twinleaf] [-plugins bin/plugins] [-scans testdata]
//
// It exits 1 if anything is not as it is told.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"golang.org/x/term"
)

func main() {
	var o options
	flag.StringVar(&o.twinleaf, "twinleaf", "bin/twinleaf", "the program")
	flag.StringVar(&o.plugins, "plugins", "bin/plugins", "its plug-ins")
	flag.StringVar(&o.scans, "scans", "testdata", "folder of the sample scans")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	teller := &teller{out: os.Stdout, colour: os.Getenv("NO_COLOR") == "" && term.IsTerminal(int(os.Stdout.Fd())), began: time.Now()}
	if err := run(ctx, o, teller); err != nil {
		teller.wrong("%v", err)
		os.Exit(1)
	}
}

// options are the command line.
type options struct{ twinleaf, plugins, scans string }

// teller prints the story, each line with its time.
type teller struct {
	out    *os.File
	colour bool
	began  time.Time
}

// Colours on a terminal.
const (
	bold  = "\x1b[1m"
	green = "\x1b[32m"
	red   = "\x1b[31m"
	plain = "\x1b[0m"
)

func (t *teller) line(paint, format string, a ...any) {
	text := fmt.Sprintf(format, a...)
	if t.colour && paint != "" {
		text = paint + text + plain
	}
	fmt.Fprintf(t.out, "%6.1f s  %s\n", time.Since(t.began).Seconds(), text)
}

// tell is what happens.
func (t *teller) tell(format string, a ...any) { t.line("", format, a...) }

// act is what somebody does.
func (t *teller) act(format string, a ...any) {
	fmt.Fprintln(t.out)
	t.line(bold, format, a...)
}

// right is something that was promised and is so.
func (t *teller) right(format string, a ...any) { t.line(green, format, a...) }

// wrong is something that is not as it should be.
func (t *teller) wrong(format string, a ...any) { t.line(red, "WRONG: "+format, a...) }
