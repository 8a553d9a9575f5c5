// Command protogen makes the Go code of the plug-in protocol from sdk/proto, and
// checks it:
//
//	go run ./tools/protogen           # write the generated files
//	go run ./tools/protogen -check    # are they as committed, and is the contract kept?
//
// It is run in the root of the repository. It needs no protoc: the compiler is a
// library, the generators are tools of go.mod.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"slices"
)

// protoDir holds the contract: one folder a generation.
const protoDir = "sdk/proto"

func main() {
	log.SetFlags(0)
	check := flag.Bool("check", false, "write nothing; fail when a generated file differs or the contract is broken")
	flag.Parse()
	work := write
	if *check {
		work = checkAll
	}
	if err := work(context.Background(), "."); err != nil {
		log.Fatal(err)
	}
}

// write makes the generated files anew in a checkout.
func write(ctx context.Context, root string) error {
	dir := filepath.Join(root, protoDir)
	made, err := generate(ctx, root, dir)
	if err != nil {
		return err
	}
	var errs []error
	for name, content := range made {
		errs = append(errs, os.WriteFile(filepath.Join(dir, name), content, 0o644))
	}
	return errors.Join(errs...)
}

// checkAll says everything that is wrong with the contract in a checkout.
func checkAll(ctx context.Context, root string) error {
	dir := filepath.Join(root, protoDir)
	return errors.Join(checkGenerated(ctx, root, dir), checkFrozen(dir), checkReleased(ctx, dir))
}

// checkGenerated compares the committed files with what the generators make.
func checkGenerated(ctx context.Context, root, dir string) error {
	made, err := generate(ctx, root, dir)
	if err != nil {
		return err
	}
	var errs []error
	for name, want := range made {
		have, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || !bytes.Equal(have, want) {
			errs = append(errs, fmt.Errorf("%s is not what its .proto says; run \"make proto\"", filepath.Join(protoDir, name)))
		}
	}
	committed, err := filepath.Glob(filepath.Join(dir, "*", "*.pb.go"))
	if err != nil {
		return err
	}
	for _, path := range committed {
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		if _, ok := made[filepath.ToSlash(name)]; !ok {
			errs = append(errs, fmt.Errorf("%s has no .proto", filepath.Join(protoDir, name)))
		}
	}
	slices.SortFunc(errs, func(a, b error) int { return bytes.Compare([]byte(a.Error()), []byte(b.Error())) })
	return errors.Join(errs...)
}
