# Twinleaf. `make run` shows it at work, `make test` proves it. `make help` lists the rest.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

export CGO_ENABLED := 1
BIN      := bin
ALL      := ./... ./sdk/...
PLUGINS  := image pdf leptonica tesseract folder webhook email paperless separator ftp sftp webdav s3
VERSION  := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
VERSITYGW := v1.8.0
LDFLAGS  := -X main.version=$(VERSION)
SUDO     := $(if $(filter 0,$(shell id -u)),,sudo)

# What running needs, and what building and testing need besides.
PACKAGES := tesseract-ocr tesseract-ocr-eng tesseract-ocr-deu tesseract-ocr-osd poppler-utils qpdf \
            gcc g++ pkg-config libtesseract-dev libleptonica-dev libtiff-dev libjpeg62-turbo-dev libzbar-dev libjemalloc-dev
TEST_PACKAGES := tesseract-ocr-fra tesseract-ocr-spa tesseract-ocr-frk tesseract-ocr-grc \
            libtiff-tools jbig2dec imagemagick netpbm curl fonts-dejavu-core libxml2-utils liblcms2-utils \
            default-jre-headless libpdfbox2-java libjaxb-api-java libactivation-java \
            python3 python3-grpcio python3-protobuf python3-aiosmtpd jq openssh-server openssh-client apache2 haproxy keepalived iproute2 \
            proftpd-core proftpd-mod-crypto python3-pyftpdlib openssl

# What "make native-engine" needs besides: what the distribution's library is built with.
NATIVE_PACKAGES := dpkg-dev autoconf automake libtool autoconf-archive binutils libarchive-dev

# What "make bench" measures beside the program, and lays the pages with.
BENCH_PACKAGES := ocrmypdf img2pdf imagemagick

.PHONY: help run serve pair bench bench-summary deps-bench deps-native native-engine native-check robust robust-short test ci deps deps-test build build-faults unit race attacks scripts fmt vet lint vuln fuzz benchmarks readers s3-server nats-server farm proto proto-check notices testdata accuracy hostile crash clean

help: ## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t14

run: deps build ## install what is missing, build, make a searchable PDF of a sample scan
	@mkdir -p out
	@$(BIN)/twinleaf ocr testdata/minutes-g4.tif -o out/minutes.pdf --text out/minutes.txt
	@echo; head -n 12 out/minutes.txt; echo
	@echo "The searchable PDF lies in $(CURDIR)/out/minutes.pdf"

serve: deps build ## a server on http://127.0.0.1:8080; scans dropped into demo/in come out in demo/out
	@mkdir -p demo/in demo/out
	$(BIN)/twinleaf serve --data demo/data --config demo.yaml

pair: deps build ## two servers on this machine: the primary is killed, the secondary finishes everything
	@go run ./bench/pairdemo -twinleaf $(BIN)/twinleaf -plugins $(BIN)/plugins

# make bench BENCH="-only dense,short -rounds 1 -cut 4 -out trial" is a quick trial; make bench RUN=2 keeps docs/bench/run-2.json too.
bench: deps deps-bench build ## throughput beside ocrmypdf and tesseract on the same pages, with the table (needs ../shared/data or TWINLEAF_DATA)
	@go run ./bench/peers -twinleaf $(BIN)/twinleaf -readme README.md $(if $(RUN),-name run-$(RUN)) $(BENCH)

bench-summary: ## what held in all runs of "make bench RUN=1", 2, 3
	@go run ./bench/peers -summary $(wildcard docs/bench/run-*.json)

test: deps deps-test readers s3-server nats-server build unit attacks scripts robust-short ## every test: unit tests with race detection, attacks on the sandbox, testscripts, bad days of a pair

unit: race

race:
	go test -race -timeout 30m $$(go list $(ALL) | grep -vE '/(testscripts|core/pair$$)')
	go test -race -short ./core/pair
	go test -timeout 10m ./core/pair

attacks: ## a hostile plug-in against every level of the sandbox, as root (if one is) and as an ordinary user
	go test ./plugins/host -run '^TestAttacks$$' -v -timeout 10m -args -attacks

scripts: build build-faults
	go test -tags faults ./cmd/twinleaf -run 'Fault|GS28|GS29'
	go test -timeout 30m ./testscripts/...

ci: deps deps-test readers s3-server nats-server build fmt vet lint vuln race attacks scripts robust-short fuzz benchmarks ## what .ci/run runs
	@echo "ci: everything passed"

build: ## bin/twinleaf and bin/plugins/*
	@mkdir -p $(BIN)/plugins
	go build -trimpath -ldflags "$(LDFLAGS)" -o $(BIN)/twinleaf ./cmd/twinleaf
	@for p in $(PLUGINS); do echo "go build plugins/$$p"; go build -trimpath -ldflags "-s -w" -o $(BIN)/plugins/$$p ./plugins/$$p; done
	go build -trimpath -ldflags "-s -w" -o $(BIN)/plugins/_exec ./plugins/exec

build-faults: ## bin/twinleaf-faults: for tests that have the web service, the data service or the clock fail
	@mkdir -p $(BIN)
	go build -trimpath -tags faults -ldflags "$(LDFLAGS)" -o $(BIN)/twinleaf-faults ./cmd/twinleaf

deps: ## install what running needs (apt)
	@$(call install,$(PACKAGES))

deps-test: ## install what the tests need besides
	@$(call install,$(TEST_PACKAGES))
	@command -v node >/dev/null && command -v npm >/dev/null || { $(call install,nodejs npm); }

deps-bench: ## install what the comparison measures besides
	@$(call install,$(BENCH_PACKAGES))

deps-native: ## install what building the engine for this processor needs besides
	@$(call install,$(NATIVE_PACKAGES))

# Beside the plug-in folder of an installed server: make native-engine NATIVE=/usr/local/lib/twinleaf/native/tesseract
NATIVE ?= $(BIN)/native/tesseract
native-engine: deps deps-native ## the distribution's own Tesseract built for this very processor, beside the plug-ins; the program then uses it
	bash tools/native-engine/build.sh $(NATIVE)

# make native-check CHECK="book magazine" takes the files with these words in their names.
native-check: build ## that engine against the distribution's: text, confidence and CPU over all scans (needs ../shared/data)
	@go run ./bench/native -twinleaf $(BIN)/twinleaf $(CHECK)

# Only what is missing is installed, so that a machine that has all of it needs neither network nor sudo.
define install
missing=$$(for p in $(1); do dpkg-query -W -f='$${db:Status-Abbrev}' $$p 2>/dev/null | grep -q '^ii' || echo $$p; done); \
if [ -n "$$missing" ]; then \
  echo "installing" $$missing; \
  $(SUDO) apt-get update -qq && $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; \
fi
endef

s3-server: $(BIN)/test/versitygw ## the S3 server of the tests, built from its own module

$(BIN)/test/versitygw:
	@mkdir -p $(@D)
	GOBIN=$(abspath $(@D)) go install github.com/versity/versitygw/cmd/versitygw@$(VERSITYGW)

farm: build ## what workers on other machines bring, measured on this one
	@go run ./bench/farm

nats-server: $(BIN)/test/nats-server ## the NATS server of the tests, of the module that is built in

$(BIN)/test/nats-server:
	@mkdir -p $(@D)
	go build -o $@ github.com/nats-io/nats-server/v2

readers: plugins/pdf/readers/node_modules/.package-lock.json ## the foreign PDF readers of the tests (npm)

plugins/pdf/readers/node_modules/.package-lock.json: plugins/pdf/readers/package-lock.json
	cd plugins/pdf/readers && npm ci --no-audit --no-fund --ignore-scripts --silent
	@touch $@

fmt:
	@bad=$$(gofmt -l $$(git ls-files '*.go')); if [ -n "$$bad" ]; then echo "not gofmt'ed:" $$bad; exit 1; fi

vet:
	go vet $(ALL)

lint:
	go tool staticcheck $(ALL)

# The vulnerability data lives on the net; without it the step says so and goes on.
vuln:
	@if out=$$(timeout 300 go run golang.org/x/vuln/cmd/govulncheck@v1.9.0 $(ALL) 2>&1); then echo "govulncheck: nothing found"; \
	elif grep -qiE 'no such host|connection refused|dial tcp|fetching vulnerabilities|timeout|forbidden|Proxy' <<<"$$out"; then echo "govulncheck: its data cannot be reached from here, skipped"; \
	else echo "$$out"; exit 1; fi

# A target that is still busy when its time is over ends with "context deadline exceeded" and no failing input: that is no find.
FUZZTIME ?= 5s
fuzz: ## every fuzz target for FUZZTIME each
	@grep -rlE '^func Fuzz' --include='*_test.go' . | xargs -n1 dirname | sort -u | while read -r d; do \
	  for f in $$(grep -hoE '^func Fuzz[A-Za-z0-9_]+' $$d/*_test.go | sed 's/func //'); do \
	    echo "fuzz $$d $$f"; \
	    if ! out=$$(go test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 1s $$d 2>&1); then \
	      if grep -q 'Failing input written' <<<"$$out" || ! grep -q 'context deadline exceeded' <<<"$$out"; then echo "$$out"; exit 1; fi; \
	    fi; done; done

# For benchstat: make -s benchmarks COUNT=10 BENCHTIME=1s MATCH=Apply PKGS=./core > old.txt, the same into new.txt after
# a change, then go run golang.org/x/perf/cmd/benchstat@latest old.txt new.txt
COUNT     ?= 1
BENCHTIME ?= 1x
MATCH     ?= .
PKGS      ?= $$(go list $(ALL) | grep -v /testscripts)
SHORT     ?= -short
benchmarks: ## every benchmark once, with memory; COUNT=10 BENCHTIME=1s for benchstat, SHORT= for the sizes that take minutes
	go test $(SHORT) -run '^$$' -bench '$(MATCH)' -benchmem -benchtime $(BENCHTIME) -count $(COUNT) $(PKGS) | grep -vE '^(ok|PASS|\?)' || true

accuracy: build ## CER and WER over scans with truth, against the engine's baseline (needs ../shared/data)
	go run ./bench/accuracy -twinleaf $(BIN)/twinleaf

hostile: build ## damaged and hostile files under limits (needs ../shared/data)
	go run ./bench/hostile -twinleaf $(BIN)/twinleaf

KILLS ?= 200
crash: build ## SIGKILL the server KILLS times while 50 jobs run
	go test ./testscripts -run TestKilledServerLosesNothing -v -timeout 60m -args -kills $(KILLS)

# make robust SEED=7 KILLS=2000 ROUNDS=5; ROUNDS is how often each scene without kills is played.
SEED   ?= 1
ROUNDS ?= 3
robust: KILLS = 1000
robust: build build-faults ## the long fault run of the pair: KILLS kills, ROUNDS rounds of everything else, SEED
	@go run ./bench/robust -twinleaf $(BIN)/twinleaf -faults $(BIN)/twinleaf-faults -plugins $(BIN)/plugins -seed $(SEED) -kills $(KILLS) -rounds $(ROUNDS) $(ROBUST)

robust-short: build build-faults ## the same in three minutes
	@go run ./bench/robust -twinleaf $(BIN)/twinleaf -faults $(BIN)/twinleaf-faults -plugins $(BIN)/plugins -seed $(SEED) -kills 40 -burst 18 -rounds 1 -slack 10 -only takeover,maintenance,kills,plain,silence,wipe $(ROBUST)

proto: ## make the code of the plug-in protocol again
	go run ./tools/protogen

proto-check: ## is it as sdk/proto says, and is the released contract kept?
	go run ./tools/protogen -check

testdata: ## make the sample scans again
	bash testdata/make.sh

notices: ## the licences of what is linked in
	go run ./tools/notices > THIRD_PARTY_NOTICES.md

clean: ## remove what building made
	rm -rf $(BIN) out demo plugins/pdf/readers/node_modules
