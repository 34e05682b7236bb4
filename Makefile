# Everything a developer types. Tools are pinned in tools/go.mod; the real control plane of the tests and the demo is
# built from Go modules by deploy/sandbox and cached outside this clone.
SHELL       := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

# A length for the abbreviated commit, so that it does not depend on what else a clone has.
VERSION ?= $(shell git describe --tags --always --abbrev=12 --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X main.version=$(VERSION)
# How each program is compiled that people install. It records neither this folder nor the state of this clone.
COMPILED = CGO_ENABLED=0 go $(1) build -trimpath -buildvcs=false -ldflags '$(LDFLAGS)'
TOOL    := go tool -modfile=tools/go.mod
MODULES := . deploy/sandbox deploy/image test/otel test/page
FUZZTIME ?= 30s
TIMELINES ?= 1000000
SEEDS     ?= 200
SEED      ?= 1
DURATION  ?= 5m
# A control plane in which nothing acts by itself.
QUIET_SANDBOX := --without controller-manager,scheduler,kwok,metrics-server,metrics-adapter

# The sandbox command, which shows what is being built.
SANDBOX := ./deploy/preflight && ./deploy/sandbox/build bin/sandbox
COMPILE := $(SANDBOX) && bin/sandbox compile --set-version $(VERSION)

export CGO_ENABLED ?= 1

.PHONY: help
help: ## Show this help.
	@awk 'BEGIN {FS = ":.*## "} /^[a-z0-9-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: OUT ?= bin/impulse
build: ## Build bin/impulse; TAGS=nokafka,noredis leaves out kinds of trigger and their clients.
	$(call COMPILED) -tags grpcnotrace,$(TAGS) -gcflags 'k8s.io/api/...=-l' -o $(OUT) ./cmd/impulse

.PHONY: bridge
bridge: OUT ?= bin/impulse-keda-bridge
bridge: ## Build bin/impulse-keda-bridge, with KEDA's scalers: about 10 minutes the first time.
	$(call COMPILED,-C deploy/keda-bridge) -o $(abspath $(OUT)) .

.PHONY: bridge-test
bridge-test: ## Test impulse-keda-bridge against real servers and emulators (needs Node.js): about 15 minutes the first time.
	@SANDBOX_ARGS='$(QUIET_SANDBOX)' ./test/with-sandbox ./deploy/keda-bridge/test

.PHONY: test
test: ## Run every test, against a real control plane that is built on first use.
	@./test/all

.PHONY: test-unit
test-unit: ## Run every test that needs no control plane, and count the others.
	@./test/unit

.PHONY: page-test
page-test: export IMPULSE_TEST_INSTALL ?= 1
page-test: ## Test the page in Chromium, which root installs; `make test` does so, too.
	./test/run --module test/page .

.PHONY: page-frames
page-frames: ## Measure how smoothly the page shows 2000 objects.
	go -C test/page run ./frames

.PHONY: page-show
page-show: ## Serve the page over objects in memory, for work on the page.
	go -C test/page run ./show -objects 2000

.PHONY: screenshots
screenshots: ## Make the pictures in docs and the README from the running demo (needs Chromium).
	@$(COMPILE) ./cmd/impulse ./deploy/mockmetrics ./deploy/demo
	IMPULSE_BUILT=bin go -C test/page run ./screenshots -demo $(CURDIR)/bin/demo -root $(CURDIR)

.PHONY: e2e
e2e: export IMPULSE_TEST_INSTALL ?= 1
e2e: ## Run the end-to-end tests, and those of every kind of trigger against its real server, which root installs.
	@./test/with-sandbox ./test/run -p 3 -count=1 ./test/e2e/... ./test/chart/... ./triggers/...

.PHONY: otel-test
otel-test: ## Test traces against a real OpenTelemetry collector, which is built from its modules: 3 minutes of CPU the first time.
	@SANDBOX_ARGS='$(QUIET_SANDBOX)' ./test/with-sandbox go -C test/otel test -count=1 ./...

.PHONY: lint
lint: ## Run golangci-lint on every module but that of the KEDA bridge.
	lint=$$($(TOOL) -n golangci-lint); for module in $(MODULES); do (cd $$module && "$$lint" run --config $(CURDIR)/.golangci.yml ./...); done

.PHONY: bridge-lint
bridge-lint: ## Run golangci-lint on the module of the KEDA bridge: 7 minutes of CPU and 8 GB of memory after `make bridge`.
	lint=$$($(TOOL) -n golangci-lint) && cd deploy/keda-bridge && CGO_ENABLED=0 GOFLAGS=-trimpath "$$lint" run --timeout 40m --config ../../.golangci.yml ./...

.PHONY: generate
generate: ## Regenerate deepcopy, CRDs, the JSON Schema, the list of triggers, the pages of reference in docs, and deploy/manifests.
	$(TOOL) controller-gen object paths=./api/...
	$(TOOL) controller-gen crd paths=./api/... output:crd:dir=deploy/crds
	go generate ./...
	./deploy/manifests/generate

.PHONY: kind
kind: ## Begin the kind of trigger NAME, with a test that passes: docs/adding-a-trigger.md.
	@go run ./triggers/builtin/newkind '$(NAME)'
	@go generate ./triggers/builtin

.PHONY: verify
verify: ## Fail when generated files, module files or formatting are stale. It writes nothing into this tree.
	@./test/generated
	@./third_party/expr/verify
	@./third_party/web/verify
	@./third_party/liberation/verify
	@./third_party/leaderelection/verify
	go mod tidy -diff
	go -C deploy/sandbox mod tidy -diff
	go -C deploy/image mod tidy -diff
	go -C deploy/keda-bridge mod tidy -diff
	go -C internal/testkit/promtool/programs mod tidy -diff
	go -C test/page mod tidy -diff
	go -C test/otel mod tidy -diff
	go -C internal/testkit/victoriametrics/programs mod tidy -diff
	go -C test/chart/operators mod tidy -diff
	go -C tools/helm mod tidy -diff
	$(TOOL) golangci-lint fmt --diff ./...

# What an image or a release is made of depends on the commit, on TAGS and on the version of Go, and on nothing else of this machine.
ISOLATED   := GOFLAGS=-trimpath GOWORK=off GOEXPERIMENT= GOAMD64=v1 GOARM64=v8.0 GOFIPS140=off
REVISION   ?= $(shell git rev-parse HEAD 2>/dev/null)
SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || echo 0)
ORIGIN     = --version '$(VERSION)' --created '$(SOURCE_DATE_EPOCH)' --license LICENSE
PRODUCT    := $(if $(BRIDGE),impulse-keda-bridge,impulse)
IMAGE_TOOL := CGO_ENABLED=0 go -C deploy/image build -trimpath -o $(CURDIR)/bin/impulse-image .
PLATFORMS  := linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64

.PHONY: image
image: ## Make the container image for amd64 and arm64 in bin/image, without Docker (BRIDGE=1: that of the KEDA bridge).
	@$(IMAGE_TOOL)
	@for arch in amd64 arm64; do \
		echo "compile $(PRODUCT) for linux/$$arch: minutes the first time" >&2; \
		$(ISOLATED) GOOS=linux GOARCH=$$arch $(MAKE) --silent $(if $(BRIDGE),bridge,build) OUT=bin/image/$(PRODUCT)/$$arch/$(PRODUCT); done
	@bin/impulse-image build --name $(PRODUCT) $(ORIGIN) --revision '$(REVISION)' --out bin/image/$(PRODUCT) \
		$(foreach arch,amd64 arm64,bin/image/$(PRODUCT)/$(arch)/$(PRODUCT))

.PHONY: push
push: ## Make the image and push it with the credentials of docker login: IMAGE=ghcr.io/YOU/impulse:v1.2.3 (PLAIN_HTTP=1: without TLS).
	@$(IMAGE_TOOL)
	@bin/impulse-image push --check $(if $(PLAIN_HTTP),--plain-http) '$(IMAGE)'
	@$(MAKE) --no-print-directory image
	@bin/impulse-image push $(if $(PLAIN_HTTP),--plain-http) --layout bin/image/$(PRODUCT)/layout '$(IMAGE)'

.PHONY: chart
chart: DIST ?= dist
chart: ## Package the Helm chart of the last commit in dist, with the version VERSION=v1.2.3.
	@$(IMAGE_TOOL)
	@bin/impulse-image release check --version-only '$(VERSION)'
	@rm -rf bin/chart && mkdir -p bin/chart '$(DIST)'
	@git archive HEAD deploy/chart | tar -x -C bin/chart # The files get the time of the commit, which the package keeps.
	@go tool -modfile=tools/helm/go.mod helm package bin/chart/deploy/chart --version '$(VERSION:v%=%)' --app-version '$(VERSION:v%=%)' --destination '$(DIST)'

.PHONY: release
release: ## Make the files of the release VERSION=v1.2.3 in dist: archives, SBOMs, the chart, the manifest for krew, checksums.
	@$(IMAGE_TOOL)
	@bin/impulse-image release check '$(VERSION)'
	@rm -rf dist bin/release
	@$(MAKE) --silent chart
	@for platform in $(PLATFORMS); do \
		echo "compile impulse for $$platform: minutes the first time" >&2; \
		case $$platform in windows/*) file=impulse.exe ;; *) file=impulse ;; esac; \
		$(ISOLATED) GOOS=$${platform%/*} GOARCH=$${platform#*/} $(MAKE) --silent build OUT=bin/release/$$platform/$$file; done
	@bin/impulse-image release $(ORIGIN) --out dist bin/release/*/*/impulse*

.PHONY: fuzz
fuzz: ## Run every fuzz test for FUZZTIME, and TIMELINES random timelines through the core.
	@for pkg in $$(go list ./...); do for f in $$(go test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
		echo "$$pkg $$f"; go test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) $$pkg; done; done
	go test ./scalers -timelines=$(TIMELINES) -timeout 24h

.PHONY: bench
bench: ## Measure Impulse and compare it with references, and with BASE=REVISION; writes bench/results.json (PROFILE=DIR: profiles, too).
	go run ./bench $(if $(BASE),-base '$(BASE)') $(if $(PROFILE),-profile '$(PROFILE)') $(BENCH_ARGS)

.PHONY: bench-quick
bench-quick: OUT ?= bin/bench-quick.json
bench-quick: ## Measure less, in five minutes, and write OUT=bin/bench-quick.json; OUT=bench/results.json replaces what is committed.
	go run ./bench -quick -out '$(OUT)' $(if $(BASE),-base '$(BASE)') $(if $(PROFILE),-profile '$(PROFILE)') $(BENCH_ARGS)

.PHONY: bench-check
bench-check: ## Run bench-quick and compare ratios and counts with bench/results.json: fail if one has become worse.
	@$(MAKE) --no-print-directory bench-quick BENCH_ARGS='-check bench/results.json $(BENCH_ARGS)'

.PHONY: chaos
chaos: ## Run SEEDS seeds of random faults, from SEED on, and check Impulse's promises.
	@SANDBOX_ARGS='$(QUIET_SANDBOX)' ./test/with-sandbox go test ./test/chaos -run TestChaos -count=1 -timeout 24h -parallel 4 -seeds=$(SEEDS) -seed=$(SEED) -outages $(CHAOS_ARGS)

.PHONY: kill-loop
kill-loop: ## Kill the leader with SIGKILL for DURATION, again and again, under a hundred alerts per second.
	@SANDBOX_ARGS='$(QUIET_SANDBOX)' ./test/with-sandbox go test ./test/chaos -run TestKillLoop -count=1 -timeout 24h -v -kill-loop=$(DURATION)

.PHONY: try
try: ## See what Impulse does in two minutes, without a cluster: test a policy, simulate it, explain a decision.
	@$(COMPILE) ./cmd/impulse
	@PATH=$(CURDIR)/bin:$$PATH exec ./deploy/try/try

.PHONY: demo
demo: ## Watch Deployments follow an alert, a query, a queue, a schedule and CPU usage (ONCE=1: check and exit; CLUSTER=current).
	@$(COMPILE) ./cmd/impulse ./deploy/mockmetrics ./deploy/demo
	@IMPULSE_BUILT=bin exec bin/demo $(if $(ONCE),--once) $(if $(CLUSTER),--cluster $(CLUSTER))

.PHONY: sandbox
sandbox: ## Run a real control plane, metrics-server, NATS, Prometheus and Alertmanager until Ctrl-C.
	@$(SANDBOX) && exec bin/sandbox up

.PHONY: vuln
vuln: ## Check dependencies against the Go vulnerability database.
	$(TOOL) govulncheck ./...

.PHONY: clean
clean: ## Remove bin and dist; the sandbox's cache stays (deploy/sandbox/README.md names its folder).
	rm -rf bin dist
