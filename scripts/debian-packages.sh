#!/bin/sh
# usage: debian-packages.sh
# Installs the programs that tests run beside Python, where they are missing: Debian and its kin, as root or with sudo.
# Starts no service. Where all is there it does nothing and says nothing.
set -eu
wanted="php:php-cli node:nodejs curl:curl openssl:openssl ssh-keygen:openssh-client" # program:package
policy=${POLICY_RC_D:-/usr/sbin/policy-rc.d}

fail() {
    echo "daypass: $1" >&2
    exit 1
}

missing=
for pair in $wanted; do
    command -v "${pair%%:*}" >/dev/null 2>&1 || missing="$missing ${pair#*:}"
done
missing=${missing# }
[ -n "$missing" ] || exit 0

command -v apt-get >/dev/null 2>&1 || fail "there is no apt-get here: install what goes by the names of $missing"
if [ "$(id -u)" != 0 ]; then
    if command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
        exec sudo -n /bin/sh "$0"
    fi
    fail "only root can install packages; as root: apt-get update && apt-get install $missing"
fi

if [ ! -e "$policy" ]; then # a package that brings a service asks this file whether to start it: 101 is no
    trap 'rm -f "$policy"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
fi
echo "daypass: installing $missing (once)" >&2
export DEBIAN_FRONTEND=noninteractive
log=$(apt-get update -qq 2>&1) || fail "apt-get update failed: $(echo "$log" | tail -n 1)"
log=$(apt-get install -qq --no-install-recommends $missing 2>&1) ||
    fail "apt-get could not install $missing: $(echo "$log" | tail -n 1)"
