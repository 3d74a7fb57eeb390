#!/bin/bash
# The relink kit links, with its own libmount and with one that was exchanged.
#
#   check_relink.sh MAKE-KIT-COMMAND...
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
kit=$("$@" --out "$dir" --name kit)
tar -C "$dir" -xf "$kit"
cd "$dir/kit"

# Under a name that is not its own cginit is an init's wrapper and takes no options.
./link.sh cginit-first
./cginit-first --version

# Another libmount: the same but for one byte more of text, as anyone's change would be.
cp lib/libmount.a mine.a
echo 'extern "C" { extern const char exchanged[] = "exchanged libmount"; }' >mine.cpp
c++ -fno-pie -c mine.cpp -o mine.o
ar q mine.a mine.o
LIBMOUNT=mine.a LDFLAGS=-Wl,-u,exchanged ./link.sh cginit-second
./cginit-second --version
grep -q 'exchanged libmount' cginit-second || { echo "FAIL: the exchanged libmount is not in the binary"; exit 1; }
