package main

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bufbuild/protocompile"
	"github.com/bufbuild/protocompile/linker"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/pluginpb"
)

// generators are the tools of go.mod that turn descriptors into Go.
func generators() []string { return []string{"protoc-gen-go", "protoc-gen-go-grpc"} }

// generate makes the Go files of every .proto file in the sub-folders of dir, by
// path below dir. The generators are those of the module in root.
func generate(ctx context.Context, root, dir string) (map[string][]byte, error) {
	files, err := compileAll(ctx, dir)
	if err != nil {
		return nil, err
	}
	request, err := proto.Marshal(requestFor(files))
	if err != nil {
		return nil, err
	}
	made := map[string][]byte{}
	for _, name := range generators() {
		if err := runGenerator(ctx, root, name, request, made); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return made, nil
}

func compileAll(ctx context.Context, dir string) (linker.Files, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "*", "*.proto"))
	if err != nil {
		return nil, err
	}
	if len(paths) == 0 {
		return nil, fmt.Errorf("no .proto file in the folders of %s", dir)
	}
	var names []string
	for _, path := range paths {
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return nil, err
		}
		names = append(names, filepath.ToSlash(name))
	}
	return compile(ctx, dir, names...)
}

// compile reads .proto files, named by path below dir.
func compile(ctx context.Context, dir string, names ...string) (linker.Files, error) {
	compiler := protocompile.Compiler{
		Resolver:       protocompile.WithStandardImports(&protocompile.SourceResolver{ImportPaths: []string{dir}}),
		SourceInfoMode: protocompile.SourceInfoStandard, // comments go into the code
	}
	return compiler.Compile(ctx, names...)
}

// requestFor is what a generator reads: the files, and before each what it imports.
func requestFor(files linker.Files) *pluginpb.CodeGeneratorRequest {
	r := &pluginpb.CodeGeneratorRequest{Parameter: proto.String("paths=source_relative")}
	var add func(protoreflect.FileDescriptor)
	add = func(f protoreflect.FileDescriptor) {
		for i := range f.Imports().Len() {
			add(f.Imports().Get(i).FileDescriptor)
		}
		same := func(have *descriptorpb.FileDescriptorProto) bool { return have.GetName() == f.Path() }
		if !slices.ContainsFunc(r.ProtoFile, same) {
			r.ProtoFile = append(r.ProtoFile, protodesc.ToFileDescriptorProto(f))
		}
	}
	for _, f := range files {
		add(f)
		r.FileToGenerate = append(r.FileToGenerate, f.Path())
	}
	return r
}

// runGenerator adds the files that a generator answers with.
func runGenerator(ctx context.Context, root, name string, request []byte, made map[string][]byte) error {
	find := exec.CommandContext(ctx, "go", "tool", "-n", name)
	find.Dir = root
	path, err := output(find)
	if err != nil {
		return err
	}
	run := exec.CommandContext(ctx, strings.TrimSpace(string(path)))
	run.Stdin = bytes.NewReader(request)
	raw, err := output(run)
	if err != nil {
		return err
	}
	var answer pluginpb.CodeGeneratorResponse
	if err := proto.Unmarshal(raw, &answer); err != nil {
		return err
	}
	if answer.Error != nil {
		return fmt.Errorf("%s", answer.GetError())
	}
	for _, f := range answer.File {
		made[f.GetName()] = []byte(f.GetContent())
	}
	return nil
}

// output runs a program and tells what it said where it fails.
func output(cmd *exec.Cmd) ([]byte, error) {
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w: %s", strings.Join(cmd.Args, " "), err, strings.TrimSpace(stderr.String()))
	}
	return out, nil
}
