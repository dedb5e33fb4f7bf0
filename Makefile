# One Cửa, `make help` lists the targets. Everything is built into one target folder.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

DATA ?=
LISTEN ?= 127.0.0.1:8080
MOTCUA := target/debug/motcua
UP_DATA := $(if $(DATA),--data $(DATA))

.PHONY: help run parts build test fmt lint sqlx-check prepare unit e2e bench image k8s clean-data

help: ## Lists the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## /\1\t/' | expand -t 14

run: build parts ## Sets everything up and runs the platform with a sample corpus (DATA=dir, LISTEN=addr)
	@deploy/run.sh $(MOTCUA) $(LISTEN) $(UP_DATA)

parts: build ## Fetches, verifies and unpacks nats-server, PostgreSQL, ONNX Runtime and the model
	@$(MOTCUA) parts

build: ## Builds the binary (dev profile; what burns CPU is optimised in it)
	@cargo build --locked -p motcua

test: fmt lint parts sqlx-check unit e2e ## Everything that CI runs

fmt: ## Checks formatting
	cargo fmt --all --check

lint: ## Denies warnings
	SQLX_OFFLINE=true cargo clippy --locked --workspace --all-targets -- -D warnings

sqlx-check: build ## Builds the SQL against a real database; fails if .sqlx is stale
	@deploy/sqlx.sh check

prepare: build ## Writes .sqlx anew after a change of SQL
	@deploy/sqlx.sh write

unit: parts ## Unit and property tests, and each crate's tests on the real servers and model
	cargo test --locked --workspace --exclude e2e

e2e: parts ## Journeys, walls, faults, contracts and deployment files on the whole platform
	cargo test --locked -p e2e -- --test-threads=2

bench: build parts ## Compares a question's matching with its bare embedding, in one run
	cargo bench --locked -p knowledge

image: ## Builds the container image
	docker build -f deploy/Dockerfile -t motcua:dev .

k8s: ## Renders the pilot overlay
	kubectl kustomize k8s/overlays/pilot
