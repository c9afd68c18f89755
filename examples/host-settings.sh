#!/bin/sh
# Collects what this machine's package clients need to know into DIR, for `--build-context host=DIR`.
#
# A Dockerfile mounts it with `RUN --mount=type=bind,from=host,target=/run/host` and points its clients at the files:
#   apt   APT_CONFIG=/run/host/apt.conf              mirror, proxies
#   pip   PIP_CONFIG_FILE=/run/host/pip.conf         index, proxy
#   npm   NPM_CONFIG_USERCONFIG=/run/host/npmrc      registry, proxies
# and all of them at /run/host/ca-certificates.crt, which those files name. So an image is built through the mirrors and
# certificates of the machine that builds it, and neither the Dockerfile nor the image names one of them. On a machine
# without any such setting the files say nothing, and each client does what it does by itself. No password or token is
# collected. `/run/host` in the files below is the mount, not a directory of this machine.
set -eu
dir=${1:?usage: host-settings.sh DIR}
mkdir -p "$dir"

# Certificates: the bundle that this machine trusts, when it has one.
: > "$dir/ca-certificates.crt"
for bundle in "${SSL_CERT_FILE:-}" /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt; do
    if [ -n "$bundle" ] && [ -r "$bundle" ]; then
        cp "$bundle" "$dir/ca-certificates.crt"
        break
    fi
done
has_ca() { [ -s "$dir/ca-certificates.crt" ]; }

# apt: the distribution's own archives, not what else the machine subscribes to.
: > "$dir/sources.list"
: > "$dir/apt.conf"
if command -v apt-get >/dev/null; then
    apt-get indextargets --format '$(ORIGIN)|deb $(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' 2>/dev/null |
        sed -nE 's/^(Debian|Ubuntu)\|//p' | sort -u > "$dir/sources.list"
    apt-config dump | grep -E '^Acquire::(https?|ftp|Retries|Check-)' | grep -viE '::(CaInfo|CaPath|SslCert|SslKey)' > "$dir/apt.conf" || :
fi
if has_ca; then echo 'Acquire::https::CaInfo "/run/host/ca-certificates.crt";' >> "$dir/apt.conf"; fi
if [ -s "$dir/sources.list" ]; then
    printf 'Dir::Etc::SourceList "/run/host/sources.list";\nDir::Etc::SourceParts "/dev/null";\n' >> "$dir/apt.conf"
fi

# pip: what `pip config list` says, without what names files of this machine.
echo '[global]' > "$dir/pip.conf"
for pip in pip3 pip; do
    command -v "$pip" >/dev/null || continue
    "$pip" config list 2>/dev/null |
        sed -nE "s/^[^=]*\.(index-url|extra-index-url|trusted-host|proxy|timeout|default-timeout|retries)='(.*)'\$/\1 = \2/p" |
        grep -v '@' >> "$dir/pip.conf" || :
    break
done
if has_ca; then echo 'cert = /run/host/ca-certificates.crt' >> "$dir/pip.conf"; fi

# npm: likewise.
: > "$dir/npmrc"
if command -v npm >/dev/null; then
    for key in registry proxy https-proxy noproxy strict-ssl; do
        value=$(npm config get "$key" 2>/dev/null) || continue
        case $value in ''|null|undefined|*@*) ;; *) echo "$key=$value" >> "$dir/npmrc" ;; esac
    done
fi
if has_ca; then echo 'cafile=/run/host/ca-certificates.crt' >> "$dir/npmrc"; fi
