#!/usr/bin/env bash
# `make run`: starts the platform with the sample corpus, and says where to look and how to sign in.
# Usage: run.sh MOTCUA LISTEN [--data DIR]
set -euo pipefail
motcua=$1 listen=$2
shift 2

say_how() {
    local token
    token=$("$motcua" token "${data[@]}" --role officer)
    cat <<TEXT

Một Cửa is running.
  Ask a question          $1/
  Follow a question       $1/theo-doi
  Officers sign in at     $1/dang-nhap
  with this token         $token
  REST                    $1/api/openapi.json
Other roles and units: $motcua token ${data[*]} --role dispatcher
Stop with Ctrl-C; the data stays, and the next start takes seconds.
TEXT
}

if [ $# -eq 0 ]; then
    if [ "$(id -u)" = 0 ]; then
        set -- --data /var/lib/motcua
    else
        set -- --data "${XDG_DATA_HOME:-$HOME/.local/share}/motcua"
    fi
fi
data=("$@")

# Ctrl-C reaches the platform by itself: this shell only stays until it has stopped.
trap : INT
exec 3< <(exec "$motcua" up "$@" --listen "$listen" --sample)
up=$!
trap 'kill "$up" 2>/dev/null || true' TERM
while read -r line <&3; do
    echo "$line"
    case $line in "ready "*) say_how "${line#ready }" ;; esac
done
status=0
while kill -0 "$up" 2>/dev/null; do
    wait "$up" && status=0 || status=$?
done
exit "$status"
