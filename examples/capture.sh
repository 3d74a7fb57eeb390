#!/bin/sh
# capture.sh >REPORT.tar: what cginit --capture writes, where cginit itself cannot be started; but for the init, and for what
# only trying tells: whether a user namespace can be had, and whether the engine delegated the cgroup. It needs a shell, cat,
# mktemp, readlink and tar (busybox will do), and leaves nothing behind:
#
#   docker run --rm -i OPTIONS --entrypoint sh IMAGE <examples/capture.sh >report.tar
#
# No environment, no command line and no other file is read than tests/captures/README.md lists.
set -eu
umask 022

[ ! -t 1 ] || { echo "error: standard output is a terminal: send it to a file, without -t" >&2; exit 1; }

folder=
for place in "${TMPDIR:-/tmp}" /tmp /dev/shm /run /var/tmp; do
    folder=$(mktemp -d "$place/cginit-capture.XXXXXX" 2>/dev/null) && break
done
[ -n "$folder" ] || { echo "error: no directory to write to: add --tmpfs /tmp" >&2; exit 1; }
trap 'rm -rf "$folder"' EXIT

# keep FILE: its text, if it can be read.
keep() {
    mkdir -p "$folder${1%/*}"
    cat "$1" >"$folder$1" 2>/dev/null || rm -f "$folder$1"
}

# look DIRECTORY: of a cgroup, what tells whether it is the host's root.
look() {
    [ -e "$1/cgroup.procs" ] || return 0
    mkdir -p "$folder$1"
    for name in cgroup.procs cgroup.events cgroup.type release_agent; do
        [ ! -e "$1/$name" ] || : >"$folder$1/$name"
    done
    for file in memory.use_hierarchy memory.kmem.tcp.limit_in_bytes; do
        [ ! -e "$1/$file" ] || keep "$1/$file"
    done
}

# fact WORDS: a line of what no file of the system says.
fact() {
    mkdir -p "$folder/cginit"
    printf '%s\n' "$*" >>"$folder/cginit/facts"
}

# count DIRECTORY POINT: a process from outside of the container is the number 0 in a v2 cgroup.
count() {
    ids=$(cat "$1/cgroup.procs" 2>/dev/null) || return 0
    outsiders=no
    for id in $ids; do
        [ "$id" != 0 ] || outsiders=yes
    done
    fact outsiders "$2" $outsiders
}

for file in mountinfo cgroup status uid_map gid_map attr/current; do
    keep "/proc/self/$file"
done
keep /proc/filesystems
keep /proc/cgroups
keep /proc/sys/kernel/osrelease
keep /proc/sys/user/max_user_namespaces
mkdir -p "$folder/proc/self/ns"
for name in cgroup mnt pid user; do
    readlink "/proc/self/ns/$name" >"$folder/proc/self/ns/$name" || rm -f "$folder/proc/self/ns/$name"
done
readlink /proc/self/cwd >"$folder/proc/self/cwd" || rm -f "$folder/proc/self/cwd"
mkdir -p "$folder/proc/1/ns"
readlink /proc/1/ns/mnt >"$folder/proc/1/ns/mnt" || rm -f "$folder/proc/1/ns/mnt"
fact pid $$

# The own cgroup's directory, through each mount that shows it.
# 145 144 0:38 /docker/3aef /sys/fs/cgroup/memory ro,nosuid - cgroup cgroup rw,memory
while read -r _ _ _ root point rest; do
    case " $rest" in
        *' - cgroup '* | *' - cgroup2 '*) ;;
        *) continue ;;
    esac
    root=${root%/}
    while IFS= read -r line; do
        path=${line#*:*:}
        path=${path%/}
        case $path in
            "$root"*) look "$point${path#"$root"}" ;;
            *) continue ;;
        esac
        case "$rest $line" in
            *' - cgroup2 '*' 0::'*) count "$point${path#"$root"}" "$point" ;;
        esac
    done </proc/self/cgroup
done </proc/self/mountinfo

for place in /run /run/lock /tmp; do
    if [ -L "$place" ]; then
        fact place "$place" symlink
    elif [ -d "$place" ]; then
        fact place "$place" directory
    elif [ -e "$place" ]; then
        fact place "$place" other
    else
        fact place "$place" absent
    fi
done

# Only names, and of these only terminals; the other one says that /dev was looked at.
mkdir -p "$folder/dev"
: >"$folder/dev/null"
for tty in /dev/tty[0-9] /dev/tty[0-9][0-9]; do
    [ ! -e "$tty" ] || [ -L "$tty" ] || : >"$folder$tty"
done

cat >"$folder/about.txt" <<TEXT
capture.sh
kernel $(uname -r)

Please add how the container was started, with which init, and on what kind of host.
Before you pass it on, look through proc/self/mountinfo: it names directories of the host.
To replay it: mkdir FOLDER && tar xf FILE -C FOLDER && cginit --root FOLDER --init-traits systemd:252 --dry-run
TEXT

# Not the folder itself, which only its owner may enter.
cd "$folder"
tar -cf - -- *
