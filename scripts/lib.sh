# shellcheck shell=bash
# What the scripts beside this file share: messages, the repository's root, and installing what is missing.
#
# A need is looked for by what it does (a header found, a program run), never by a package's name, so a PostgreSQL or
# a compiler that came another way is good enough. Where nothing is missing, the package manager is not called at all.

shopt -s inherit_errexit # a failure inside $(…) is one
script=${0##*/}
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
caller_dir=$PWD
manual=$(cd "$(dirname "$0")" && pwd)/$script

say() { printf '%s: %s\n' "$script" "$*" >&2; }
die() { say "$@"; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

# Prints the comment at the head of the script, which is its manual.
usage() { sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$manual"; }

# Relative paths in arguments are the caller's, though the scripts work in the repository's root.
absolute() { case $1 in /*) echo "$1" ;; *) echo "$caller_dir/$1" ;; esac; }

# need -> packages: apt | dnf | brew
packages() {
  case $1 in
  cc) echo 'gcc libc6-dev|gcc|the command line tools: xcode-select --install' ;;
  pkg-config) echo 'pkg-config|pkgconf-pkg-config|pkgconf' ;;
  openssl) echo 'libssl-dev|openssl-devel|openssl@3' ;;
  postgres) echo 'postgresql|postgresql-server|postgresql@17' ;;
  contrib) echo 'postgresql-contrib|postgresql-contrib|postgresql@17' ;;
  age) echo 'age|age|age' ;;
  zstd) echo 'zstd|zstd|zstd' ;;
  ssh-keygen) echo 'openssh-client|openssh|openssh' ;;
  time) echo 'time|time|gnu-time' ;;
  patchelf) echo 'patchelf|patchelf|patchelf' ;;
  shellcheck) echo 'shellcheck|ShellCheck|shellcheck' ;;
  systemd-analyze) echo 'systemd|systemd|none: Linux alone has it' ;;
  *) die "no package is known for $1" ;;
  esac
}

present() {
  case $1 in
  cc) have cc && cc -x c - -o /dev/null <<<'#include <stdlib.h>
int main(void) { return 0; }' 2>/dev/null ;;
  openssl) have pkg-config && pkg-config --exists openssl ;;
  postgres) postgres_bin >/dev/null ;;
  contrib) contrib_there ;;
  time) [ -x /usr/bin/time ] ;;
  *) have "$1" ;;
  esac
}

# The folder of the newest PostgreSQL that has both a server and the client programs.
postgres_bin() {
  local dir
  while read -r dir; do
    [ -x "$dir/initdb" ] && [ -x "$dir/postgres" ] && [ -x "$dir/pg_dump" ] && { echo "$dir"; return; }
  done < <(
    { compgen -G '/usr/lib/postgresql/*/bin' || true; compgen -G '/usr/pgsql-*/bin' || true; } | sort -rV
    have pg_config && pg_config --bindir
    have postgres && dirname "$(command -v postgres)"
    compgen -G '/opt/homebrew/opt/postgresql@*/bin' | sort -rV
  )
  return 1
}

# The extensions that come with PostgreSQL: a package of their own in some distributions.
contrib_there() {
  local bin share
  bin=$(postgres_bin) || return 1
  if [ -x "$bin/pg_config" ]; then share=$("$bin/pg_config" --sharedir); else share=/usr/share/postgresql/$(basename "$(dirname "$bin")"); fi
  [ -e "$share/extension/pgcrypto.control" ]
}

# sudo asks for a password only where somebody is there to type it.
may_be_root() { [ "$(id -u)" -eq 0 ] || { have sudo && { [ -t 0 ] || sudo -n true 2>/dev/null; }; }; }

as_root() { if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo -- "$@"; fi; }

# Makes sure of every need named; installs what is missing, or says what it is called and stops.
ensure() {
  local need missing=() apt=()
  for need in "$@"; do present "$need" || missing+=("$need"); done
  [ ${#missing[@]} -eq 0 ] && return
  for need in "${missing[@]}"; do
    read -ra names <<<"$(packages "$need" | cut -d'|' -f1)"
    apt+=("${names[@]}")
  done
  have apt-get || die_missing "${missing[@]}"
  may_be_root || die "missing: ${missing[*]}; as root: apt-get update && apt-get install -y ${apt[*]}"
  say "installing ${apt[*]}"
  install_apt "${apt[@]}" || die "could not install; the lines above say why. As root: apt-get update && apt-get install -y ${apt[*]}"
  for need in "${missing[@]}"; do present "$need" || die "$need is still missing after installing ${apt[*]}"; done
}

die_missing() {
  local need column name
  column=2 name=dnf
  [ "$(uname -s)" = Darwin ] && column=3 name=brew
  say "missing, and there is no apt-get here to install it:"
  for need in "$@"; do
    printf '  %-12s %s: %s\n' "$need" "$name" "$(packages "$need" | cut -d'|' -f$column)" >&2
  done
  exit 1
}

# A mirror may fail once; a second failure is final.
install_apt() {
  local attempt
  keep_clusters_out
  for attempt in 1 2; do
    if apt_get update && apt_get install --no-install-recommends "$@"; then let_clusters_in; return; fi
    [ "$attempt" -eq 2 ] || { say 'once more in 5 seconds'; sleep 5; }
  done
  let_clusters_in
  return 1
}

# DPkg::Lock::Timeout: another installation under way is waited for, not an error.
apt_get() {
  as_root env DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l \
    apt-get -qq -y -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@" >&2
}

# Debian's server package makes and starts a cluster on port 5432 that nobody asked for. The file that says no to it
# lies there only while we install: what an administrator installs later behaves as usual.
no_cluster=/etc/postgresql-common/createcluster.d/unisys-dba-installing.conf

keep_clusters_out() {
  trap let_clusters_in EXIT
  as_root install -d "${no_cluster%/*}"
  echo 'create_main_cluster = false' | as_root tee "$no_cluster" >/dev/null
}

let_clusters_in() {
  as_root rm -f "$no_cluster"
  as_root rmdir --ignore-fail-on-non-empty "${no_cluster%/*}"
  trap - EXIT
}

# shellcheck disable=SC2016 # apt-get's own variables
mirror() { apt-get indextargets --format '$(REPO_URI) $(SUITE)' 'Created-By: Packages' | awk -v s="$1" '$2 ~ s {print $1; exit}'; }

# apt_of_its_own SUITE WORK: a package system of its own with nothing installed: apt then downloads the whole closure, C library included.
# Check-Valid-Until: mirrors keep testing's index past its date; its signature is still checked.
apt_of_its_own() {
  local suite=$1 work=$2
  mkdir -p "$work"/{lists/partial,cache/archives/partial,etc/apt.conf.d,etc/preferences.d}
  : >"$work/status"
  case $suite in
  jammy | noble) ubuntu_sources "$suite" "$work" ;;
  *) debian_sources "$suite" ;;
  esac >"$work/sources.list"
  cat >"$work/apt.conf" <<CONF
Dir::State "$work"; Dir::State::lists "$work/lists"; Dir::State::status "$work/status"; Dir::Cache "$work/cache";
Dir::Etc "$work/etc"; Dir::Etc::sourcelist "$work/sources.list"; Dir::Etc::sourceparts "-";
APT::Sandbox::User "root"; Acquire::Languages "none"; Acquire::Check-Valid-Until "false";
CONF
  export APT_CONFIG=$work/apt.conf
}

debian_sources() {
  local suite=$1 main security key=/usr/share/keyrings/debian-archive-keyring.gpg
  main=$(mirror '^(oldoldstable|oldstable|stable|testing|bullseye|bookworm|trixie|forky)$')
  security=$(mirror '[-]security$')
  [ -n "$main" ] || die 'found no Debian archive among the apt sources (apt-get update?)'
  echo "deb [signed-by=$key] $main $suite main"
  if [ "$suite" != forky ] && [ -n "$security" ]; then echo "deb [signed-by=$key] $security $suite-security main"; fi
}

# Ubuntu's archive with its own keys, which Debian does not have: their package is known by its hash.
ubuntu_sources() {
  local suite=$1 work=$2 archive=http://archive.ubuntu.com/ubuntu
  local keyring=pool/main/u/ubuntu-keyring/ubuntu-keyring_2023.11.28.1_all.deb
  local hash=36de43b15853ccae0028e9a767613770c704833f82586f28eb262f0311adb8a8
  /usr/lib/apt/apt-helper -o APT::Sandbox::User=root download-file "$archive/$keyring" "$work/keyring.deb" "SHA256:$hash" >&2 ||
    die "Ubuntu's archive cannot be reached, or its keys are not those of 2023"
  dpkg -x "$work/keyring.deb" "$work/keyring"
  for suite in "$suite" "$suite-updates" "$suite-security"; do
    echo "deb [signed-by=$work/keyring/usr/share/keyrings/ubuntu-archive-keyring.gpg] $archive $suite main"
  done
}

# The S3 server of the tests, from crates.io, into cargo's own folder: no root, and built once.
ensure_s3() {
  local version=0.14.1 tools
  tools=$(target_dir)/tools
  export UNISYS_TEST_S3=$tools/bin/s3s-fs
  if [ -x "$UNISYS_TEST_S3" ] && "$UNISYS_TEST_S3" --version | grep -qF " $version"; then return; fi
  say "building s3s-fs $version, an S3 server for the tests; once"
  cargo install s3s-fs --version "$version" --locked --features binary --quiet --root "$tools" --target-dir "$tools/build" >&2 ||
    die "s3s-fs could not be built; the lines above say why"
  rm -rf "$tools/build"
}

# The compiler is the one thing not installed here: which way it comes (rustup, a distribution) is its user's choice.
ensure_rust() {
  local wanted found
  wanted=$(sed -n 's/^rust-version = "\([0-9.]*\)".*/\1/p' "$root/Cargo.toml")
  have cargo || die "cargo is missing: Rust $wanted or later is needed, https://rustup.rs installs it"
  found=$(cd "$root" && rustc --version | cut -d' ' -f2)
  [ "$(printf '%s\n' "$wanted" "${found%%-*}" | sort -V | head -1)" = "$wanted" ] ||
    die "Rust $found is older than $wanted: 'rustup update', or https://rustup.rs where it came from a distribution"
}

ensure_build() {
  ensure_rust
  ensure cc pkg-config openssl
}

# Where cargo puts what it builds, whoever configured it.
target_dir() { cargo metadata --no-deps --offline --format-version 1 | sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p'; }

build_release() { # prints the program's path
  cargo build --release --locked --package unisys-dba >&2
  echo "$(target_dir)/release/unisys-dba"
}

cd "$root" || exit
