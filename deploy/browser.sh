#!/usr/bin/env bash
# What the tests need beside the platform's parts: Chromium, its driver and axe-core for the pages, the OpenID provider
# that the tests of the sign-in start, and s3rver, a server with buckets; pinned. Installs what is absent where it
# can; where it can't, it says what is missing.
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
version=4.10.3
s3rver=3.7.1
sha256=0f2b4d7dcdf7d1219df8d1959ad68e565f51d14c3f0d88bb71cd59abeb956292

if ! command -v chromedriver >/dev/null; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends chromium chromium-driver
    else
        echo "the tests of the pages need chromium and chromium-driver: install both" >&2
        exit 1
    fi
fi

# As local::parts::default_dir says.
if [ "$(id -u)" = 0 ]; then cache=/var/cache; else cache=${XDG_CACHE_HOME:-$HOME/.cache}; fi
parts=$cache/motcua/parts
buckets=$parts/s3rver-$s3rver
if [ ! -s "$buckets/node_modules/s3rver/bin/s3rver.js" ]; then
    command -v npm >/dev/null || { echo "s3rver $s3rver is fetched by npm, which is not there" >&2; exit 1; }
    mkdir -p "$buckets"
    npm install --silent --no-save --no-audit --no-fund --ignore-scripts --prefix "$buckets" "s3rver@$s3rver"
fi

# Its packages are pinned, with their sums, by tests/provider/package-lock.json.
lock=$here/tests/provider/package-lock.json
provider=$parts/oidc-provider-9.13.3
if ! cmp -s "$lock" "$provider/package-lock.json" || [ ! -d "$provider/node_modules" ]; then
    for program in node npm; do
        command -v "$program" >/dev/null || { echo "the tests of the sign-in need $program" >&2; exit 1; }
    done
    mkdir -p "$provider"
    cp "$here/tests/provider/package.json" "$provider/"
    cp "$lock" "$provider/"
    # Without its lock it counts as absent.
    (cd "$provider" && npm ci --ignore-scripts --no-audit --no-fund --silent) || { rm "$provider/package-lock.json"; exit 1; }
fi

folder=$parts/axe-core-$version
[ -s "$folder/axe.min.js" ] && exit 0
command -v npm >/dev/null || { echo "axe-core $version is fetched by npm, which is not there; or put its axe.min.js into $folder" >&2; exit 1; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
(cd "$work" && npm pack --silent "axe-core@$version" >/dev/null)
echo "$sha256  $work/axe-core-$version.tgz" | sha256sum --check --quiet
tar -xzf "$work/axe-core-$version.tgz" -C "$work" package/axe.min.js package/LICENSE
mkdir -p "$folder"
mv "$work/package/LICENSE" "$folder/"
mv "$work/package/axe.min.js" "$folder/"
