#!/bin/sh
# capture.sh >REPORT: what cginit --capture writes, where cginit itself cannot be started; but for the init, and for what only
# trying tells: whether a user namespace can be had, and whether the engine delegated the cgroup. It needs a shell, readlink and
# uname (busybox will do), and writes no file:
#
#   docker run --rm -i OPTIONS --entrypoint sh IMAGE <examples/capture.sh >report
#
# No environment, no command line and no other file is read than tests/captures/README.md lists.
set -eu

kept='|' facts='' newline='
'

# is_new PATH: once each, through however many mounts it is seen.
is_new() {
    case $kept in *"|$1|"*) return 1 ;; esac
    kept="$kept$1|"
}

# mark PATH: the line before a file's text.
mark() { printf -- '-- %s --\n' "${1#/}"; }

# copy PATH: standard input, which is its text. What is none (the NUL behind a label) is left out.
copy() {
    mark "$1"
    while IFS= read -r line || [ -n "$line" ]; do
        printf '%s\n' "$line"
    done
}

# keep FILE: its text, if it can be read.
keep() {
    is_new "$1" || return 0
    # shellcheck disable=SC2094 # its name is written, and nothing to it
    { copy "$1" <"$1"; } 2>/dev/null || true
}

# keep_link LINK: its text. One with the end of a line in it would end the report, too.
keep_link() {
    if target=$(readlink "$1") && [ "${target#*"$newline"}" = "$target" ]; then
        mark "$1"
        printf '%s\n' "$target"
    fi
}

# look DIRECTORY: of a cgroup, what tells whether it is the host's root.
look() {
    [ -e "$1/cgroup.procs" ] && is_new "$1" || return 0
    for name in cgroup.procs cgroup.events cgroup.type release_agent; do
        [ ! -e "$1/$name" ] || mark "$1/$name"
    done
    for file in memory.use_hierarchy memory.kmem.tcp.limit_in_bytes; do
        [ ! -e "$1/$file" ] || keep "$1/$file"
    done
}

# fact WORDS: a line of what no file of the system says.
fact() {
    facts="$facts$*$newline"
}

# count DIRECTORY POINT: a process from outside of the container is the number 0 in a v2 cgroup.
count() {
    is_new "outsiders $2" && [ -r "$1/cgroup.procs" ] || return 0
    outsiders=no
    while read -r id; do
        [ "$id" != 0 ] || outsiders=yes
    done <"$1/cgroup.procs"
    fact outsiders "$2" $outsiders
}

about() {
    printf '%s\n' capture.sh "kernel $(uname -r)" '' \
        'Please add how the container was started, with which init, and on what kind of host.' \
        'Before you pass it on, look through proc/self/mountinfo: it names directories of the host.' \
        'To replay it: cginit --root=FILE --init-traits=systemd:252 --dry-run' ''
}

about
for file in mountinfo cgroup status uid_map gid_map attr/current; do
    keep "/proc/self/$file"
done
keep /proc/filesystems
keep /proc/cgroups
keep /proc/sys/kernel/osrelease
keep /proc/sys/user/max_user_namespaces
keep /proc/sys/kernel/apparmor_restrict_unprivileged_userns
for name in cgroup mnt pid user; do
    keep_link "/proc/self/ns/$name"
done
keep_link /proc/self/cwd
keep_link /proc/1/ns/mnt
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

for place in /run /run/lock /tmp /var/log/journal; do
    if [ -L "$place" ]; then
        fact place "$place" symlink
    elif [ "$place" = /var/log/journal ] && { [ -L /var ] || [ -L /var/log ]; }; then
        fact place "$place" symlink
    elif [ "$place" = /var/log/journal ] && [ -d "$place" ] && [ -z "$(ls -A "$place" 2>/dev/null)" ]; then
        fact place "$place" empty
    elif [ -d "$place" ]; then
        fact place "$place" directory
    elif [ -e "$place" ]; then
        fact place "$place" other
    else
        fact place "$place" absent
    fi
done

# Only names, and of these only terminals; the other one says that /dev was looked at.
mark /dev/null
for tty in /dev/tty[0-9] /dev/tty[0-9][0-9]; do
    [ ! -e "$tty" ] || [ -L "$tty" ] || mark "$tty"
done

mark /cginit/facts
printf '%s' "$facts"
echo '-- end --'
