# `make help` lists the targets.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

DATA ?=
LISTEN ?= 127.0.0.1:8080
# Everything at once, always: each choice of packages would compile the dependencies for itself.
BUILD := cargo build --locked --workspace --all-targets
MOTCUA := $(or $(CARGO_TARGET_DIR),target)/debug/motcua
UP_DATA := $(if $(DATA),--data $(DATA))

.PHONY: help run bench parts browser build test fmt lint sqlx-check prepare tests image k8s

help: ## Lists the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## /\1\t/' | expand -t 14

run: build parts ## Sets everything up and runs the platform with a sample corpus (DATA=dir, LISTEN=addr)
	@deploy/run.sh $(MOTCUA) $(LISTEN) $(UP_DATA)

parts: build ## Fetches, verifies and unpacks nats-server, PostgreSQL, ONNX Runtime and the model
	@$(MOTCUA) parts

build: ## Builds everything (dev profile; what burns CPU is optimised in it)
	@SQLX_OFFLINE=true $(BUILD)

test: fmt build parts lint sqlx-check tests ## Everything that CI runs

fmt: ## Checks formatting
	cargo fmt --all --check

lint: ## Denies warnings
	SQLX_OFFLINE=true cargo clippy --locked --workspace --all-targets -- -D warnings

sqlx-check: build ## Builds the SQL against a real database; fails if .sqlx is stale
	@deploy/sqlx.sh check

prepare: ## Writes .sqlx anew after a change of SQL
	@deploy/sqlx.sh write

browser: ## Installs what the tests of the pages need: Chromium, its driver, axe-core
	@deploy/browser.sh

tests: build parts browser ## Unit and property tests, then walls, journeys and faults on the whole platform
	SQLX_OFFLINE=true cargo test --locked --workspace --no-fail-fast -- --test-threads=2

bench: build parts ## Measures reuse, inboxes, a changed calendar and pages, each beside something plain (PASSAGES=100000 TICKETS=1000000 PAGES=5000)
	@deploy/nginx.sh
	@SQLX_OFFLINE=true cargo bench --locked --workspace --profile dev --bench find_reusable --bench inbox --bench recompute --bench pages

image: ## Builds the container image
	docker build -f deploy/Dockerfile -t motcua:dev .

k8s: ## Renders the pilot overlay
	kubectl kustomize k8s/overlays/pilot
