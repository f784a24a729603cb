# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# Source this file after environment.sh and suites.sh. It runs programs with sspan, on each platform and with each type of key.
# shellcheck disable=SC2154 # environment.sh sets scratch and alice_password

readonly key_types=(aes256-cts-hmac-sha1-96 aes128-cts-hmac-sha1-96 aes256-cts-hmac-sha384-192 aes128-cts-hmac-sha256-128)
readonly run_seconds=300 # the longest time that one run of a program may take

# principal NAME: makes a principal with a random key, if no other peer has made it.
principal() {
    kadmin.local getprinc "$1" >/dev/null 2>&1 || logged kadmin.local addprinc -randkey "$1"
}

# winpr_start PROGRAM: builds the program in a Debian 13, which has WinPR 3.
winpr_start() {
    # shellcheck source=tests/root.sh
    . tests/root.sh
    root_open trixie
    root_make trixie
    root_install "${build_packages[@]}" "${realm_packages[@]}" "${winpr3_packages[@]}"
    logged "${in_root[@]}" cmake --preset winpr3
    logged "${in_root[@]}" cmake --build build/winpr3 --target "$1"
    winpr_runner >"$scratch/winpr3"
    chmod +x "$scratch/winpr3"
}

# winpr_runner: prints a script that runs a program of build/winpr3 in that Debian. Temporary files, such as those of the realm
# and the report of the tests, have the same names inside and outside.
winpr_runner() {
    printf '#!/usr/bin/env bash\n'
    printf 'tree=%q scratch=%q root=%q apart=(' "$PWD" "$scratch" "$root"
    printf '%q ' "${apart[@]}"
    cat <<'SCRIPT'
)
exec "${apart[@]}" bash -euc '
    mount -t proc proc "$0/proc"
    temporary=${1%/*}
    mkdir -p "$0$temporary"
    mount --bind "$temporary" "$0$temporary"
    exec chroot "$0" env -i --chdir="$1" "${@:2}"' "$root" "$scratch" \
    KRB5_CONFIG="$KRB5_CONFIG" KRB5CCNAME="$KRB5CCNAME" KRB5_KTNAME="$KRB5_KTNAME" KRB5RCACHENAME="$KRB5RCACHENAME" \
    WLOG_LEVEL=OFF ASAN_OPTIONS=fast_unwind_on_malloc=0 \
    LSAN_OPTIONS=suppressions=/srv/tree/tests/integration/winpr3.supp:print_suppressions=0 \
    "/srv/tree${1#"$tree"}" "${@:2}"
SCRIPT
}

# everywhere PRINCIPAL PROGRAM COMMAND: runs the command under Wine with each type of session key, and with SSPAN_WITH_WINPR3
# also on WinPR 3. The argument of the command is the name of the platform and the key type. Alice has a new ticket for the
# principal each time. The command finds the program with the variables of suites.sh. SSPAN_ONLY_SEALED is set on a platform
# that has no messages with integrity only.
everywhere() {
    local principal=$1 program=$2 command=$3 given=$KRB5_CONFIG platform type
    local -x SSPAN_RUNNER SSPAN_BUILD SSPAN_SUFFIX
    for platform in wine ${SSPAN_WITH_WINPR3:+winpr3}; do
        SSPAN_RUNNER="timeout --foreground --kill-after=2 $run_seconds"
        if [[ $platform == wine ]]; then
            SSPAN_RUNNER+=' wine' SSPAN_BUILD=build/mingw SSPAN_SUFFIX=.exe
            [[ -e $SSPAN_BUILD/tests/interop/$program.exe ]] || fail "$program.exe is not built"
        else
            winpr_start "$program" # only now, because Wine's services would keep the lock
            SSPAN_RUNNER+=" $scratch/winpr3" SSPAN_BUILD=build/winpr3 SSPAN_SUFFIX=''
            local -x SSPAN_ONLY_SEALED=1
        fi
        for type in "${key_types[@]}"; do
            local config=$scratch/$type.conf ticket=FILE:$scratch/$type.ticket
            logged kadmin.local setstr "$principal" session_enctypes "$type"
            sed "s/^\[libdefaults\]/&\n    permitted_enctypes = $type aes256-cts-hmac-sha1-96/" "$given" >"$config"
            KRB5_CONFIG=$config kinit -c "$ticket" alice <<<"$alice_password" >/dev/null
            KRB5_CONFIG=$config logged kvno -c "$ticket" "$principal"
            klist -e -c "$ticket" | grep -A 2 "$principal" | grep -q "skey, tkt): $type" ||
                fail "there is no session key of type $type"
            KRB5_CONFIG=$config KRB5CCNAME=$ticket "$command" "$platform, $type"
        done
    done
}
