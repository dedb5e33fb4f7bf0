#!/usr/bin/env bash
# Compiles every SQL query against a real database with all migrations applied.
# check: fails if the committed .sqlx differs from what the database says; write: replaces .sqlx.
set -euo pipefail
cd "$(dirname "$0")/.."
mode=$1
fresh=$(mktemp -d)
data=$(mktemp -d)
chmod 755 "$data"
trap 'exec 4>&-; wait; rm -rf "$fresh" "$data"' EXIT

# It serves until its standard input, our descriptor 4, is closed.
# One choice of packages, as everywhere: another would compile the dependencies again.
# Stale data fails the crates with SQL, which the database does not need.
database=${CARGO_TARGET_DIR:-target}/debug/examples/database
[ -x "$database" ] || SQLX_OFFLINE=true cargo build --locked --workspace --all-targets --keep-going || [ -x "$database" ]
mkfifo "$data/in" "$data/out"
"$database" "$data/postgres" <"$data/in" >"$data/out" &
exec 4>"$data/in" 5<"$data/out"
read -r DATABASE_URL <&5
read -r psql <&5
export DATABASE_URL

# From the files, not from a binary: the one at hand may be older.
for schema in bus intake routing answering knowledge analytics; do
    "$psql" -q -v ON_ERROR_STOP=1 "$DATABASE_URL" -c "create schema $schema"
    for migration in crates/$schema/migrations/*.sql; do
        "$psql" -q -v ON_ERROR_STOP=1 "$DATABASE_URL" -f "$migration"
    done
done

# The macros write as they are expanded, so the crates with SQL must be read again; checking them is enough.
roots=(crates/{bus,intake,routing,answering,knowledge,analytics}/src/lib.rs)
for root in "${roots[@]}"; do
    touch -r "$root" "$data/$(dirname "$root" | tr / -)"
    touch "$root"
done
SQLX_OFFLINE=false SQLX_OFFLINE_DIR=$fresh cargo check --locked --workspace --all-targets

if [ "$mode" = write ]; then
    rm -rf .sqlx
    mkdir .sqlx
    cp "$fresh"/query-*.json .sqlx/
else
    diff -rq .sqlx "$fresh" || { echo "the SQL has changed: run 'make prepare' and commit .sqlx"; exit 1; }
    # What was built of them is still right, so it need not be built again.
    for root in "${roots[@]}"; do
        touch -r "$data/$(dirname "$root" | tr / -)" "$root"
    done
fi
echo "$(find .sqlx -name 'query-*.json' | wc -l) queries are right"
