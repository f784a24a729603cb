#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#
# Tests sspan on Wine with MIT's GSS-API library. With SSPAN_WITH_WINPR3 it also tests sspan on WinPR 3, with MIT's library and
# with sspan on Wine. ../run.sh starts this script.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."
# shellcheck source=tests/environment.sh
. tests/environment.sh
# shellcheck source=tests/integration/suites.sh
. tests/integration/suites.sh

needs python3-gssapi
export PYTHONPATH=tests/interop:tests/interop/mit KRB5_KTNAME=FILE:$scratch/service.keytab

# The session key has a key type if this is the service's only type and the client's first type. The service's own key still
# encrypts the tickets.
key_types=(aes256-cts-hmac-sha1-96 aes128-cts-hmac-sha256-128 aes256-cts-hmac-sha384-192)
for key_type in "${key_types[@]}"; do
    principal=mit/$key_type.sspan.test
    logged kadmin.local addprinc -randkey "$principal"
    logged kadmin.local setstr "$principal" session_enctypes "$key_type"
    logged kadmin.local ktadd -k "$scratch/service.keytab" "$principal"
    sed "s/^\[libdefaults\]/&\n    permitted_enctypes = $key_type aes256-cts-hmac-sha1-96/" "$KRB5_CONFIG" \
        >"$scratch/$key_type.conf"
done

# judge NAME KEY_TYPE OPTION...: runs judge.py with this key type, and adds its counts.
judge() {
    local name=$1 key_type=$2 log=$scratch/judge.log
    shift 2
    KRB5_CONFIG=$scratch/$key_type.conf timeout --kill-after=10 500 /usr/bin/python3 -B tests/interop/mit/judge.py "$@" \
        "$key_type" "mit/$key_type.sspan.test" >"$log" 2>&1 </dev/null &
    started+=("$!")
    wait "$!" || true
    unset 'started[-1]'
    add_counts "$name, $key_type" "$log"
}

readonly wine_mirror='wine build/mingw/tests/interop/mirror.exe'
[[ -e ${wine_mirror#* } ]] || fail "${wine_mirror#* } is not built"
for key_type in "${key_types[@]}"; do
    judge 'MIT with itself' "$key_type" --style plain --style dce
    judge 'sspan on Wine with MIT' "$key_type" --style plain --style dce --style negotiate --mirror "$wine_mirror"
    judge 'sspan on Wine with itself' "$key_type" --style plain --style dce --style negotiate --mirror "$wine_mirror" \
        --mirror "$wine_mirror"
done

# winpr_mirror KEY_TYPE: makes a command that starts a mirror in a Debian 13, and prints its name. It copies the files of the
# realm to that Debian.
winpr_mirror() {
    local realm=/srv/interop script=$scratch/winpr_mirror.$1
    "${as_root[@]}" mkdir -p "$root$realm"
    "${as_root[@]}" cp "${KRB5CCNAME#FILE:}" "${KRB5_KTNAME#FILE:}" "$scratch/$1.conf" "$root$realm"
    {
        printf '#!/usr/bin/env bash\nexec '
        printf '%q ' "${in_root[@]}" env KRB5_CONFIG="$realm/$1.conf" KRB5CCNAME="FILE:$realm/${KRB5CCNAME##*/}" \
            KRB5_KTNAME="FILE:$realm/${KRB5_KTNAME##*/}" KRB5RCACHENAME="file2:$realm/replays" WLOG_LEVEL=OFF \
            ASAN_OPTIONS=fast_unwind_on_malloc=0 \
            LSAN_OPTIONS="suppressions=/srv/tree/tests/integration/winpr3.supp:print_suppressions=0" \
            build/winpr3/tests/interop/mirror
        printf '"$@"\n'
    } >"$script"
    chmod +x "$script"
    printf '%s' "$script"
}

if [[ ${SSPAN_WITH_WINPR3:-} ]]; then
    # shellcheck source=tests/root.sh
    . tests/root.sh
    root_open trixie
    root_make trixie
    root_install "${build_packages[@]}" "${realm_packages[@]}" "${winpr3_packages[@]}"
    logged "${in_root[@]}" cmake --preset winpr3
    logged "${in_root[@]}" cmake --build build/winpr3 --target mirror
    for key_type in "${key_types[@]}"; do
        native_mirror=$(winpr_mirror "$key_type")
        judge 'sspan on WinPR with MIT' "$key_type" --style plain --sealed-only --mirror "$native_mirror"
        judge 'sspan on WinPR with sspan on Wine' "$key_type" --style plain --sealed-only --mirror "$native_mirror" \
            --mirror "$wine_mirror"
    done
    "${as_root[@]}" rm -rf "$root/srv/interop"
fi

totals
