#!/bin/bash
# quickstart.sh: boots systemd in an ordinary container, neither privileged nor with a mount of the host's cgroups, and
# shows what cginit did for it. Needs root and a Debian; installs and builds what is missing, leaves nothing running.
#
#   --engine runc      (default) a container of its own, with Docker's default settings; no daemon is needed
#   --engine docker    the machine's Docker
#   --engine podman    the machine's Podman
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=tests/support/common.sh
. tests/support/common.sh

engine=runc
while [ $# -gt 0 ]; do
    case $1 in
        --engine) engine=${2-} && shift ;;
        --engine=*) engine=${1#*=} ;;
        --help | -h) sed -n '2,/^set/ s/^# \{0,1\}//p' "$0" && exit ;;
        *) die "unknown option $1" "usage: quickstart.sh [--engine runc|docker|podman]" ;;
    esac
    shift
done
case $engine in
    runc | docker | podman) ;;
    *) die "no such engine: $engine" "usage: quickstart.sh [--engine runc|docker|podman]" ;;
esac
need_root

readonly kName=cginit-quickstart-$$
readonly kMegabyte=1048576

title() { printf '\n\033[1m%s\033[0m\n' "$*"; }

# --- set-up: the second time nothing of this is left to do

title "1. Packages, binary, root file system"
tests/support/install-deps.sh build image "$engine"
mkdir -p build/logs
[ -f build/release/build.ninja ] ||
    run_step "cmake --preset release (the first time with a static libmount)" build/logs/quickstart-cmake.log \
        cmake --preset release
run_step "cmake --build --preset release" build/logs/quickstart-build.log cmake --build --preset release
image=$(tests/support/make-image.sh bookworm)
say "Debian 12 with systemd: $(du -h "$image" | cut -f 1)"

# --- the engines: start COMMAND..., inside COMMAND..., stop, log, remove

work=$(mktemp -d /var/tmp/cginit-quickstart.XXXXXX)
log_file=$work/console.log
runc_pid=''
container_id='' # as Docker and Podman name its cgroup

# Whether the engine can limit that: on a cgroup2 host the controller may still be missing.
can_limit() { [ ! -e /sys/fs/cgroup/cgroup.controllers ] || grep -qw "$1" /sys/fs/cgroup/cgroup.controllers; }

# What `docker run --cap-add SYS_ADMIN -m 512m --pids-limit 512` makes of an image, less the network.
write_bundle() { # TTY COMMAND...
    local tty=$1 limits='' namespaces='"pid", "ipc", "uts", "mount", "network"'
    shift
    # Docker's default: a cgroup namespace on cgroup2 hosts only.
    [ ! -e /sys/fs/cgroup/cgroup.controllers ] || namespaces+=', "cgroup"'
    ! can_limit memory || limits+=', "memory": {"limit": 536870912}'
    ! can_limit pids || limits+=', "pids": {"limit": 512}'
    jq -n --args --argjson tty "$tty" --argjson namespaces "[$namespaces]" --argjson limits "{${limits#, }}" \
        --arg name "$kName" --arg rootfs "$work/rootfs" '
        ["AUDIT_WRITE", "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "MKNOD", "NET_BIND_SERVICE", "NET_RAW",
         "SETFCAP", "SETGID", "SETPCAP", "SETUID", "SYS_CHROOT", "SYS_ADMIN"] | map("CAP_" + .) as $caps |
        def mounted($at; $type; $options): {destination: $at, type: $type, source: $type, options: $options};
        {
            ociVersion: "1.0.2",
            process: {
                terminal: $tty, args: $ARGS.positional, cwd: "/", user: {uid: 0, gid: 0},
                env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"],
                capabilities: {bounding: $caps, effective: $caps, permitted: $caps}
            },
            root: {path: $rootfs, readonly: false},
            hostname: "quickstart",
            mounts: [
                mounted("/proc"; "proc"; ["nosuid", "noexec", "nodev"]),
                mounted("/dev"; "tmpfs"; ["nosuid", "strictatime", "mode=755", "size=65536k"]),
                mounted("/dev/pts"; "devpts"; ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]),
                mounted("/sys"; "sysfs"; ["nosuid", "noexec", "nodev", "ro"]),
                mounted("/sys/fs/cgroup"; "cgroup"; ["ro", "nosuid", "noexec", "nodev"]),
                mounted("/dev/mqueue"; "mqueue"; ["nosuid", "noexec", "nodev"]),
                mounted("/dev/shm"; "tmpfs"; ["nosuid", "noexec", "nodev", "mode=1777", "size=67108864"])
            ],
            linux: {
                cgroupsPath: ("/" + $name),
                namespaces: $namespaces | map({type: .}),
                resources: ($limits + {
                    devices: [
                        {allow: false, access: "rwm"},
                        {allow: true, type: "c", access: "m"}, {allow: true, type: "b", access: "m"},
                        ([[1, 3], [1, 5], [1, 7], [1, 8], [1, 9], [5, 0], [5, 1], [5, 2]][] |
                            {allow: true, type: "c", major: .[0], minor: .[1], access: "rwm"}),
                        {allow: true, type: "c", major: 136, access: "rwm"}
                    ]
                }),
                maskedPaths: ["/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
                              "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware"],
                readonlyPaths: ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]
            }
        }' "$@" >"$work/config.json"
}

engine_options() {
    local options=(--network none --cap-add SYS_ADMIN --stop-signal 37 --tty)
    if [ "$engine" = podman ]; then
        options+=(--systemd=false)
        # Podman's own defaults are more than such a root may set.
        has_sys_resource || options+=(--ulimit nofile=10000:10000 --ulimit nproc=10000:10000)
        can_limit pids || options+=(--pids-limit 0)
    fi
    # docker-default denies every mount; the other profiles are no better.
    [ ! -d /sys/kernel/security/apparmor ] || options+=(--security-opt apparmor=unconfined)
    printf '%s\n' "${options[@]}"
}

# How the engine is called. Docker: another client may stand before its own on PATH.
client_command=("$engine")
case $engine in
    docker) [ ! -x /usr/bin/docker ] || client_command=(/usr/bin/docker) ;;
    podman)
        [ -d /run/systemd/system ] || client_command+=(--cgroup-manager cgroupfs)
        # crun, its default, refuses hosts that have v1 hierarchies and cgroup2 controllers, and wants to raise a limit.
        if [ -s /sys/fs/cgroup/unified/cgroup.controllers ] || ! has_sys_resource; then
            client_command+=(--runtime "$(command -v runc || true)")
        fi
        ;;
esac
client() { "${client_command[@]}" "$@"; }

prepare_runc() {
    mkdir "$work/rootfs"
    tar -C "$work/rootfs" --numeric-owner -xpf "$image"
    cp build/release/cginit "$work/rootfs/cginit"
}
view_of_runc() {
    write_bundle false /bin/cat /proc/self/mountinfo
    runc --root "$work/state" run --bundle "$work" "$kName"
}
start_runc() {
    write_bundle true /cginit /sbin/init
    script --quiet --return --flush --command "exec runc --root $work/state run --bundle $work $kName" "$log_file" \
        </dev/null >/dev/null 2>&1 &
    runc_pid=$!
}
inside_runc() { runc --root "$work/state" exec "$kName" "$@"; }
stop_runc() {
    runc --root "$work/state" kill "$kName" 37
    # shellcheck disable=SC2016 # for that shell
    timeout 30 sh -c 'while kill -0 "$1" 2>/dev/null; do sleep 0.1; done' sh "$runc_pid" || return 1
    wait "$runc_pid"
}
log_runc() { cat "$log_file"; }
remove_runc() {
    runc --root "$work/state" delete --force "$kName" 2>/dev/null || true
    [ -z "$runc_pid" ] || wait "$runc_pid" 2>/dev/null || true
}

prepare_client() {
    client info >/dev/null 2>&1 || die "$engine does not answer" "start it, or use --engine runc"
    cp "$image" "$work/image.tar"
    tar -C build/release --owner=0 --group=0 --mode=755 -rf "$work/image.tar" ./cginit
    client import --change 'ENTRYPOINT ["/cginit"]' --change 'CMD ["/sbin/init"]' "$work/image.tar" "$kName" \
        >/dev/null 2>"$work/import.log" || die "the image could not be imported" "$(cat "$work/import.log")"
    mapfile -t options < <(engine_options)
}
view_of_client() { client run --rm "${options[@]}" --entrypoint /bin/cat "$kName" /proc/self/mountinfo; }
start_client() { container_id=$(client run --detach --name "$kName" "${options[@]}" "$kName"); }
inside_client() { client exec "$kName" "$@"; }
stop_client() {
    local status
    client stop --time 30 "$kName" >/dev/null
    status=$(client inspect --format '{{.State.ExitCode}}' "$kName")
    return "$status"
}
log_client() { client logs "$kName" 2>&1; }
remove_client() {
    client rm --force "$kName" >/dev/null 2>&1 || true
    client rmi --force "$kName" >/dev/null 2>&1 || true
}

if [ "$engine" = runc ]; then kind=runc; else kind=client; fi
inside() { "inside_$kind" "$@"; }

ok=''
finish() {
    if [ -z "$ok" ]; then
        printf '\n--- the log of the container\n' >&2
        "log_$kind" 2>/dev/null | tail -n 60 >&2 || true
    fi
    "remove_$kind"
    rm -rf --one-file-system "$work"
}
trap finish EXIT

# --- helpers

# MOUNT POINT, FILE SYSTEM, ro or rw, what of it is shown
# 161 160 0:29 /docker/0a59 /sys/fs/cgroup/cpu ro,nosuid,nodev,noexec,relatime - cgroup cgroup rw,cpu
show_mounts() {
    tr -d '\r' | awk '$5 == "/sys/fs/cgroup" || index($5, "/sys/fs/cgroup/") == 1 {
        for (i = 7; $i != "-"; i++) ;
        printf "    %-34s %-8s %s  %s\n", $5, $(i + 1), substr($6, 1, 2), $(i + 1) ~ /^cgroup/ ? $4 : ""
    }'
}

# Engines keep the cgroups that they made for all their containers, and other containers may come and go.
machine_state() {
    tests/support/host-state.sh | awk -v id="$container_id" '
        BEGIN { for (i = 0; i < 64; i++) any_id = any_id "[0-9a-f]" }
        /^cgroup [^ ]+ \/(docker|libpod_parent|libpod_parent\/conmon|machine.slice)$/ { next }
        $1 == "cgroup" && $0 ~ any_id && (id == "" || index($0, id) == 0) { next }
        { print }'
}

system_is_up() {
    state=$(inside systemctl is-system-running 2>/dev/null | tr -d '\r') || true
    case $state in running | degraded | maintenance) ;; *) return 1 ;; esac
}

# The content of the first of these files in the cgroup of hog.service.
hog() {
    local name
    for name; do
        inside find /sys/fs/cgroup -path '*/hog.service/*' -name "$name" -exec cat '{}' + | tr -d '\r'
    done
}
hog_is_done() { [ "$(inside sh -c 'cat /run/hog-done 2>/dev/null' | tr -d '\r')" = finished ]; }

# --- the show

title "2. A container with $engine: --cap-add SYS_ADMIN, not privileged"
"prepare_$kind"
before=$(machine_state)
say "What the engine mounts (last column: the cgroup that is shown):"
"view_of_$kind" >"$work/view"
show_mounts <"$work/view"

title "3. cginit makes that private and writable, and becomes systemd"
started=$SECONDS
"start_$kind"
wait_until 90 system_is_up || die "systemd did not come up within 90 seconds"
[ "$state" = running ] || die "systemd is $state: $(inside systemctl --failed --no-legend --plain)"
log_"$kind" | tr -d '\r\000' | grep '^cginit: ' | sed 's/^/    /' || true
say "What systemd has:"
# Whoever is executed in a container need not share its init's cgroup namespace.
inside nsenter --target 1 --cgroup cat /proc/self/mountinfo >"$work/view"
show_mounts <"$work/view"
say "systemctl is-system-running: $state, after $((SECONDS - started)) s"

title "4. A service that wants 128 MB and may have 48"
if grep -q ' - cgroup .*\bmemory\b' "$work/view" || inside grep -qw memory /sys/fs/cgroup/cgroup.controllers 2>/dev/null; then
    say "systemd-run --unit=hog -p MemoryMax=48M ..."
    inside systemd-run --quiet --unit=hog --property=MemoryMax=48M --property=OOMPolicy=continue \
        /bin/sh -c 'head -c 128M /dev/zero | tail >/dev/null; echo finished >/run/hog-done; exec sleep infinity'
    wait_until 60 hog_is_done || die "the service did not get anywhere"
    limit=$(hog memory.limit_in_bytes memory.max)
    peak=$(hog memory.max_usage_in_bytes memory.peak)
    [ -n "$peak" ] || peak=$(hog memory.usage_in_bytes memory.current) # before Linux 5.19
    killed=$(hog memory.oom_control memory.events | awk '$1 == "oom_kill" { print $2 }')
    say "    its limit        $((limit / kMegabyte)) MB ($limit bytes)" \
        && say "    the most it had  $((peak / kMegabyte)) MB ($peak bytes)" \
        && say "    killed for it    ${killed:-0} process"
    [ "$limit" = $((48 * kMegabyte)) ] || die "MemoryMax= did not take effect"
    [ "$peak" -le "$limit" ] || die "it got more than its limit"
    [ "${killed:-0}" -ge 1 ] || [ "$peak" -gt $((40 * kMegabyte)) ] || die "it was not held at its limit"
    [ "$(inside systemctl is-active hog.service | tr -d '\r')" = active ] || die "the service did not survive that"
else
    say "This machine has no memory controller for containers: left out."
fi

title "5. A clean end"
started=$SECONDS
status=0
"stop_$kind" || status=$?
case $status in
    0 | 129 | 130) ;; # halted, or as the kernel reports reboot(2) in a pid namespace
    *) die "systemd ended with status $status" ;;
esac
say "SIGRTMIN+3: systemd shut down in $((SECONDS - started)) s"
"remove_$kind"
nothing_left() {
    after=$(machine_state)
    [ "$before" = "$after" ]
}
wait_until 10 nothing_left || {
    diff <(echo "$before") <(echo "$after") | head -n 20 >&2 || true
    die "the machine is not as it was"
}
say "The machine's cgroups, mounts and hierarchies are as they were."
ok=1
