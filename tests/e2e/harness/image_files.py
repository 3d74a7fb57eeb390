"""Files of the image that cginit reads before it executes the init, and which are not what they should be: it neither waits
for them, nor reads without end, nor crashes."""

from .hostile import Setup

INIT = "/sbin/init"
SYSTEMD = "/usr/lib/systemd/systemd"
UNKNOWN_VERSION = ("the version of this systemd cannot be told",)
# What is in a bundle's root file system is shared: nothing of it may be written, but for what was made anew.
ANEW = {INIT: f"rm {INIT}; ", SYSTEMD: "mkdir -p /usr/lib/systemd; "}


def taken(title, script, init=INIT, **expected):
    return Setup(title, ANEW.get(init, "") + script, init=(init,), options=("--dry-run",), **expected)


def refused(title, script, says, **more):
    return taken(title, script, status=126, says=(says,), **more)


def without_version(title, script, init=SYSTEMD):
    return taken(title, script, init, status=125, says=UNKNOWN_VERSION)


def overwritten(at, octal):
    """Some bytes of a good program's head."""
    return rf"cp /bin/busybox {INIT}; printf '{octal}' | dd of={INIT} bs=1 seek={at} conv=notrunc 2>/dev/null"


def filled_up(text, before=":"):
    """A program's head, and 8 MiB of what the version is looked for by."""
    return (rf"{{ dd if=/bin/busybox bs=4096 count=1; {before}; yes '{text}' | tr -d '\n' | head -c 8388608; }} "
            f">{SYSTEMD} 2>/dev/null; chmod 755 {SYSTEMD}")


# Each leads to the next by a path that is nearly as long as paths may be.
LINKS = (r"d=$(yes ./ | head -n 1900 | tr -d '\n'); i=0; while [ $i -lt 39 ]; do ln -s /${d}l$((i+1)) /l$i; i=$((i+1)); done; "
         f"cp /bin/busybox /l39; ln -s /l0 {INIT}")

SETUPS = [
    refused("a FIFO", f"mkfifo {INIT}; chmod 755 {INIT}", "is not a regular file"),
    refused("a link to a FIFO", f"mkfifo /f; ln -s /f {INIT}", "/f is not a regular file"),
    refused("a link to /proc/kmsg", f"ln -s /proc/kmsg {INIT}", "is not executable"),
    refused("a link to the own standard input", f"ln -s /proc/self/fd/0 {INIT}", "is not a regular file", last="exec </dev/null"),
    refused("a link to /dev/zero", f"ln -s /dev/zero {INIT}", "/dev/zero is not a regular file"),
    taken("a link to the own program", f"ln -s /proc/self/exe {INIT}"),
    refused("links in a circle", f"ln -s /a {INIT}; ln -s /b /a; ln -s /a /b", "Too many levels of symbolic links"),
    taken("many long links", LINKS),
    refused("a FIFO as interpreter", rf"mkfifo /i; printf '#!/i\n' >{INIT}; chmod 755 {INIT} /i", "/i is not a regular file"),
    refused("a script that interprets itself", rf"printf '#!{INIT}\n' >{INIT}; chmod 755 {INIT}",
            "whose interpreters are scripts"),
    refused("a head of 0xff", rf"{{ printf '\177ELF\2\1'; head -c 4090 /dev/zero | tr '\0' '\377'; }} >{INIT}; chmod 755 {INIT}",
            "ELF file for another machine"),
    taken("program headers far out", overwritten(32, r"\377\377\377\377\377\377\377\177")),
    taken("65535 program headers", overwritten(56, r"\377\377")),
    without_version("a systemd of 4 GiB", f"cp /bin/busybox {SYSTEMD}; truncate -s 4G {SYSTEMD}"),
    without_version("8 MiB of where a version begins", filled_up(" running in ")),
    without_version("8 MiB of versions", filled_up("1111111111111111 running in ")),
    without_version("4 MB of one version", filled_up(" running in ", r"head -c 4000000 /dev/zero | tr '\0' 1")),
    without_version("10000 libraries", f"cp /bin/busybox {SYSTEMD}; cd /usr/lib/systemd; "
                    "seq 231 10231 | sed 's/.*/libsystemd-shared-&.so/' | xargs touch; cd /"),
    without_version("a FIFO in place of the libraries",
                    "mkdir -p /usr/lib /opt; mkfifo /usr/lib/systemd; cp /bin/busybox /opt/systemd", "/opt/systemd"),
    taken("20000 terminals", "cd /dev; seq 0 20000 | sed 's/.*/tty&/' | xargs touch; cd /", "/bin/busybox"),
    taken("a FIFO as inittab", "mkdir -p /s; cp /bin/busybox /s/init; rm -f /etc/inittab; mkfifo /etc/inittab", "/s/init"),
]
