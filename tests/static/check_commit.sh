#!/bin/bash
# --version says twelve digits of the commit, however the sources came: as a clone, as a worktree, by git archive.
#
#   check_commit.sh CMAKE-FOLDER
#
# Exit status: 77 without git.
set -euo pipefail
if ! command -v git >/dev/null; then
    echo "missing: git"
    [ "${CGINIT_MUST_RUN-}" = 1 ] && exit 1
    exit 77
fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_NAME=A GIT_AUTHOR_EMAIL=a@example.org
export GIT_COMMITTER_NAME=A GIT_COMMITTER_EMAIL=a@example.org
unset GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE

clone=$dir/clone
mkdir "$clone"
git -C "$clone" init --quiet
git -C "$clone" config core.abbrev 20
cp -r "$1" "$clone/cmake"
cp "$1/../.gitattributes" "$clone"
cat >"$clone/CMakeLists.txt" <<'PROJECT'
cmake_minimum_required(VERSION 3.25)
project(cginit VERSION 1.2.3 LANGUAGES NONE)
set(cginit_libmount static)
include(cmake/CginitVersion.cmake)
add_custom_target(nothing ALL)
PROJECT

commit() {
    git -C "$1" add .
    git -C "$1" commit --quiet --allow-empty --message Change
}

# says FOLDER WORDS: builds in it, and compares what --version would say.
says() {
    local said
    cmake -S "$1" -B "$1.build" >"$dir/log" || { cat "$dir/log"; exit 1; }
    said=$(sed -n 's/.*kBuild = "\([^,]*\),.*/\1/p' "$1.build/generated/include/cginit/build.hpp")
    [ "$said" = "$2" ] || { echo "FAIL: $1 says '$said', not '$2'"; exit 1; }
}

# follows FOLDER: after another commit it needs only to be built.
follows() {
    local built=$1.build/generated/include/cginit/build.hpp
    commit "$1"
    cmake --build "$1.build" >"$dir/log" || { cat "$dir/log"; exit 1; }
    grep -q "commit $(git -C "$1" rev-parse HEAD | cut -c 1-12)," "$built" || { echo "FAIL: $1 says the commit before"; exit 1; }
}

says "$clone" "unknown commit"
commit "$clone"
says "$clone" "commit $(git -C "$clone" rev-parse HEAD | cut -c 1-12)"
follows "$clone"
git -C "$clone" worktree add --quiet "$dir/worktree"
commit "$dir/worktree"
says "$dir/worktree" "commit $(git -C "$dir/worktree" rev-parse HEAD | cut -c 1-12)"
follows "$dir/worktree"
mkdir "$dir/archive"
git -C "$clone" archive HEAD | tar -x -C "$dir/archive"
says "$dir/archive" "commit $(git -C "$clone" rev-parse HEAD | cut -c 1-12)"
# Neither the one nor the other.
rm -rf "$clone/.git"
says "$clone" "unknown commit"
