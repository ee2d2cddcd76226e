# Debian 12 packages, sourced by ops/demo and ops/test. install_missing PACKAGE...: installs what is not there yet.
BUILD_PACKAGES="gcc cmake make ninja-build pkg-config libc6-dev libevent-dev liblmdb-dev libmsgpack-dev libsodium-dev libjansson-dev libinih-dev libutf8proc-dev"
TEST_PACKAGES="clang clang-format clang-tidy cppcheck libclang-rt-14-dev libcmocka-dev python3 python3-msgpack python3-pynvim mandoc procps binutils libc-bin g++"

install_missing() {
    missing=""
    for package in "$@"; do
        dpkg-query -W -f '${Status}' "$package" 2> /dev/null | grep -q 'ok installed' || missing="$missing $package"
    done
    [ -z "$missing" ] && return 0
    echo "installing:$missing"
    as_root=""
    [ "$(id -u)" = 0 ] || as_root="sudo"
    $as_root apt-get update -q > /dev/null || true
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -q --no-install-recommends $missing > /tmp/relief-apt.$$ 2>&1 || {
        cat /tmp/relief-apt.$$
        rm -f /tmp/relief-apt.$$
        echo "these packages could not be installed:$missing" >&2
        return 1
    }
    rm -f /tmp/relief-apt.$$
}
