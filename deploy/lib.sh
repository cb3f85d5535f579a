# What the scripts of deploy/ share. Sourced by bash; sets `root` and goes there.
# shellcheck shell=bash

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root" || exit
export LC_ALL=C.UTF-8

# say 中文 English: one line to people.
say() { printf '%s / %s\n' "$1" "$2"; }

# fail 中文 English: the same on stderr, and the end.
fail() {
  printf '%s / %s\n' "$1" "$2" >&2
  exit 1
}

# missing_packages PART...: packages of these parts of deploy/packages that are not installed, one a line.
missing_packages() {
  local name
  awk -v parts=" $* " '/^\[/ { gsub(/[][]/, ""); part = $1; next } /^[a-z]/ && index(parts, " " part " ") { print $1 }' deploy/packages |
    while read -r name; do
      [[ $(dpkg-query -W -f='${db:Status-Status}' "$name" 2>/dev/null) == installed ]] || printf '%s\n' "$name"
    done
}

# install_missing PART...: installs what is missing; silent when nothing is.
install_missing() {
  command -v dpkg-query >/dev/null ||
    fail '此脚本需要 Debian 12(dpkg)。其他系统请按 deploy/packages 自行安装依赖' \
      'this script needs Debian 12 (dpkg); elsewhere install what deploy/packages lists by hand'
  local missing=() as_root=()
  mapfile -t missing < <(missing_packages "$@")
  ((${#missing[@]})) || return 0
  say "安装缺少的软件包: ${missing[*]}" 'installing missing packages'
  if ((EUID != 0)); then
    command -v sudo >/dev/null ||
      fail "缺少软件包,且不是 root,也没有 sudo。请以 root 执行: apt-get install ${missing[*]}" \
        'packages are missing, and there is neither root nor sudo: run the command above as root'
    as_root=(sudo)
    [[ -t 0 ]] || as_root+=(-n)
  fi
  # An index that can't be refreshed may still do.
  "${as_root[@]}" apt-get update -q </dev/null || true
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}" </dev/null ||
    fail "安装失败。请检查网络和软件源后重试,或手动执行: apt-get install ${missing[*]}" \
      'installing failed; check the network and the package sources, or run the command above by hand'
}

# How many compilers at once: the processors, but no more than the memory carries (a file that includes gRPC takes up to 1 GiB).
jobs_max() {
  local cores memory_mib by_memory
  cores=$(nproc)
  memory_mib=$(awk '/^MemAvailable:/ {print int($2 / 1024)}' /proc/meminfo)
  by_memory=$((memory_mib / 1000))
  ((by_memory < 1)) && by_memory=1
  echo $((cores < by_memory ? cores : by_memory))
}

# build PRESET [TARGET...]: configures and builds, with progress. Named targets need no package of the part `test`.
build() {
  local preset=$1 log="build/$1-configure.log"
  shift
  mkdir -p build
  local options=(-D BUILD_TESTING=ON)
  (($# == 0)) || options=(-D BUILD_TESTING=OFF)
  if ! cmake --preset "$preset" "${options[@]}" >"$log" 2>&1; then
    cat "$log" >&2
    fail "配置失败,见上" "configuring failed, see above"
  fi
  NINJA_STATUS='[%f/%t %es] ' cmake --build --preset "$preset" --parallel "$(jobs_max)" ${1:+--target "$@"}
}
