# shellcheck shell=bash disable=SC2034
# Debian 12 packages, sourced by ops/demo and ops/test. install_missing PACKAGE...: installs what is not there yet.
BUILD_PACKAGES="gcc cmake make pkg-config libc6-dev libevent-dev liblmdb-dev libmsgpack-dev libsodium-dev libssl-dev libseccomp-dev openssl libjansson-dev libinih-dev libutf8proc-dev"
TEST_PACKAGES="ninja-build clang clang-format clang-tidy cppcheck libclang-rt-14-dev libcmocka-dev libglpk-dev python3 python3-msgpack python3-pynvim mandoc procps binutils libc-bin g++ git shellcheck strace faketime nftables iproute2 e2fsprogs systemd afl++ gcovr"

install_missing() {
    local package missing="" as_root="" log
    for package in "$@"; do
        dpkg-query -W -f '${Status}' "$package" 2> /dev/null | grep -q 'ok installed' || missing="$missing $package"
    done
    [ -z "$missing" ] && return 0
    echo "installing:$missing"
    if [ "$(id -u)" != 0 ]; then
        as_root=sudo
        command -v sudo > /dev/null || {
            echo "not root and no sudo; as root: apt-get install$missing" >&2
            return 1
        }
    fi
    log=$(mktemp)
    # sudo drops the environment, so the setting goes through env.
    # shellcheck disable=SC2086
    if { $as_root apt-get update -q || true; $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing; } > "$log" 2>&1; then
        rm -f "$log"
    else
        cat "$log" >&2
        rm -f "$log"
        echo "these packages could not be installed:$missing" >&2
        return 1
    fi
}
