# Everything a developer types. Tools are pinned in tools/go.mod; the real control plane of the tests and the demo is
# built from Go modules by deploy/sandbox and cached outside this clone.
SHELL       := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS := -s -w -X main.version=$(VERSION)
TOOL    := go tool -modfile=tools/go.mod
MODULES := . deploy/sandbox
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
build: ## Build bin/impulse; TAGS=nokafka,noredis leaves out kinds of trigger and their clients.
	CGO_ENABLED=0 go build -tags grpcnotrace,$(TAGS) -gcflags 'k8s.io/api/...=-l' -trimpath -ldflags '$(LDFLAGS)' -o bin/impulse ./cmd/impulse

.PHONY: bridge
bridge: ## Build bin/impulse-keda-bridge, with KEDA's scalers: about 10 minutes the first time.
	CGO_ENABLED=0 go -C deploy/keda-bridge build -trimpath -ldflags '$(LDFLAGS)' -o $(CURDIR)/bin/impulse-keda-bridge .

.PHONY: bridge-test
bridge-test: ## Test impulse-keda-bridge against real servers and emulators (needs Node.js): about 15 minutes the first time.
	@SANDBOX_ARGS='$(QUIET_SANDBOX)' ./test/with-sandbox ./deploy/keda-bridge/test

.PHONY: test
test: ## Run every test, against a real control plane that is built on first use.
	@./test/all

.PHONY: test-unit
test-unit: ## Run every test that needs no control plane, and count the others.
	@./test/unit

.PHONY: e2e
e2e: export IMPULSE_TEST_INSTALL ?= 1
e2e: ## Run the end-to-end tests, and those of every kind of trigger against its real server, which root installs.
	@./test/with-sandbox ./test/run -p 3 -count=1 ./test/e2e/... ./triggers/...

.PHONY: lint
lint: ## Run golangci-lint on every module but that of the KEDA bridge.
	$(TOOL) golangci-lint run ./...
	cd deploy/sandbox && go tool -modfile=../../tools/go.mod golangci-lint run --config ../../.golangci.yml ./...

.PHONY: bridge-lint
bridge-lint: ## Run golangci-lint on the module of the KEDA bridge: 7 minutes of CPU and 8 GB of memory after `make bridge`.
	lint=$$($(TOOL) -n golangci-lint) && cd deploy/keda-bridge && CGO_ENABLED=0 GOFLAGS=-trimpath "$$lint" run --timeout 40m --config ../../.golangci.yml ./...

.PHONY: generate
generate: ## Regenerate deepcopy, CRDs, the JSON Schema, the list of triggers and the pages of reference in docs.
	$(TOOL) controller-gen object paths=./api/...
	$(TOOL) controller-gen crd paths=./api/... output:crd:dir=deploy/crds
	go generate ./...

.PHONY: kind
kind: ## Begin the kind of trigger NAME, with a test that passes: docs/adding-a-trigger.md.
	@go run ./triggers/builtin/newkind '$(NAME)'
	@go generate ./triggers/builtin

.PHONY: verify
verify: ## Fail when generated files, module files or formatting are stale. It writes nothing into this tree.
	@./test/generated
	@./third_party/expr/verify
	go mod tidy -diff
	go -C deploy/sandbox mod tidy -diff
	go -C deploy/keda-bridge mod tidy -diff
	go -C internal/testkit/victoriametrics/programs mod tidy -diff
	$(TOOL) golangci-lint fmt --diff ./...

.PHONY: fuzz
fuzz: ## Run every fuzz test for FUZZTIME, and TIMELINES random timelines through the core.
	@for pkg in $$(go list ./...); do for f in $$(go test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
		echo "$$pkg $$f"; go test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) $$pkg; done; done
	go test ./scalers -timelines=$(TIMELINES) -timeout 24h

.PHONY: bench
bench: ## Measure decisions and reactions, and compare them with references; writes bench/results.json.
	go run ./bench

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
clean: ## Remove bin; the sandbox's cache stays (deploy/sandbox/README.md names its folder).
	rm -rf bin
