#!/usr/bin/env bash
# `make run`: starts the platform with the sample corpus, and says where to look and how to sign in.
# Usage: run.sh MOTCUA LISTEN [--data DIR]
set -euo pipefail
motcua=$1 listen=$2
shift 2

say_how() {
    local password
    # The first start makes an account; its password is printed this once.
    password=$("$motcua" account add can-bo "${data[@]}" --role officer </dev/null 2>/dev/null) ||
        password="password: như lần đầu (as at first), hoặc (or): $motcua account reset can-bo ${data[*]}"
    cat <<TEXT

Một Cửa đang chạy (is running).
  Gửi câu hỏi (ask)                  $1/
  Theo dõi (follow)                  $1/theo-doi
  Cán bộ đăng nhập (officers)        $1/dang-nhap
  tên (name)                         can-bo
  mật khẩu (password)                ${password#password: }
  REST                               $1/api/openapi.json
Tài khoản khác (other accounts): $motcua account add TÊN ${data[*]} --role dispatcher
Dừng bằng Ctrl-C, dữ liệu được giữ (stop with Ctrl-C; the data stays, and the next start takes seconds).
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
# It may have ended already, and a signal ends this wait but not the platform.
status=0
wait "$up" || status=$?
while kill -0 "$up" 2>/dev/null; do
    wait "$up" && status=0 || status=$?
done
exit "$status"
