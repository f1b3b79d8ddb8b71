# shellcheck shell=bash
# How `scripts/bench` measures: private servers with default settings, seconds and bytes kept in files, medians.
# Sourced after lib.sh; needs $work, a directory that the servers' user can enter, $bin and $port.
# shellcheck disable=SC2154

# --- servers ---------------------------------------------------------------------------------------------------------

# PostgreSQL does not start as root: there its servers belong to the user that Debian's package made.
as_server_user() {
  if [ "$(id -u)" -ne 0 ]; then "$@"; else setpriv --reuid=postgres --regid=postgres --clear-groups "$@"; fi
}

# server_start NAME [SETTING…]: default settings but for those named; a socket only, so that no port is taken.
server_start() {
  local name=$1 setting options="-p $port -k $work/$1 -c listen_addresses=''"
  shift
  for setting in "$@"; do options+=" -c $setting"; done
  if [ ! -d "$work/$name/data" ]; then
    if [ "$(id -u)" -eq 0 ]; then install -d -o postgres "$work/$name"; else mkdir -p "$work/$name"; fi
    as_server_user "$bin/initdb" -D "$work/$name/data" -U postgres -A trust -E UTF8 --locale=C.UTF-8 --no-instructions >/dev/null
  fi
  (cd "$work/$name" && as_server_user "$bin/pg_ctl" -D "$work/$name/data" -s -w -t 60 -l "$work/$name/log" -o "$options" start)
  running+=("$name")
}

server_stop() {
  local name kept=()
  [ -d "$work/$1/data" ] && (cd "$work/$1" && as_server_user "$bin/pg_ctl" -D "$work/$1/data" -s -w -m fast stop)
  for name in "${running[@]}"; do [ "$name" = "$1" ] || kept+=("$name"); done
  running=("${kept[@]}")
}

server_stop_all() {
  local name
  for name in "${running[@]}"; do server_stop "$name" || true; done
}

sql() { "$bin/psql" -XAtq -v ON_ERROR_STOP=1 "$@"; }

# --- measuring -------------------------------------------------------------------------------------------------------

# measured NAME COMMAND…: one more run of NAME; a failure ends the bench, for a table with a hole says nothing.
measured() {
  local name=$1 from to
  shift
  rm -rf "$work/out"
  mkdir "$work/out"
  sync
  from=$EPOCHREALTIME
  "$@" >"$work/stdout" 2>"$work/stderr" || { tail -n 20 "$work/stderr" >&2; die "$name failed"; }
  to=$EPOCHREALTIME
  awk -v a="$from" -v b="$to" 'BEGIN { printf "%.3f\n", b - a }' >>"$work/seconds/$name"
  say "$(printf '%-12s %8.2f s' "$name" "$(tail -n 1 "$work/seconds/$name")")"
}

# remember NAME SECONDS: a figure that the command itself reported.
remember() { echo "$2" >>"$work/seconds/$1"; }

size_of() { du -sb --apparent-size "$@" | awk '{ s += $1 } END { print s }'; }

runs_of() { awk '{ printf "%s%.2f", (NR > 1 ? " · " : ""), $1 }' "$work/seconds/$1"; }

median() {
  sort -n "$work/seconds/$1" | awk '{ v[NR] = $1 } END { if (NR % 2) print v[(NR + 1) / 2]; else print (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

ratio() { awk -v a="$1" -v b="$2" 'BEGIN { if (b > 0) printf "%.2f", a / b; else printf "-" }'; }

megabytes() { awk -v n="$1" 'BEGIN { printf "%.1f MB", n / 1000000 }'; }

# peak COMMAND…: prints the most memory, in kB, that the command's own process held (its children not counted).
# The kernel keeps the maximum itself, so that looking now and then loses only the growth of the last moment.
peak() {
  local pid now most=0
  "$@" >"$work/stdout" 2>"$work/stderr" &
  pid=$!
  while now=$(awk '/^VmHWM/ { print $2 }' "/proc/$pid/status" 2>/dev/null) && [ -n "$now" ]; do
    most=$now
    sleep 0.05
  done
  wait "$pid" || { tail -n 20 "$work/stderr" >&2; die "failed: $*"; }
  echo "$most"
}

# The value of a number or string in a JSON document of ours.
json() { sed -n "s/.*\"$1\": *\"\{0,1\}\([^\",}]*\).*/\1/p" "$2" | head -n 1; }
