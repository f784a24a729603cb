# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# Source this file. It has the functions and lists of packages that the scripts share. When the script that sourced it ends,
# even by a signal, all processes that were started here are ended by their ids. Files are written only to build/ and to
# $scratch, which is removed at the end.

# Wine and the compilers use the encoding of the locale for names of files.
export LC_ALL=C.UTF-8

# Debian packages, by purpose.
test_packages=(g++ clang-19 libclang-rt-19-dev googletest libasio-dev make python3)
interop_packages=(apache2 libapache2-mod-auth-gssapi curl bind9 bind9-dnsutils ldap-utils libsasl2-modules-gssapi-mit
    postgresql python3-gssapi samba samba-ad-dc samba-ad-provision winbind iproute2 slapd)
command -v javac >/dev/null || interop_packages+=(default-jdk-headless)
if grep -qx 'VERSION_ID="12"' /etc/os-release; then
    test_packages+=(libwinpr2-dev)
else
    test_packages+=(libwinpr3-dev clang-tools-19) # for modules: CMake of Debian 13 can build them
fi
# shellcheck disable=SC2034 # the scripts that source this file use them
readonly build_packages=(cmake ninja-build libmsgsl-dev nlohmann-json3-dev) \
    wine_packages=(g++-mingw-w64-x86-64-posix wine wine64) \
    realm_packages=(krb5-kdc krb5-admin-server krb5-user) \
    integration_packages=(faketime gcc libc6-dev libkrb5-dev python3) \
    site_packages=(doxygen python3) \
    winpr3_packages=(g++ googletest libwinpr3-dev winpr3-utils faketime make python3) \
    test_packages interop_packages

scratch=$(mktemp -d)
started=()
wine_is_ours=
no_services= # path of the file that stops apt-get from starting services

end_everything() {
    local status=$?
    trap - EXIT
    trap '' PIPE # the reader of the output may have ended
    start_services
    if [[ $wine_is_ours ]]; then
        timeout 60 wineserver -k 2>/dev/null || true
    fi
    local pid
    for pid in "${started[@]}"; do
        end "$pid"
    done
    rm -rf "$scratch"
    exit "$status"
}

# end PID: ends a process, by force if it is still there after 10 seconds.
end() {
    local i
    kill "$1" 2>/dev/null || return 0
    for ((i = 0; i < 100; ++i)); do
        kill -0 "$1" 2>/dev/null || return 0
        sleep 0.1
    done
    { kill -KILL "$1" && wait "$1"; } 2>/dev/null || true # hides bash's message "Killed", which would follow a script's last line
}
trap end_everything EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP PIPE

fail() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# skip REASON: ends a test script that cannot run here. ctest reports a test with this exit status as skipped.
skip() {
    printf '%s\n' "$*"
    exit 77
}

# find_missing PACKAGE...: sets $missing to those of the Debian packages that are not installed.
find_missing() {
    local package
    missing=()
    for package in "$@"; do
        dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
    done
}

# needs PACKAGE...: skips a test script if one of the Debian packages is not installed. tests/run.sh installs them.
needs() {
    local missing
    find_missing "$@"
    [[ ${#missing[@]} -eq 0 ]] || skip "these packages are missing: ${missing[*]}; tests/run.sh installs them"
}

# install_missing PACKAGE...: installs those of the Debian packages that are missing. Does not start their services.
install_missing() {
    local missing
    find_missing "$@"
    [[ ${#missing[@]} -gt 0 ]] || return 0
    local as_root=()
    [[ $(id -u) -eq 0 ]] || as_root=(sudo)
    printf 'installing %s\n' "${missing[*]}"
    if [[ ! -e /usr/sbin/policy-rc.d ]]; then
        no_services=/usr/sbin/policy-rc.d
        printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" install -m 755 /dev/stdin "$no_services"
    fi
    {
        "${as_root[@]}" apt-get update &&
            "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
                apt-get install -y --no-install-recommends "${missing[@]}"
    } >"$scratch/apt.log" 2>&1 </dev/null || {
        cat "$scratch/apt.log" >&2
        fail 'these packages could not be installed'
    }
    start_services
}

# start_services: lets apt-get start services again.
start_services() {
    [[ $no_services ]] || return 0
    local as_root=()
    [[ $(id -u) -eq 0 ]] || as_root=(sudo)
    "${as_root[@]}" rm -f "$no_services"
    no_services=
}

# logged COMMAND...: runs a command that must succeed. Prints its output only if it fails.
logged() {
    "$@" >"$scratch/command.log" 2>&1 </dev/null || {
        cat "$scratch/command.log" >&2
        fail "failed: $*"
    }
}

# wait_for FILE TEXT PID: waits until the process has written the text to the file. TEXT is a regular expression.
wait_for() {
    local i
    for ((i = 0; i < 600; ++i)); do
        grep -q -- "$2" "$1" 2>/dev/null && return 0
        kill -0 "$3" 2>/dev/null || break
        sleep 0.1
    done
    cat "$1" >&2
    fail "the output of a program does not contain \"$2\""
}

# wine_start: starts a Wine for the tests and keeps it running, so that programs start quickly. It locks this Wine and build/:
# only one script at a time, with the scripts that it calls, uses them.
wine_start() {
    [[ -z ${SSPAN_WINE_IS_UP:-} ]] || return 0
    export SSPAN_WINE_IS_UP=1
    export WINEPREFIX=$PWD/build/wine WINEDEBUG=-all WINEDLLOVERRIDES='mscoree,mshtml=d' DISPLAY=
    mkdir -p build
    exec 9>build/lock
    flock -n 9 || {
        printf 'waiting for another script that works in build/\n'
        flock -w 1200 9 || fail 'the other script has not ended'
    }
    wine_is_ours=1
    timeout 60 wineserver -k 2>/dev/null || true # a killed script may have left one
    if [[ ! -e $WINEPREFIX/complete ]]; then
        rm -rf "$WINEPREFIX"
        mkdir "$WINEPREFIX"
    fi
    # Wine's services inherit the output of the program that starts them. If it is a pipe, the reader waits until the services
    # end. So start them here with a file as output. They may outlive a killed script, so they must not hold the lock.
    logged timeout 60 wineserver -p 9>&-
    logged timeout 300 wineboot --init 9>&-
    touch "$WINEPREFIX/complete"
}

port_is_free() {
    ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

free_port() {
    local port
    while port=$((20000 + RANDOM % 12000)); do
        port_is_free "$port" && break
    done
    printf '%s' "$port"
}

# krb5_config REALM PORT: prints a Kerberos configuration for a realm. The KDC listens at this port of 127.0.0.1.
krb5_config() {
    cat <<EOF
[libdefaults]
    default_realm = $1
    dns_lookup_kdc = false
    dns_lookup_realm = false
    dns_canonicalize_hostname = false
    rdns = false
    udp_preference_limit = 1
[realms]
    $1 = {
        kdc = 127.0.0.1:$2
    }
[domain_realm]
    .sspan.test = $1
EOF
}

# realm_start: starts a Kerberos realm SSPAN.TEST on 127.0.0.1. It has the user alice, who is logged on, and the service
# echo/server.sspan.test. The environment tells programs where the realm, alice's ticket and the service's key are.
realm_start() {
    local dir=$scratch/realm port pid
    mkdir "$dir"
    export KRB5_CONFIG=$dir/krb5.conf KRB5_KDC_PROFILE=$dir/kdc.conf KRB5CCNAME=FILE:$dir/alice.ticket \
        KRB5_KTNAME=FILE:$dir/service.keytab KRB5RCACHENAME=file2:$dir/replays
    export PATH=$PATH:/usr/sbin:/sbin
    port=$(free_port)
    krb5_config SSPAN.TEST "$port" >"$KRB5_CONFIG"
    cat >"$KRB5_KDC_PROFILE" <<EOF
[kdcdefaults]
    kdc_listen = 127.0.0.1:$port
    kdc_tcp_listen = 127.0.0.1:$port
[realms]
    SSPAN.TEST = {
        database_name = $dir/principal
        key_stash_file = $dir/stash
        acl_file = $dir/acl
    }
[logging]
    kdc = FILE:$dir/kdc.log
EOF
    logged kdb5_util create -s -P throwaway
    logged kadmin.local addprinc -pw "$alice_password" alice
    logged kadmin.local addprinc -randkey "$service"
    logged kadmin.local ktadd -k "$dir/service.keytab" "$service"
    krb5kdc -n >"$dir/kdc.out" 2>&1 </dev/null 9>&- &
    pid=$!
    started+=("$pid")
    wait_for "$dir/kdc.out" 'starting' "$pid"
    printf '%s\n' "$alice_password" | kinit -f alice >/dev/null
}
readonly alice_password='correct horse' service=echo/server.sspan.test
