#!/usr/bin/env bash
# Compiles every SQL query against a real database with all migrations applied.
# check: fails if the committed .sqlx differs from what the database says; write: replaces .sqlx.
set -euo pipefail
cd "$(dirname "$0")/.."
mode=$1
fresh=$(mktemp -d)
data=$(mktemp -d)
chmod 755 "$data"
log=$data/up.log
up=
stop() {
    [ -z "$up" ] || { kill "$up" 2>/dev/null && wait "$up" || true; }
    rm -rf "$fresh" "$data"
}
trap stop EXIT

target/debug/motcua up --data "$data" --listen 127.0.0.1:0 >"$log" 2>&1 &
up=$!
until grep -q '^ready ' "$log"; do
    kill -0 "$up" 2>/dev/null || { cat "$log"; exit 1; }
    sleep 0.2
done
DATABASE_URL=$(sed -n 's/^postgres = "\(.*\)"$/\1/p' "$data/endpoints.toml")
export DATABASE_URL

# The macros write as they are expanded, so the crates with SQL must be compiled again.
touch crates/{bus,intake,routing,answering,knowledge,analytics}/src/lib.rs
SQLX_OFFLINE=false SQLX_OFFLINE_DIR=$fresh cargo build --locked -p motcua

if [ "$mode" = write ]; then
    rm -rf .sqlx
    mkdir .sqlx
    cp "$fresh"/query-*.json .sqlx/
else
    diff -rq .sqlx "$fresh" || { echo "the SQL has changed: run 'make prepare' and commit .sqlx"; exit 1; }
fi
echo "$(find .sqlx -name 'query-*.json' | wc -l) queries are right"
