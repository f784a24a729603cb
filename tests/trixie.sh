# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# To be sourced after environment.sh: a Debian 13 in a folder of its own, because it has WinPR 3. It is made once, kept
# for later runs and other clones of the project, and used by one at a time. It takes root's rights, or sudo.

readonly trixie=${XDG_CACHE_HOME:-$HOME/.cache}/sspan/trixie trixie_tree=/srv/tree
readonly trixie_packages=cmake,ninja-build,g++,libmsgsl-dev,nlohmann-json3-dev,googletest,libwinpr3-dev,winpr3-utils,krb5-kdc,krb5-admin-server,krb5-user,faketime,python3

as_root=()
[[ $(id -u) -eq 0 ]] || as_root=(sudo)

# Before a command: mounts and processes of its own, which end with it in whatever way it ends.
readonly apart=("${as_root[@]}" unshare --mount --pid --fork --kill-child --)

# Before a command that is to run in there, in the copy of the tree.
# shellcheck disable=SC2016,SC2034 # the inner shell expands these; who sources this uses it
readonly in_trixie=("${apart[@]}" bash -euc '
    mount -t proc proc "$0/proc"
    exec chroot "$0" env -i --chdir="$1" HOME=/root LANG=C.UTF-8 PATH=/usr/sbin:/usr/bin:/sbin:/bin "${@:2}"' "$trixie" "$trixie_tree")

# The mirror that this system has Debian from.
mirror() {
    # shellcheck disable=SC2016 # apt-get expands it
    apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Label: Debian' | sort -u | sed 1q
}

# trixie_start: locks the folder until the script ends, makes a Debian 13 of it if it is not one, or not one of these
# packages, or one that was left half made, and copies the tree into it. Files that are the same keep their time, so
# that a build in there goes on from the last one.
trixie_start() {
    install_missing debootstrap rsync
    "${apart[@]}" true 2>/dev/null || fail 'a Debian 13 takes the right to mount, which this system does not give'
    mkdir -p "${trixie%/*}"
    exec 8>"$trixie.lock"
    flock -n 8 || {
        printf 'waiting for another script that works in %s\n' "$trixie"
        flock -w 1200 8 || fail 'it has not ended'
    }
    local complete=$trixie/sspan-root site
    if [[ $(cat "$complete" 2>/dev/null) != "$trixie_packages" ]]; then
        site=$(mirror)
        [[ $site ]] || fail 'apt-get does not say where this system has Debian from'
        printf 'making a Debian 13 in %s\n' "$trixie"
        "${as_root[@]}" rm -rf --one-file-system "$trixie"
        logged timeout 900 "${apart[@]}" debootstrap --variant=minbase --include="$trixie_packages" trixie "$trixie" "$site"
        "${as_root[@]}" rm -rf "$trixie"/var/cache/apt/archives/*.deb
        "${as_root[@]}" mkdir -p "$trixie$trixie_tree"
        printf '%s' "$trixie_packages" | "${as_root[@]}" tee "$complete" >/dev/null
    fi
    logged "${as_root[@]}" rsync --recursive --links --perms --checksum --delete --exclude=/build --exclude=/.git ./ "$trixie$trixie_tree/"
}
