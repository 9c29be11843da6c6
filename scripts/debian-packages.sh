#!/bin/sh
# usage: debian-packages.sh [programs|servers]
# Installs what tests run beside Python, where it is missing: programs, database servers, or both. Debian and its kin,
# as root or with sudo. Starts no service: the tests start servers of their own. Where all is there it says nothing.
set -eu
programs="php:php-cli node:nodejs curl:curl openssl:openssl ssh-keygen:openssh-client" # program:package
servers="postgres:postgresql mariadbd:mariadb-server redis-server:redis-server memcached:memcached"
case ${1:-} in
programs) wanted=$programs ;;
servers) wanted=$servers ;;
*) wanted="$programs $servers" ;;
esac
policy=${POLICY_RC_D:-/usr/sbin/policy-rc.d}

fail() {
    echo "daypass: $1" >&2
    exit 1
}

# Where servers lie, out of PATH; PostgreSQL in a folder of its version.
for folder in ${SERVER_FOLDERS:-/usr/sbin /usr/lib/postgresql/*/bin}; do
    PATH=$PATH:$folder
done
missing=
for pair in $wanted; do
    command -v "${pair%%:*}" >/dev/null 2>&1 || missing="$missing ${pair#*:}"
done
missing=${missing# }
[ -n "$missing" ] || exit 0

command -v apt-get >/dev/null 2>&1 || fail "there is no apt-get here: install what goes by the names of $missing"
if [ "$(id -u)" != 0 ]; then
    if command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
        exec sudo -n /bin/sh "$0" "$@"
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
