package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/twinleaf-scan/twinleaf/sdk"
)

// Request is what the command finds on its standard input, on one line.
type Request struct {
	Op       string          `json:"op"`       // inspect, page, clean, recognize, index, assemble, deliver
	Args     json.RawMessage `json:"args"`     // the operation's request
	Settings json.RawMessage `json:"settings"` // as the schema lets them through
	Out      string          `json:"out"`      // folder for the files of the answer
	Tmp      string          `json:"tmp"`      // scratch, and the working folder
	Deadline time.Time       `json:"deadline,omitzero"`
}

// Answer is what the command prints: one of the two. A path in the result that is not
// absolute is taken to be in the folder Out.
type Answer struct {
	Result json.RawMessage `json:"result,omitempty"`
	Error  *Failure        `json:"error,omitempty"`
}

// Failure is an error that the command tells.
type Failure struct {
	Code      string `json:"code"`
	Detail    string `json:"detail"`
	Remedy    string `json:"remedy"`
	Temporary bool   `json:"temporary"`
}

// program is the words of a command.
type program []string

// tempFail is the exit code by which programs say "later", EX_TEMPFAIL of sysexits.h.
const tempFail = 75

// What a command may print, in bytes.
const (
	maxAnswer = 8 << 20
	maxLine   = 16 << 10
)

// run starts the command for one call and takes its answer.
func (p program) run(ctx context.Context, op string, args, settings json.RawMessage) (json.RawMessage, error) {
	deadline, _ := ctx.Deadline()
	request, err := json.Marshal(Request{
		Op: op, Args: args, Settings: settings, Out: filepath.Dir(sdk.Out(ctx, "x")), Tmp: sdk.TempDir(ctx), Deadline: deadline,
	})
	if err != nil {
		return nil, err
	}
	said := &answerBuffer{}
	log := &logLines{log: func(line string) { sdk.Log(ctx).Info(line) }}
	cmd := p.command(ctx, request, said, log)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	if err = cmd.Start(); errors.Is(err, syscall.EPERM) { // no groups in the sandbox below full; the server ends what stays
		cmd = p.command(ctx, request, said, log)
		err = cmd.Start()
	}
	if err == nil {
		err = cmd.Wait()
	}
	log.end()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return p.answer(said, err, filepath.Dir(sdk.Out(ctx, "x")), log.last)
}

// command is one start of the program, fed with a request.
func (p program) command(ctx context.Context, request []byte, out, log io.Writer) *exec.Cmd {
	cmd := exec.CommandContext(ctx, p[0], p[1:]...)
	cmd.Dir = sdk.TempDir(ctx)
	cmd.Env = environment(os.Environ())
	cmd.Stdin = io.MultiReader(bytes.NewReader(request), strings.NewReader("\n"))
	cmd.Stdout, cmd.Stderr = out, log
	cmd.WaitDelay = time.Second
	return cmd
}

// answer makes a call's answer of what the command printed and how it ended. An error
// that it tells counts whatever its exit code.
func (p program) answer(said *answerBuffer, ended error, out, lastLine string) (json.RawMessage, error) {
	name := filepath.Base(p[0])
	if said.over {
		return nil, fmt.Errorf("%s prints more than %d bytes; write large answers to a file", name, maxAnswer)
	}
	var a Answer
	d := json.NewDecoder(&said.kept)
	d.DisallowUnknownFields()
	decoded := d.Decode(&a)
	if decoded == nil && a.Error != nil {
		return nil, &sdk.Error{Code: a.Error.Code, Detail: a.Error.Detail, Remedy: a.Error.Remedy, Temporary: a.Error.Temporary}
	}
	if ended != nil {
		err := fmt.Errorf("%s: %w", name, ended)
		if lastLine != "" {
			err = fmt.Errorf("%w; it said: %s", err, lastLine)
		}
		if e, ok := errors.AsType[*exec.ExitError](ended); ok && e.ExitCode() == tempFail {
			return nil, sdk.Temporary(err)
		}
		return nil, err
	}
	if decoded != nil || len(a.Result) == 0 {
		return nil, fmt.Errorf(`%s printed no answer, {"result": …} or {"error": …}: %w`, name, orNothing(decoded))
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s printed more than its answer", name)
	}
	return absolute(a.Result, out)
}

func orNothing(err error) error {
	if err == nil {
		return errors.New("neither is there")
	}
	return err
}

// environment is what the command gets: all that the plug-in has but the server's own words.
func environment(all []string) []string {
	var kept []string
	for _, e := range all {
		if !strings.HasPrefix(e, "TWINLEAF_") && !strings.HasPrefix(e, "PLUGIN_") {
			kept = append(kept, e)
		}
	}
	return kept
}

// absolute puts the folder before each path of an answer that is not absolute.
func absolute(result json.RawMessage, out string) (json.RawMessage, error) {
	var tree any
	d := json.NewDecoder(bytes.NewReader(result))
	d.UseNumber()
	if err := d.Decode(&tree); err != nil {
		return nil, err
	}
	place(tree, out)
	return json.Marshal(tree)
}

func place(tree any, out string) {
	switch v := tree.(type) {
	case map[string]any:
		if path, ok := v["path"].(string); ok && !filepath.IsAbs(path) {
			v["path"] = filepath.Join(out, path)
			if _, named := v["name"]; !named {
				v["name"] = filepath.Base(path)
			}
		}
		for _, field := range v {
			place(field, out)
		}
	case []any:
		for _, item := range v {
			place(item, out)
		}
	}
}

// answerBuffer keeps at most maxAnswer bytes.
type answerBuffer struct {
	kept bytes.Buffer
	over bool
}

func (b *answerBuffer) Write(p []byte) (int, error) {
	if b.kept.Len()+len(p) > maxAnswer {
		b.over = true
		return len(p), nil
	}
	return b.kept.Write(p)
}

// logLines hands each line on and remembers the last.
type logLines struct {
	log  func(string)
	rest []byte
	last string
}

func (l *logLines) Write(p []byte) (int, error) {
	l.rest = append(l.rest, p...)
	for {
		n, line, err := bufio.ScanLines(l.rest, false)
		if n == 0 || err != nil {
			break
		}
		l.line(line)
		l.rest = l.rest[n:]
	}
	if len(l.rest) > maxLine {
		l.line(l.rest)
		l.rest = nil
	}
	return len(p), nil
}

func (l *logLines) line(line []byte) {
	if len(line) > maxLine {
		line = line[:maxLine]
	}
	if text := strings.TrimSpace(strings.ToValidUTF8(string(line), "?")); text != "" {
		l.last = text
		l.log(text)
	}
}

func (l *logLines) end() { l.line(l.rest) }
