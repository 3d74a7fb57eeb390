#!/bin/bash
# host-state.sh: prints what a container must leave alone, one fact per line, so that two of its outputs can be compared:
# the hierarchies with their controllers, the mount table, every cgroup, and the settings at each hierarchy's root.
#
# The tree in which the caller itself lives (a session, a job) is left out: it changes with the caller.
set -euo pipefail

#subsys_name	hierarchy	num_cgroups	enabled
awk '!/^#/ { print "hierarchy", $1, $2, $4 }' /proc/cgroups
# 32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime shared:7 - cgroup cgroup rw,cpu
sed 's/^/mount /' /proc/self/mountinfo

# Prints MOUNT-POINT TYPE SUPERBLOCK-OPTIONS OWN-TREE for each hierarchy that is mounted whole.
hierarchies() {
    awk '
        # 4:memory:/session/1234 or 0::/session
        FNR == NR {
            split($0, field, ":")
            path = $0; sub(/^[^:]*:[^:]*:/, "", path)
            split(path, part, "/")
            top[field[2]] = "/" part[2]
            next
        }
        {
            for (i = 7; $i != "-"; i++) ;
            if ($(i + 1) !~ /^cgroup2?$/ || $4 != "/" || seen[$(i + 1), $(i + 3)]++) next
            own = "/"
            if ($(i + 1) == "cgroup2" && "" in top) own = top[""]
            for (names in top) {
                n = split(names, name, ","); hit = n > 0 && $(i + 1) == "cgroup"
                for (j = 1; j <= n; j++) if (index("," $(i + 3) ",", "," name[j] ",") == 0) hit = 0
                if (hit) own = top[names]
            }
            print $5, $(i + 1), $(i + 3), own
        }' /proc/self/cgroup /proc/self/mountinfo
}

points=() titles=() left_out=()
while read -r point type options own; do
    points+=("$point")
    titles+=("$point=$type:$options")
    # A path that cannot occur where there is nothing to leave out.
    [ "$own" != / ] || own=/.
    left_out+=(${left_out:+-o} -path "$point$own")
    for setting in cgroup.subtree_control cgroup.clone_children notify_on_release release_agent memory.use_hierarchy; do
        [ -r "$point/$setting" ] || continue
        value=
        read -r value <"$point/$setting" || true
        printf 'setting %s:%s %s %s\n' "$type" "$options" "$setting" "$value"
    done
done < <(hierarchies)
[ ${#points[@]} != 0 ] || exit 0

# All in one find, since in an emulated machine a process costs more than a walk. What goes away meanwhile is no error.
{
    printf 'title %s\n' "${titles[@]}"
    find "${points[@]}" -mindepth 1 \( "${left_out[@]}" \) -prune -o -type d -printf '%H /%P\n' 2>/dev/null || true
} | awk '
    # title /sys/fs/cgroup/cpu=cgroup:rw,cpu
    $1 == "title" { at = index($2, "="); title[substr($2, 1, at - 1)] = substr($2, at + 1); next }
    { print "cgroup", title[$1], substr($0, length($1) + 2) }' | LC_ALL=C sort
