package main

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/bufbuild/protocompile"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// frozenV1 is the SHA-256 of v1/plugin.proto. Programs of generation 1 are in use
// that nobody will build again: not a byte of it changes.
const frozenV1 = "10943b72b84505f7f00da2e549519e87a786812babbf6f1277899f6eddc7e60c"

func checkFrozen(dir string) error {
	name := filepath.Join("v1", "plugin.proto")
	raw, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		return err
	}
	if sum := sha256.Sum256(raw); hex.EncodeToString(sum[:]) != frozenV1 {
		return fmt.Errorf("%s is frozen and was changed; make changes in the newest generation", filepath.Join(protoDir, name))
	}
	return nil
}

// releasedV2 is v2/plugin.proto as it was last released. A release copies the file.
//
//go:embed released/v2.proto
var releasedV2 string

// checkReleased refuses a generation 2 that programs built for the released one
// would not understand.
func checkReleased(ctx context.Context, dir string) error {
	const name = "v2/plugin.proto"
	released, err := compileText(ctx, name, releasedV2)
	if err != nil {
		return err
	}
	now, err := compile(ctx, dir, name)
	if err != nil {
		return err
	}
	var errs []error
	for _, broken := range breaks(released, now[0]) {
		errs = append(errs, fmt.Errorf("%s: %s; add beside it, or begin a new generation", filepath.Join(protoDir, name), broken))
	}
	return errors.Join(errs...)
}

func compileText(ctx context.Context, name, text string) (protoreflect.FileDescriptor, error) {
	compiler := protocompile.Compiler{Resolver: protocompile.WithStandardImports(&protocompile.SourceResolver{
		Accessor: protocompile.SourceAccessorFromMap(map[string]string{name: text}),
	})}
	files, err := compiler.Compile(ctx, name)
	if err != nil {
		return nil, err
	}
	return files[0], nil
}
