#!/usr/bin/env bash
# What the pages are measured beside: Debian's nginx. Installs it where it is absent and it can; else says so, and the
# measurement goes on without.
set -euo pipefail
command -v nginx >/dev/null && exit 0
[ -x /usr/sbin/nginx ] && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    apt-get update -qq
    # It is started by hand, with a configuration of its own: not as the machine's web server.
    DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -qq -y --no-install-recommends nginx-light
else
    echo "nginx is not here: pages are measured without it" >&2
fi
