#!/bin/sh
# Makes plugin.pb.go and plugin_grpc.pb.go from plugin.proto. Needs protoc.
set -eu
cd "$(dirname "$0")/.."
protoc --plugin="$(go tool -n protoc-gen-go)" --plugin="$(go tool -n protoc-gen-go-grpc)" \
	--go_out=. --go_opt=paths=source_relative --go-grpc_out=. --go-grpc_opt=paths=source_relative \
	v2/plugin.proto
